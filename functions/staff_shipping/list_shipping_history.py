"""GET /staff/shipping/history: who changed the shipping table, newest first."""

from shop.edge.http import Request, endpoint
from shop.pricing.wire import limit_asked
from shop.shipping.store import DynamoShippingBook
from shop.shipping.wire import ShippingHistoryView

book = DynamoShippingBook()


@endpoint()
def handler(request: Request[None]) -> ShippingHistoryView:
    limit = min(20, limit_asked(request.query.get("limit")))
    return ShippingHistoryView.of(book.past(cursor=request.query.get("cursor"), limit=limit))
