"""GET /staff/price-lists/{id}: a price list with its prices and its state now."""

from shop.edge.http import Answer, Request, endpoint
from shop.pricing.store.price_lists import DynamoPriceBook
from shop.pricing.wire.price_lists import PriceListView

book = DynamoPriceBook()


@endpoint()
def handler(request: Request[None]) -> Answer:
    found = book.of(request.path["id"])
    return Answer(PriceListView.of(found, request.at), headers={"ETag": f'"{found.version}"'})
