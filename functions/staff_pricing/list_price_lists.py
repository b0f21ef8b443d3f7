"""GET /staff/price-lists: the price lists, without their prices."""

from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked
from shop.pricing.store.price_lists import DynamoPriceBook
from shop.pricing.wire.price_lists import PriceListsView, price_lists_view

book = DynamoPriceBook()


@endpoint()
def handler(request: Request[None]) -> PriceListsView:
    limit = limit_asked(request.query.get("limit"))
    return price_lists_view(book.all(), request.at, limit=limit, cursor=request.query.get("cursor"))
