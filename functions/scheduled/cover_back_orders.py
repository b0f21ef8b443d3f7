"""Every minute: goods that came are given to the orders that wait for them, the oldest first."""

from datetime import datetime
from typing import Any

from shop.edge.schedule import scheduled
from shop.inventory.store import DynamoStock
from shop.orders.actions.covering import cover_orders
from shop.orders.store import DynamoOrders
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
ledger = DynamoLedger(connection())


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    waiting, covered = cover_orders(at=at, orders=orders, book=stock, stock=stock, ledger=ledger)
    return {"waiting": waiting, "covered": covered}
