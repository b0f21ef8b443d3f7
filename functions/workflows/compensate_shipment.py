"""ReleaseAllocation: what was not shipped in time is called off; what was shipped goes on.

What was ordered ahead is waited for again, until its day is long past.
"""

from shop.entrypoints.step_functions import STILL_PENDING, StillPending, WorkflowTask, workflow_task
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

writes = OrderWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    usage=DynamoUsageCounters(counter_shards()),
    uow=DynamoUnitOfWork(connection()),
)


@workflow_task
def handler(undo: WorkflowTask) -> bool | StillPending:
    order = cancel_unshipped(undo.order_id, at=undo.at, writes=writes)
    if order.status is OrderStatus.CONFIRMED and not order.shipped:
        return STILL_PENDING
    return order.status is OrderStatus.CONFIRMED
