"""GET /staff/price-lists/{id}: a price list with its prices and its state now."""

from shop.edge.http import Request, endpoint
from shop.pricing.store import DynamoPriceBook
from shop.pricing.wire.price_lists import PriceListView

book = DynamoPriceBook()


@endpoint()
def handler(request: Request[None]) -> PriceListView:
    return PriceListView.of(book.of(request.path["id"]), request.at)
