"""Every five minutes: whatever has a threshold is looked at, should a change have gone unseen."""

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
    looked, noted = check_all_low_stock(at=at, stock=stock, alerts=alerts)
    return {"looked": looked, "noted": noted}
