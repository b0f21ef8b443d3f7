"""GET /staff/stock-levels?sku=…: the stock of a SKU, in total and at each location."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.actions import list_levels
from shop.inventory.schemas import LevelsView, sku_from_query
from shop.inventory.store import DynamoStockRepository

stock = DynamoStockRepository()
catalog = DynamoProductCatalog()


@endpoint()
def handler(request: Request[None]) -> LevelsView:
    sku = sku_from_query(request.query)
    return LevelsView.of(sku, list_levels(sku, stock=stock, skus=catalog))
