"""GET /staff/promotions: all promotions, drafts and those that ended too; or those in one state."""

from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.wire.promotions import PromotionListView, state_asked

promotions = DynamoPromotions()


@endpoint()
def handler(request: Request[None]) -> PromotionListView:
    page = promotions.listed(
        cursor=request.query.get("cursor"),
        limit=limit_asked(request.query.get("limit")),
        status=state_asked(request.query.get("status")),
        at=request.at,
    )
    return PromotionListView.of(page, request.at)
