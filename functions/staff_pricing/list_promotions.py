"""GET /staff/promotions: all promotions, or those of one status, in pages."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.pricing.schemas.promotions import PromotionListView, promotion_status_from_query
from shop.pricing.store.promotions import DynamoPromotionRepository

promotions = DynamoPromotionRepository()


@endpoint()
def handler(request: Request[None]) -> PromotionListView:
    page = promotions.list_all(
        cursor=request.query.get("cursor"),
        limit=parse_limit(request.query.get("limit")),
        status=promotion_status_from_query(request.query.get("status")),
        at=request.received_at,
    )
    return PromotionListView.of(page, request.received_at)
