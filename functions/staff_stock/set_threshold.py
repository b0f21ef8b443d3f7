"""PUT /staff/stock-thresholds: at how many units for sale the staff are told."""

from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions import set_alarm
from shop.inventory.store import DynamoAlarms, DynamoStock
from shop.inventory.wire import StockView
from shop.inventory.wire.thresholds import ThresholdRequest

stock = DynamoStock()
alarms = DynamoAlarms()


@endpoint(ThresholdRequest)
def handler(request: Request[ThresholdRequest]) -> Answer:
    wish = request.body
    level = set_alarm(
        wish.sku,
        wish.low_at,
        expected_version=wish.version,
        stock=stock,
        alarms=alarms,
        location=wish.location,
    )
    return Answer(StockView.of(level), headers={"ETag": f'"{level.version}"'})
