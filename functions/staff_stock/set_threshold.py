"""PUT /staff/stock-thresholds: set the low-stock threshold of a SKU at a location."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions import set_low_stock_threshold
from shop.inventory.schemas import StockView
from shop.inventory.schemas.thresholds import ThresholdRequest
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.low_stock import DynamoLowStockAlerts

stock = DynamoStockRepository()
alerts = DynamoLowStockAlerts()


@endpoint(ThresholdRequest)
def handler(request: Request[ThresholdRequest]) -> Response:
    body = request.body
    level = set_low_stock_threshold(
        body.sku,
        body.low_stock_threshold,
        expected_version=body.version,
        stock=stock,
        alerts=alerts,
        location=body.location,
    )
    return Response(StockView.of(level), headers={"ETag": f'"{level.version}"'})
