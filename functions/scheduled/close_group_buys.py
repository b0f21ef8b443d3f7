"""Every minute: groups whose time is over are decided, and every member's order follows."""

from datetime import datetime
from typing import Any

from shop.edge.schedule import scheduled
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.group_buys import close_group_buys
from shop.orders.store import DynamoOrders
from shop.pricing.store.group_buys import DynamoGroupBuys
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
ledger = DynamoLedger(connection())
group_buys = DynamoGroupBuys()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    due, settled = close_group_buys(
        at=at,
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
        group_buys=group_buys,
    )
    return {"due": due, "settled": settled}
