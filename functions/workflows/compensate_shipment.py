"""CompensateShipment: cancel pieces that were not shipped in time.

An order with a pending ship date waits again, because its back-ordered pieces are not late.
"""

from shop.credits.store.repository import DynamoCreditAccountRepository
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
    usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
    uow=DynamoUnitOfWork(connection()),
)


@workflow_task
def handler(task: WorkflowTask) -> bool | StillPending:
    order = cancel_unshipped(task.order_id, at=task.at, writes=writes)
    # Only an order with a pending ship date is confirmed and unshipped now.
    if order.status is OrderStatus.CONFIRMED and not order.shipped:
        return STILL_PENDING
    return order.status is OrderStatus.CONFIRMED
