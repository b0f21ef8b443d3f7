"""An order's world, once in memory and once on DynamoDB's mapping (moto)."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.doubles.inventory import MemoryLedger, MemoryStock
from tests.doubles.orders import MemoryOrders
from tests.kit.shop import create_tables
from tests.unit.orders.room import Room


@pytest.fixture
def memory() -> Room:
    """The world of the doubles alone."""
    return Room(MemoryOrders(), MemoryStock(), MemoryLedger())


@pytest.fixture(params=["memory", "dynamo"])
def room(request: pytest.FixtureRequest, memory: Room) -> Iterator[Room]:
    """Each of both worlds."""
    if request.param == "memory":
        yield memory
        return
    with mock_aws():
        create_tables()
        from shop.inventory.store import DynamoStock, count_bins
        from shop.orders.store import DynamoLetters, DynamoOrders, DynamoWaits
        from shop.pricing.store.rows import COUNT, PricingRow
        from shop.pricing.store.tallies import DynamoTallies
        from shop.storage.table import connection
        from shop.storage.transactions import DynamoLedger

        class Counting(DynamoTallies):
            def used(self, sort: str, name: str) -> int:
                key = f"{sort.upper()}#{name}"
                return sum(int(row.used) for row in PricingRow.batch_get([(key, COUNT)]))

        yield Room(
            DynamoOrders(),
            DynamoStock(),
            DynamoLedger(connection()),
            Counting(count_bins()),
            DynamoWaits(),
            DynamoLetters(),
        )
