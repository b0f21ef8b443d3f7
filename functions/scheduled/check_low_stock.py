"""Every five minutes: check all thresholds, in case a stream record was missed."""

from datetime import datetime
from typing import Any

from shop.entrypoints.scheduler import scheduled
from shop.inventory.actions import check_all_low_stock
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.low_stock import DynamoLowStockAlerts

stock = DynamoStockRepository()
alerts = DynamoLowStockAlerts()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    checked, detected = check_all_low_stock(at=at, stock=stock, alerts=alerts)
    return {"checked": checked, "detected": detected}
