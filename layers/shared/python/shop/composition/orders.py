"""The repositories that one transaction on an order writes through."""

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.transactions import DynamoUnitOfWork


def order_writes() -> OrderWrites:
    """Build the writes of a Lambda that changes or cancels orders."""
    return OrderWrites(
        orders=DynamoOrderRepository(),
        stock=DynamoStockRepository(),
        usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
        uow=DynamoUnitOfWork(),
    )
