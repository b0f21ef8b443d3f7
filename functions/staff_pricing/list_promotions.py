"""GET /staff/promotions: all promotions, drafts and those that ended too."""

from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked
from shop.pricing.store import DynamoPromotions
from shop.pricing.wire.promotions import PromotionListView

promotions = DynamoPromotions()


@endpoint()
def handler(request: Request[None]) -> PromotionListView:
    limit = limit_asked(request.query.get("limit"))
    page = promotions.listed(cursor=request.query.get("cursor"), limit=limit)
    return PromotionListView.of(page, request.at)
