"""GET /staff/promotions/{id}: a promotion with its state now."""

from shop.edge.http import Request, endpoint
from shop.pricing.store import DynamoPromotions
from shop.pricing.wire.promotions import PromotionView

promotions = DynamoPromotions()


@endpoint()
def handler(request: Request[None]) -> PromotionView:
    return PromotionView.of(promotions.of(request.path["id"]), request.at)
