"""Every minute: goods that came are given to the orders that wait for them, the oldest first."""

from datetime import datetime
from typing import Any

from shop.entrypoints.scheduler import scheduled
from shop.inventory.store import DynamoStockRepository
from shop.orders.actions.backorders import allocate_backorders
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

stock = DynamoStockRepository()
writes = OrderStockWrites(
    orders=DynamoOrderRepository(),
    stock=stock,
    uow=DynamoUnitOfWork(connection()),
)


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    waiting, covered = allocate_backorders(at=at, book=stock, writes=writes)
    return {"waiting": waiting, "covered": covered}
