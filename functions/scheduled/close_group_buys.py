"""Every minute: groups whose time is over are decided, and every member's order follows."""

from datetime import datetime
from typing import Any

from shop.entrypoints.scheduler import scheduled
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.group_buys import close_group_buys
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.group_buys import DynamoGroupBuyRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

writes = OrderWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    usage=DynamoUsageCounters(counter_shards()),
    uow=DynamoUnitOfWork(connection()),
)
group_buys = DynamoGroupBuyRepository()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    due, settled = close_group_buys(
        at=at,
        writes=writes,
        group_buys=group_buys,
    )
    return {"due": due, "settled": settled}
