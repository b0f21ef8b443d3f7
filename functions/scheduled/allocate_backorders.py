"""Every minute: goods that came are given to the orders that wait for them, the oldest first."""

from datetime import datetime
from typing import Any

from shop.entrypoints.scheduler import scheduled
from shop.inventory.store import DynamoStockRepository
from shop.orders.actions.backorders import allocate_backorders
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
ledger = DynamoUnitOfWork(connection())


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    waiting, covered = allocate_backorders(
        at=at, orders=orders, book=stock, reservations=stock, uow=ledger
    )
    return {"waiting": waiting, "covered": covered}
