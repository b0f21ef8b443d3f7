"""POST /staff/promotions/{id}/schedule: put a draft on the calendar."""

from shop.edge.http import Request, endpoint
from shop.pricing.actions.promotions import publish_promotion
from shop.pricing.store import DynamoPromotions
from shop.pricing.wire.promotions import PromotionView

promotions = DynamoPromotions()


@endpoint()
def handler(request: Request[None]) -> PromotionView:
    after = publish_promotion(request.path["id"], promotions=promotions, at=request.at)
    return PromotionView.of(after, request.at)
