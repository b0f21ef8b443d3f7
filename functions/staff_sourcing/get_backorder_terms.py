"""GET /staff/stock-terms/{sku+}: the back-order terms of a SKU at a location."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions import get_level
from shop.inventory.model import MAIN_LOCATION
from shop.inventory.schemas.backorders import BackorderTermsView
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
locations = DynamoLocationRepository()
catalog = DynamoProductCatalog()


@endpoint()
def handler(request: Request[None]) -> Response:
    location = request.query.get("location", MAIN_LOCATION)
    locations.get().location(location)  # raises NotFound for an unknown location
    level = get_level(clean_key(request.path["sku"]), stock=stock, skus=catalog, location=location)
    return Response(BackorderTermsView.of(level), headers={"ETag": f'"{level.version}"'})
