"""PUT /staff/promotions/{id}: change a promotion, as far as its state lets it."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.pricing.actions.assortment import InCatalogue
from shop.pricing.actions.promotions import change_promotion
from shop.pricing.store import DynamoPromotions
from shop.pricing.wire.promotions import PromotionBody, PromotionView

promotions = DynamoPromotions()
assortment = InCatalogue(DynamoCatalogue())


@endpoint(PromotionBody)
def handler(request: Request[PromotionBody]) -> PromotionView:
    id_ = request.path["id"]
    changed = change_promotion(
        id_,
        request.body.promotion(id_),
        promotions=promotions,
        assortment=assortment,
        at=request.at,
    )
    return PromotionView.of(changed, request.at)
