"""GET /staff/low-stock: what runs low now, page by page."""

from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoAlarms, DynamoStock
from shop.inventory.wire.thresholds import LowListView
from shop.kernel.paging import limit_asked

stock = DynamoStock()
alarms = DynamoAlarms()


@endpoint()
def handler(request: Request[None]) -> LowListView:
    limit = limit_asked(request.query.get("limit"), most=100)
    page = alarms.low(cursor=request.query.get("cursor"), limit=limit)
    return LowListView.of(page, stock.at([(one.sku, one.location) for one in page.items]))
