"""A stock room, once in memory and once on DynamoDB's mapping (moto), for the ports' own suite."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

os.environ.setdefault("TABLE_INVENTORY", "inventory")
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from tests.doubles.inventory import Cancelled, MemoryStock, MemoryTransaction
from tests.unit.inventory.room import Room


@pytest.fixture(params=["memory", "dynamo"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    if request.param == "memory":
        yield Room(MemoryStock(), MemoryTransaction, Cancelled)
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        from pynamodb.connection import Connection
        from pynamodb.exceptions import TransactWriteError
        from pynamodb.transactions import TransactWrite

        from shop.inventory import store

        _forget_clients(store.StockRow, store.MovementRow)
        store.StockRow.create_table(billing_mode="PAY_PER_REQUEST")
        region = os.environ["AWS_DEFAULT_REGION"]
        yield Room(
            store.DynamoStock(sleep=lambda seconds: None),
            lambda: TransactWrite(connection=Connection(region=region)),
            TransactWriteError,
        )
        _forget_clients(store.StockRow, store.MovementRow)


def _forget_clients(*models: Any) -> None:
    """A client made before moto began would reach past it, and one of moto's past its end."""
    for model in models:
        model._connection = None
