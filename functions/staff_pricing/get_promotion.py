"""GET /staff/promotions/{id}: a promotion with its state now, and what it said before."""

from shop.edge.http import Answer, Request, endpoint
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.wire.promotions import PromotionPastView

promotions = DynamoPromotions()


@endpoint()
def handler(request: Request[None]) -> Answer:
    promotion = promotions.of(request.path["id"])
    view = PromotionPastView.told(promotion, promotions.past(promotion.id), request.at)
    return Answer(view, headers={"ETag": f'"{promotion.version}"'})
