"""What stock asks of DynamoDB, counted: the number of calls and rows is the budget."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from shop.inventory.actions import Slip, receive
from shop.inventory.model import Demand
from shop.inventory.store import DynamoStock
from shop.inventory.store.rows import BinRow
from shop.kernel.transactions import Clash
from shop.storage.documents import JsonDocument
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger
from tests.kit.calls import Calls, counted
from tests.unit.inventory.room import Room

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
PLACES = ("main",)


@pytest.fixture
def room() -> Iterator[Room]:
    with mock_aws():
        BinRow.create_table(billing_mode="PAY_PER_REQUEST")
        room = Room(DynamoStock(PLACES, sleep=lambda seconds: None), DynamoLedger(connection()))
        room.stock.open({"A": 50, "B": 50}, actor="w", reason="opening", at=NOW)
        room.stock.open({"HOT": 400}, actor="w", reason="opening", at=NOW)
        yield room


def cost(work: Callable[[], object]) -> tuple[list[str], int]:
    """The calls, and the rows written by transactions."""
    with counted() as calls:
        work()
    return [call.operation for call in calls.made], written(calls)


def written(calls: Calls) -> int:
    return sum(len(call.parameters.get("TransactItems", ())) for call in calls.made)


def test_holding_two_articles_reads_nothing_and_writes_two_rows(room: Room) -> None:
    made, rows = cost(lambda: room.hold(Demand("A", 1), Demand("B", 2), Demand("A", 1)))
    assert (made, rows) == (["TransactWriteItems"], 2)


def test_a_hot_article_costs_a_buyer_no_more_than_any_other(room: Room) -> None:
    room.stock.spread("HOT", 8)
    room.stock.levels(["HOT"])
    made, rows = cost(lambda: room.hold(Demand("HOT", 1)))
    assert (made, rows) == (["TransactWriteItems"], 1)


def test_levels_are_one_reading_however_many(room: Room) -> None:
    assert cost(lambda: room.stock.levels(["A", "B", "?"])) == (["BatchGetItem"], 0)


def test_a_refusal_costs_one_reading_for_all_lines(room: Room) -> None:
    demands = [Demand("A", 99), Demand("B", 99)]
    with pytest.raises(Clash) as refused:
        room.hold(*demands)
    made, _ = cost(lambda: room.stock.shortages_after(refused.value, demands))
    assert made == ["BatchGetItem"]


def test_shipping_writes_a_row_and_a_line_for_each_article(room: Room) -> None:
    holds = room.hold(Demand("A", 1), Demand("B", 1))
    at = NOW + timedelta(hours=1)
    made, rows = cost(lambda: room.ship(holds, order="ord_1", actor="w", at=at))
    assert (made, rows) == (["TransactWriteItems"], 4)


def test_opening_a_shop_takes_a_transaction_for_fifty_articles(room: Room) -> None:
    counts = {f"NEW-{n}": 1 for n in range(100)}
    made, rows = cost(lambda: room.stock.open(counts, actor="w", reason="file", at=NOW))
    assert made == ["BatchGetItem", "TransactWriteItems"] * 2
    assert rows == 200
    made, rows = cost(lambda: room.stock.open(counts, actor="w", reason="file", at=NOW))
    assert (made, rows) == (["BatchGetItem"] * 2, 0)


def test_staff_read_once_and_write_once(room: Room) -> None:
    slip = Slip("w", NOW + timedelta(hours=1), "delivery")
    made, rows = cost(lambda: receive("A", 5, slip, expected_version=1, stock=room.stock))
    assert (made, rows) == (["BatchGetItem", "TransactWriteItems"], 2)


def test_a_bin_and_the_sight_of_256_bins_are_one_unit_each_to_write(room: Room) -> None:
    room.stock.spread("HOT", 2)
    for row in BinRow.batch_get([("SKU#HOT", "LOC#main"), ("BIN#1#HOT", "LOC#main")]):
        assert len(str(row.serialize())) < 1024
    chance = random.Random(1)
    seen = {
        "open": 256,
        "units": [chance.randrange(100) for _ in range(256)],
        "level": [25600, 12800, 0, {"damaged": 12}, 20, 4000, 123456, 0],
    }
    assert len(JsonDocument().serialize(seen)) < 900
