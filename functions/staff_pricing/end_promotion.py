"""POST /staff/promotions/{id}/end: call a promotion off, at once and for good."""

from shop.edge.http import Request, endpoint
from shop.pricing.actions.promotions import end_promotion
from shop.pricing.store import DynamoPromotions
from shop.pricing.wire.promotions import PromotionView

promotions = DynamoPromotions()


@endpoint()
def handler(request: Request[None]) -> PromotionView:
    after = end_promotion(request.path["id"], promotions=promotions, at=request.at)
    return PromotionView.of(after, request.at)
