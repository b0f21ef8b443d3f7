"""A stock room, once in memory and once on DynamoDB's mapping (moto), for the ports' own suite."""

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

os.environ.setdefault("TABLE_INVENTORY", "inventory")
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from tests.doubles.inventory import MemoryLedger, MemoryStock
from tests.unit.inventory.room import Room


@pytest.fixture(params=["memory", "dynamo"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    if request.param == "memory":
        yield Room(MemoryStock(), MemoryLedger())
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        from shop.inventory import store
        from shop.storage.transactions import DynamoLedger

        store.StockRow._connection = None  # made before moto began, it would reach past it
        store.StockRow.create_table(billing_mode="PAY_PER_REQUEST")
        yield Room(store.DynamoStock(), DynamoLedger(store.StockRow._get_connection().connection))
        store.StockRow._connection = None
