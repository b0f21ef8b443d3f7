"""ExpireOrder: no payment came: the order is called off, unless the money is there after all."""

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.expiry import expire_order
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
tallies = DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository())
ledger = DynamoUnitOfWork(connection())
provider = create_payment_provider()


@workflow_task
def handler(undo: WorkflowTask) -> bool:
    order = expire_order(
        undo.order_id,
        at=undo.at,
        orders=orders,
        reservations=stock,
        usage=tallies,
        uow=ledger,
        provider=provider,
    )
    return order.status is OrderStatus.CONFIRMED
