"""PUT /staff/stock-terms/{sku+}: sell a SKU on back-order or before it first comes."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.backorders import set_backorder_terms
from shop.inventory.schemas.backorders import BackorderTermsBody, BackorderTermsView
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.kernel.optimistic_locking import require_version

stock = DynamoStockRepository()
locations = DynamoLocationRepository()
catalogue = DynamoProductCatalog()


@endpoint(BackorderTermsBody)
def handler(request: Request[BackorderTermsBody]) -> Response:
    wish = request.body
    locations.get().location(wish.location)
    level = set_backorder_terms(
        request.path["sku"],
        wish.terms(),
        expected_version=require_version(request.headers.get("if-match"), wish.version, minimum=0),
        at=request.received_at,
        stock=stock,
        skus=catalogue,
        location=wish.location,
    )
    return Response(BackorderTermsView.of(level), headers={"ETag": f'"{level.version}"'})
