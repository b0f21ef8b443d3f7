"""GET /staff/price-lists/{id}: a price list with its prices and its state now."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.pricing.schemas.price_lists import PriceListView
from shop.pricing.store.price_lists import DynamoPriceListRepository

repository = DynamoPriceListRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    found = repository.get(request.path["id"])
    return Response(
        PriceListView.of(found, request.received_at), headers={"ETag": f'"{found.version}"'}
    )
