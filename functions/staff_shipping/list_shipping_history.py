"""GET /staff/shipping/history: who changed the shipping table, newest first."""

from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked
from shop.shipping.store import DynamoShippingBook
from shop.shipping.wire import ShippingHistoryView

book = DynamoShippingBook()


@endpoint()
def handler(request: Request[None]) -> ShippingHistoryView:
    limit = limit_asked(request.query.get("limit"), default=20, most=20)
    return ShippingHistoryView.of(book.past(cursor=request.query.get("cursor"), limit=limit))
