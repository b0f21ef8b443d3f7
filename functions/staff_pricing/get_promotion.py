"""GET /staff/promotions/{id}: a promotion with its current status and its versions."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.pricing.schemas.promotions import PromotionHistoryView
from shop.pricing.store.promotions import DynamoPromotionRepository

promotions = DynamoPromotionRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    promotion = promotions.get(request.path["id"])
    view = PromotionHistoryView.from_history(
        promotion, promotions.list_revisions(promotion.id), request.received_at
    )
    return Response(view, headers={"ETag": f'"{promotion.version}"'})
