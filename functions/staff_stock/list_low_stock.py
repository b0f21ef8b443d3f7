"""GET /staff/low-stock: the SKUs at or below their low-stock threshold, page by page."""

from shop.entrypoints.http import Request, endpoint
from shop.inventory.schemas.thresholds import LowStockListView
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.low_stock import DynamoLowStockAlerts
from shop.kernel.pagination import parse_limit

stock = DynamoStockRepository()
alerts = DynamoLowStockAlerts()


@endpoint()
def handler(request: Request[None]) -> LowStockListView:
    limit = parse_limit(request.query.get("limit"), max_results=100)
    page = alerts.list_open(cursor=request.query.get("cursor"), limit=limit)
    return LowStockListView.of(
        page, stock.get_levels_at([(crossing.sku, crossing.location) for crossing in page.items])
    )
