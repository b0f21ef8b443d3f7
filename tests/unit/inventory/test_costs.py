"""The budget of stock in DynamoDB: the number of calls and of written rows."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shop.inventory.actions import AuditInfo, receive_stock
from shop.inventory.model import Demand
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import connection
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.aws_call_counter import Calls, count_calls
from tests.kit.shop import mock_aws
from tests.unit.inventory.stock_fixture import StockFixture

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
LOCATIONS = ("main",)


@pytest.fixture
def stock_fixture() -> Iterator[StockFixture]:
    """Stock on DynamoDB: 50 of A and B, 400 of HOT."""
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        fixture = StockFixture(
            DynamoStockRepository(LOCATIONS, sleep=lambda seconds: None),
            DynamoUnitOfWork(connection()),
        )
        fixture.stock.create_levels({"A": 50, "B": 50}, actor="w", reason="opening", at=NOW)
        fixture.stock.create_levels({"HOT": 400}, actor="w", reason="opening", at=NOW)
        yield fixture


def measure_cost(run: Callable[[], object]) -> tuple[list[str], int]:
    """Return the operations, and the number of rows that transactions wrote."""
    with count_calls() as calls:
        run()
    return [call.operation for call in calls.made], count_written_rows(calls)


def count_written_rows(calls: Calls) -> int:
    return sum(len(call.parameters.get("TransactItems", ())) for call in calls.made)


def test_reserving_two_skus_is_one_transaction_of_two_rows_without_reads(
    stock_fixture: StockFixture,
) -> None:
    operations, rows = measure_cost(
        lambda: stock_fixture.reserve(Demand("A", 1), Demand("B", 2), Demand("A", 1))
    )
    assert (operations, rows) == (["TransactWriteItems"], 2)


def test_reserving_a_sharded_sku_costs_one_row_like_any_other(stock_fixture: StockFixture) -> None:
    stock_fixture.stock.reshard("HOT", 8)
    stock_fixture.stock.levels(["HOT"])
    operations, rows = measure_cost(lambda: stock_fixture.reserve(Demand("HOT", 1)))
    assert (operations, rows) == (["TransactWriteItems"], 1)


def test_levels_of_many_skus_are_one_read(stock_fixture: StockFixture) -> None:
    assert measure_cost(lambda: stock_fixture.stock.levels(["A", "B", "?"])) == (
        ["BatchGetItem"],
        0,
    )


def test_shortages_of_all_lines_are_found_by_one_read(stock_fixture: StockFixture) -> None:
    demands = [Demand("A", 99), Demand("B", 99)]
    with pytest.raises(ConditionFailed) as raised:
        stock_fixture.reserve(*demands)
    operations, _ = measure_cost(lambda: stock_fixture.stock.shortages_from(raised.value, demands))
    assert operations == ["BatchGetItem"]


def test_shipping_writes_a_shard_and_a_journal_entry_per_sku(stock_fixture: StockFixture) -> None:
    reservations = stock_fixture.reserve(Demand("A", 1), Demand("B", 1))
    at = NOW + timedelta(hours=1)
    operations, rows = measure_cost(
        lambda: stock_fixture.ship(reservations, order="ord_1", actor="w", at=at)
    )
    assert (operations, rows) == (["TransactWriteItems"], 4)


def test_first_counts_take_one_transaction_per_33_skus(stock_fixture: StockFixture) -> None:
    counts = {f"NEW-{n}": 1 for n in range(100)}
    operations, rows = measure_cost(
        lambda: stock_fixture.stock.create_levels(counts, actor="w", reason="file", at=NOW)
    )
    assert operations == ["BatchGetItem", "TransactWriteItems"] * 4
    assert rows == 300
    operations, rows = measure_cost(
        lambda: stock_fixture.stock.create_levels(counts, actor="w", reason="file", at=NOW)
    )
    assert (operations, rows) == (["BatchGetItem"] * 4, 0)


def test_stock_entry_of_staff_is_one_read_and_one_transaction(stock_fixture: StockFixture) -> None:
    audit = AuditInfo("w", NOW + timedelta(hours=1), "delivery")
    operations, rows = measure_cost(
        lambda: receive_stock("A", 5, audit, expected_version=1, stock_writer=stock_fixture.stock)
    )
    assert (operations, rows) == (["BatchGetItem", "TransactWriteItems"], 2)


def test_shard_and_snapshot_of_256_shards_fit_one_write_unit_each(
    stock_fixture: StockFixture,
) -> None:
    stock_fixture.stock.reshard("HOT", 2)
    for row in ShardRow.batch_get([("SKU#HOT", "LOC#main"), ("SHARD#1#HOT", "LOC#main")]):
        assert len(str(row.serialize())) < 1024
    chance = random.Random(1)
    snapshot = {
        "active_shard_count": 256,
        "units": [chance.randrange(100) for _ in range(256)],
        "level": [25600, 12800, 0, {"damaged": 12}, 20, 4000, 123456, 0],
    }
    assert len(CompressedJsonAttribute().serialize(snapshot)) < 900
