"""ReleaseAllocation: what was not shipped in time is called off; what was shipped goes on.

What was ordered ahead is waited for again, until its day is long past.
"""

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.step_functions import STILL_PENDING, StillPending, WorkflowTask, workflow_task
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
tallies = DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository())
ledger = DynamoUnitOfWork(connection())


@workflow_task
def handler(undo: WorkflowTask) -> bool | StillPending:
    order = cancel_unshipped(
        undo.order_id, at=undo.at, orders=orders, reservations=stock, usage=tallies, uow=ledger
    )
    if order.status is OrderStatus.CONFIRMED and not order.shipped:
        return STILL_PENDING
    return order.status is OrderStatus.CONFIRMED
