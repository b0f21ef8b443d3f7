"""POST /staff/promotions: create a promotion as a draft."""

from shop.composition.references import catalog_references
from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.promotions import create_promotion
from shop.pricing.schemas.promotions import PromotionBody, PromotionView
from shop.pricing.store.promotions import DynamoPromotionRepository

promotions = DynamoPromotionRepository()
assortment = catalog_references()


@endpoint(PromotionBody, status=201)
def handler(request: Request[PromotionBody]) -> PromotionView:
    draft = create_promotion(
        request.body.promotion(),
        promotions=promotions,
        assortment=assortment,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return PromotionView.of(draft, request.received_at)
