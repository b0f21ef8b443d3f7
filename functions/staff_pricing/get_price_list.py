"""GET /staff/price-lists/{id}: a price list with its prices and its current status."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.pricing.schemas.price_lists import PriceListView
from shop.pricing.store.price_lists import DynamoPriceListRepository

repository = DynamoPriceListRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    price_list = repository.get(request.path["id"])
    return Response(
        PriceListView.of(price_list, request.received_at),
        headers={"ETag": f'"{price_list.version}"'},
    )
