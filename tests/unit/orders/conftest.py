"""Order fixtures on the doubles, and on DynamoDB (moto)."""

from collections.abc import Iterator

import pytest

from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
from tests.doubles.orders import MemoryOrderRepository
from tests.kit.shop import create_tables, mock_aws
from tests.unit.orders.order_fixture import OrderFixture


@pytest.fixture
def memory() -> OrderFixture:
    """Orders on the doubles only."""
    return OrderFixture(MemoryOrderRepository(), MemoryStockRepository(), MemoryUnitOfWork())


@pytest.fixture(params=["memory", "dynamo"])
def order_fixture(request: pytest.FixtureRequest, memory: OrderFixture) -> Iterator[OrderFixture]:
    """Orders on the doubles, then on DynamoDB."""
    if request.param == "memory":
        yield memory
        return
    with mock_aws():
        create_tables()
        from shop.credits.store.repository import DynamoCreditAccountRepository
        from shop.inventory.store import DynamoStockRepository, counter_shards
        from shop.orders.store import DynamoOrderEmails, DynamoOrderRepository, DynamoWorkflowTokens
        from shop.orders.store.parked_events import DynamoParkedEvents
        from shop.pricing.store.rows import COUNT, PricingRow
        from shop.pricing.store.usage_counters import DynamoUsageCounters
        from shop.storage.connection import connection
        from shop.storage.transactions import DynamoUnitOfWork

        class ReadableUsageCounters(DynamoUsageCounters):
            def used(self, kind: str, name: str) -> int:
                key = f"{kind.upper()}#{name}"
                return sum(int(row.used) for row in PricingRow.batch_get([(key, COUNT)]))

        yield OrderFixture(
            DynamoOrderRepository(),
            DynamoStockRepository(),
            DynamoUnitOfWork(connection()),
            ReadableUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
            DynamoWorkflowTokens(),
            DynamoOrderEmails(),
            parked_events=DynamoParkedEvents(),
        )
