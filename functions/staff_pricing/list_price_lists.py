"""GET /staff/price-lists: price lists without their prices, in pages."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.pricing.schemas.price_lists import PriceListsView, price_lists_view
from shop.pricing.store.price_lists import DynamoPriceListRepository

repository = DynamoPriceListRepository()


@endpoint()
def handler(request: Request[None]) -> PriceListsView:
    limit = parse_limit(request.query.get("limit"))
    return price_lists_view(
        repository.list_all(), request.received_at, limit=limit, cursor=request.query.get("cursor")
    )
