"""PUT /staff/stock-terms/{sku+}: set the back-order or pre-order terms of a SKU."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.backorders import set_backorder_terms
from shop.inventory.schemas.backorders import BackorderTermsBody, BackorderTermsView
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.kernel.optimistic_locking import require_version
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
locations = DynamoLocationRepository()
catalog = DynamoProductCatalog()


@endpoint(BackorderTermsBody)
def handler(request: Request[BackorderTermsBody]) -> Response:
    body = request.body
    locations.get().location(body.location)  # raises NotFound for an unknown location
    level = set_backorder_terms(
        clean_key(request.path["sku"]),
        body.terms(),
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        at=request.received_at,
        stock=stock,
        skus=catalog,
        location=body.location,
    )
    return Response(BackorderTermsView.of(level), headers={"ETag": f'"{level.version}"'})
