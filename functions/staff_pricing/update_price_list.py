"""PUT /staff/price-lists/{id}: replace a price list from now on."""

from shop.composition.references import catalog_references
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.price_lists import update_price_list
from shop.pricing.schemas.price_lists import PriceListChangeBody, PriceListView
from shop.pricing.store.price_lists import DynamoPriceListRepository

repository = DynamoPriceListRepository()
assortment = catalog_references()


@endpoint(PriceListChangeBody)
def handler(request: Request[PriceListChangeBody]) -> Response:
    id_ = request.path["id"]
    changed = update_price_list(
        id_,
        request.body.price_list(id_),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        repository=repository,
        assortment=assortment,
        at=request.received_at,
    )
    return Response(
        PriceListView.of(changed, request.received_at), headers={"ETag": f'"{changed.version}"'}
    )
