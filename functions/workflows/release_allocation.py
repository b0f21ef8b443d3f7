"""ReleaseAllocation: what was not shipped in time is called off; what was shipped goes on.

What was ordered ahead is waited for again, until its day is long past.
"""

from shop.edge.task import AGAIN, Again, Task, task
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.calling_off import release_allocation
from shop.orders.model import Status
from shop.orders.store import DynamoOrders
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
ledger = DynamoLedger(connection())


@task
def handler(undo: Task) -> bool | Again:
    order = release_allocation(
        undo.order_id, at=undo.at, orders=orders, stock=stock, tallies=tallies, ledger=ledger
    )
    if order.status is Status.CONFIRMED and not order.shipped:
        return AGAIN
    return order.status is Status.CONFIRMED
