"""GET /staff/stock-journal?sku=…: what moved of a SKU, newest first, page by page."""

from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock
from shop.inventory.wire import sku_asked
from shop.inventory.wire.movements import JournalView
from shop.kernel.paging import limit_asked

stock = DynamoStock()


@endpoint()
def handler(request: Request[None]) -> JournalView:
    sku, limit = sku_asked(request.query), limit_asked(request.query.get("limit"))
    page = stock.journal(sku, cursor=request.query.get("cursor"), limit=limit)
    return JournalView.of(page)
