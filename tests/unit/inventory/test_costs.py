"""What stock asks of DynamoDB, counted: the number of calls and rows is the budget."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from shop.inventory.actions import AuditInfo, receive_stock
from shop.inventory.model import Demand
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import connection
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.aws_call_counter import Calls, count_calls
from tests.unit.inventory.stock_fixture import StockFixture

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
PLACES = ("main",)


@pytest.fixture
def room() -> Iterator[StockFixture]:
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        room = StockFixture(
            DynamoStockRepository(PLACES, sleep=lambda seconds: None),
            DynamoUnitOfWork(connection()),
        )
        room.stock.create_levels({"A": 50, "B": 50}, actor="w", reason="opening", at=NOW)
        room.stock.create_levels({"HOT": 400}, actor="w", reason="opening", at=NOW)
        yield room


def cost(work: Callable[[], object]) -> tuple[list[str], int]:
    """The calls, and the rows written by transactions."""
    with count_calls() as calls:
        work()
    return [call.operation for call in calls.made], written(calls)


def written(calls: Calls) -> int:
    return sum(len(call.parameters.get("TransactItems", ())) for call in calls.made)


def test_holding_two_articles_reads_nothing_and_writes_two_rows(
    stock_fixture: StockFixture,
) -> None:
    made, rows = cost(lambda: stock_fixture.hold(Demand("A", 1), Demand("B", 2), Demand("A", 1)))
    assert (made, rows) == (["TransactWriteItems"], 2)


def test_a_hot_article_costs_a_buyer_no_more_than_any_other(stock_fixture: StockFixture) -> None:
    stock_fixture.stock.reshard("HOT", 8)
    stock_fixture.stock.levels(["HOT"])
    made, rows = cost(lambda: stock_fixture.hold(Demand("HOT", 1)))
    assert (made, rows) == (["TransactWriteItems"], 1)


def test_levels_are_one_reading_however_many(stock_fixture: StockFixture) -> None:
    assert cost(lambda: stock_fixture.stock.levels(["A", "B", "?"])) == (["BatchGetItem"], 0)


def test_a_refusal_costs_one_reading_for_all_lines(stock_fixture: StockFixture) -> None:
    demands = [Demand("A", 99), Demand("B", 99)]
    with pytest.raises(ConditionFailed) as refused:
        stock_fixture.hold(*demands)
    made, _ = cost(lambda: stock_fixture.stock.shortages_from(refused.value, demands))
    assert made == ["BatchGetItem"]


def test_shipping_writes_a_row_and_a_line_for_each_article(stock_fixture: StockFixture) -> None:
    holds = stock_fixture.hold(Demand("A", 1), Demand("B", 1))
    at = NOW + timedelta(hours=1)
    made, rows = cost(lambda: stock_fixture.ship(holds, order="ord_1", actor="w", at=at))
    assert (made, rows) == (["TransactWriteItems"], 4)


def test_opening_a_shop_takes_a_transaction_for_fifty_articles(stock_fixture: StockFixture) -> None:
    counts = {f"NEW-{n}": 1 for n in range(100)}
    made, rows = cost(
        lambda: stock_fixture.stock.create_levels(counts, actor="w", reason="file", at=NOW)
    )
    assert made == ["BatchGetItem", "TransactWriteItems"] * 2
    assert rows == 200
    made, rows = cost(
        lambda: stock_fixture.stock.create_levels(counts, actor="w", reason="file", at=NOW)
    )
    assert (made, rows) == (["BatchGetItem"] * 2, 0)


def test_staff_read_once_and_write_once(stock_fixture: StockFixture) -> None:
    slip = AuditInfo("w", NOW + timedelta(hours=1), "delivery")
    made, rows = cost(
        lambda: receive_stock("A", 5, slip, expected_version=1, stock_writer=stock_fixture.stock)
    )
    assert (made, rows) == (["BatchGetItem", "TransactWriteItems"], 2)


def test_a_bin_and_the_sight_of_256_bins_are_one_unit_each_to_write(
    stock_fixture: StockFixture,
) -> None:
    stock_fixture.stock.reshard("HOT", 2)
    for row in ShardRow.batch_get([("SKU#HOT", "LOC#main"), ("BIN#1#HOT", "LOC#main")]):
        assert len(str(row.serialize())) < 1024
    chance = random.Random(1)
    seen = {
        "open": 256,
        "units": [chance.randrange(100) for _ in range(256)],
        "level": [25600, 12800, 0, {"damaged": 12}, 20, 4000, 123456, 0],
    }
    assert len(CompressedJsonAttribute().serialize(seen)) < 900
