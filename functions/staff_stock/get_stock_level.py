"""GET /staff/stock/{sku+}: the stock level of a SKU; all zeros if staff never counted it."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions import get_level
from shop.inventory.schemas import StockView, location_from_query
from shop.inventory.store import DynamoStockRepository
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
catalog = DynamoProductCatalog()


@endpoint()
def handler(request: Request[None]) -> Response:
    location = location_from_query(request.query)
    level = get_level(clean_key(request.path["sku"]), stock=stock, skus=catalog, location=location)
    return Response(StockView.of(level), headers={"ETag": f'"{level.version}"'})
