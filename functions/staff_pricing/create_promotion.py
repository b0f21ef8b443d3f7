"""POST /staff/promotions: a new promotion, as a draft."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.pricing.actions.assortment import InCatalogue
from shop.pricing.actions.promotions import draft_promotion
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.wire.promotions import PromotionBody, PromotionView
from shop.shipping.store import DynamoShippingBook

promotions = DynamoPromotions()
shipping = DynamoShippingBook()
assortment = InCatalogue(
    DynamoCatalogue(), methods=lambda: {method.id for method in shipping.now().table.methods}
)


@endpoint(PromotionBody, status=201)
def handler(request: Request[PromotionBody]) -> PromotionView:
    draft = draft_promotion(
        request.body.promotion(),
        promotions=promotions,
        assortment=assortment,
        at=request.at,
        who=request.caller.owner,
    )
    return PromotionView.of(draft, request.at)
