"""GET /staff/stock-journal?sku=…: the stock movements of a SKU, newest first, page by page."""

from shop.entrypoints.http import Request, endpoint
from shop.inventory.schemas import sku_from_query
from shop.inventory.schemas.movements import StockMovementListView
from shop.inventory.store import DynamoStockRepository
from shop.kernel.pagination import parse_limit

stock = DynamoStockRepository()


@endpoint()
def handler(request: Request[None]) -> StockMovementListView:
    sku, limit = sku_from_query(request.query), parse_limit(request.query.get("limit"))
    page = stock.list_movements(sku, cursor=request.query.get("cursor"), limit=limit)
    return StockMovementListView.of(page)
