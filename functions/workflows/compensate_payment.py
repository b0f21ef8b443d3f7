"""CompensatePayment: cancel an unpaid order, unless its payment proves certain."""

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.expiry import expire_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

writes = OrderWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
    uow=DynamoUnitOfWork(connection()),
)
provider = create_payment_provider()


@workflow_task
def handler(task: WorkflowTask) -> bool:
    order = expire_order(
        task.order_id,
        at=task.at,
        writes=writes,
        provider=provider,
    )
    return order.status is OrderStatus.CONFIRMED
