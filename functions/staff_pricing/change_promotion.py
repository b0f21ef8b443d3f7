"""PUT /staff/promotions/{id}: change a promotion, as far as its state lets it."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import needed_version
from shop.pricing.actions.assortment import InCatalogue
from shop.pricing.actions.promotions import change_promotion
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.wire.promotions import PromotionBody, PromotionView
from shop.shipping.store import DynamoShippingBook

promotions = DynamoPromotions()
shipping = DynamoShippingBook()
assortment = InCatalogue(
    DynamoCatalogue(), methods=lambda: {method.id for method in shipping.now().table.methods}
)


@endpoint(PromotionBody)
def handler(request: Request[PromotionBody]) -> Answer:
    id_ = request.path["id"]
    changed = change_promotion(
        id_,
        request.body.promotion(id_),
        expected_version=needed_version(request.headers.get("if-match"), request.body.version),
        promotions=promotions,
        assortment=assortment,
        at=request.at,
        who=request.caller.owner,
    )
    return Answer(PromotionView.of(changed, request.at), headers={"ETag": f'"{changed.version}"'})
