"""A stock room, once in memory and once on DynamoDB's mapping (moto), for the ports' own suite."""

import itertools
import random
from collections.abc import Iterator

import pytest
from moto import mock_aws

from shop.inventory.store import DynamoStock
from shop.inventory.store.rows import BinRow
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger
from tests.doubles.inventory import MemoryLedger, MemoryStock
from tests.unit.inventory.room import Room


@pytest.fixture(params=["memory", "dynamo"])
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    if request.param == "memory":
        yield Room(MemoryStock(), MemoryLedger())
        return
    with mock_aws():
        BinRow.create_table(billing_mode="PAY_PER_REQUEST")
        clock = itertools.count(1_800_000_000, 0.3)
        stock = DynamoStock(
            chance=random.Random(1), sleep=lambda seconds: None, clock=lambda: next(clock)
        )
        yield Room(stock, DynamoLedger(connection()))
