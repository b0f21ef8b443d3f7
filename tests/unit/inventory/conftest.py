"""The stock fixture, once in memory and once on DynamoDB (moto), for the ports' test suite."""

import itertools
import random
from collections.abc import Iterator

import pytest

from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
from tests.kit.shop import mock_aws
from tests.unit.inventory.stock_fixture import StockFixture


@pytest.fixture(params=["memory", "dynamo"])
def stock_fixture(request: pytest.FixtureRequest) -> Iterator[StockFixture]:
    if request.param == "memory":
        yield StockFixture(MemoryStockRepository(), MemoryUnitOfWork())
        return
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        clock = itertools.count(1_800_000_000, 0.3)
        stock = DynamoStockRepository(
            chance=random.Random(1), sleep=lambda seconds: None, clock=lambda: next(clock)
        )
        yield StockFixture(stock, DynamoUnitOfWork(connection()))
