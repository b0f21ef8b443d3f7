"""Every six hours: announce orders whose promised date has passed without their delivery."""

from datetime import datetime
from typing import Any

from shop.entrypoints.scheduler import scheduled
from shop.orders.actions.delays import announce_delays
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    late, announced = announce_delays(at=at, orders=orders)
    return {"late": late, "announced": announced}
