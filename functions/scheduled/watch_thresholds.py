"""Every five minutes: whatever has a threshold is looked at, should a change have gone unseen."""

from datetime import datetime
from typing import Any

from shop.edge.schedule import scheduled
from shop.inventory.actions import watch_all
from shop.inventory.store import DynamoAlarms, DynamoStock

stock = DynamoStock()
alarms = DynamoAlarms()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    looked, noted = watch_all(at=at, stock=stock, alarms=alarms)
    return {"looked": looked, "noted": noted}
