"""GET /staff/price-lists: the price lists, without their prices."""

from shop.edge.http import Request, endpoint
from shop.pricing.store import DynamoPriceBook
from shop.pricing.wire import PriceListsView, limit_asked, price_lists_view

book = DynamoPriceBook()


@endpoint()
def handler(request: Request[None]) -> PriceListsView:
    limit = limit_asked(request.query.get("limit"))
    return price_lists_view(book.all(), request.at, limit=limit, cursor=request.query.get("cursor"))
