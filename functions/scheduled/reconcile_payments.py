"""Every five minutes: read the payments of unpaid orders, because webhooks can be lost."""

from datetime import datetime
from typing import Any

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.scheduler import scheduled
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.expiry import reconcile_payments
from shop.orders.actions.order_writes import OrderWrites
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


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    checked, settled = reconcile_payments(at=at, writes=writes, provider=provider)
    return {"waiting": checked, "settled": settled}
