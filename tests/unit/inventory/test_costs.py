"""The budget of stock in DynamoDB: the number of calls and of written rows."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.inventory.actions import AuditInfo, receive_stock
from shop.inventory.model import BackorderKind, BackorderTerms, Demand, Reservation
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.kits import DynamoKitRepository
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


# Companion rows: the levels of a page of cards


def page_stock(stock: DynamoStockRepository) -> list[str]:
    """Store one SKU of each kind, and return their SKUs."""
    stock.reshard("HOT", 8)
    terms = BackorderTerms(BackorderKind.BACK_ORDER, 5, NOW.date() + timedelta(days=9))
    stock.set_backorder_terms(terms, stock.level("B"))
    DynamoKitRepository().save("KIT", {"A": 2, "PART": 1}, None, 0)
    return ["A", "B", "HOT", "KIT"]


def reader_of_a_page(clock: Callable[[], float], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the repository of a new process that only reads, as the catalog does."""
    monkeypatch.setenv("WRITES", "")
    return DynamoStockRepository(LOCATIONS, clock=clock)


def test_levels_of_every_kind_are_one_read_once_a_process_has_met_them(
    stock_fixture: StockFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a split SKU, back-order terms and a kit, and a snapshot that another process refreshed
    stock: DynamoStockRepository = stock_fixture.stock
    stock.create_levels({"PART": 7}, actor="w", reason="opening", at=NOW)
    skus = page_stock(stock)
    stock._shard_cache.refresh("HOT", "main")
    now = [time.time()]
    reader = reader_of_a_page(lambda: now[0], monkeypatch)

    # When a process reads them for the first time
    first, _ = measure_cost(lambda: reader.levels(skus))
    # Then the snapshot, the inbound shard and the other part cost a call each
    assert first == ["BatchGetItem"] * 4

    # When it reads them again
    now[0] += 1
    with count_calls() as calls:
        levels = reader.levels(skus)
    # Then one call has 4 levels, the part, the inbound shard and the snapshot: 3.5 read units
    (made,) = calls.made
    assert made.operation == "BatchGetItem"
    (request,) = made.parameters["RequestItems"].values()
    assert len(request["Keys"]) == 7
    assert {sku: levels[sku].available for sku in skus} == {"A": 50, "B": 50, "HOT": 400, "KIT": 7}
    assert levels["B"].backorderable_units == 5


def test_what_a_process_remembers_never_decides_a_level(
    stock_fixture: StockFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that has met a kit and a split SKU
    stock: DynamoStockRepository = stock_fixture.stock
    stock.create_levels({"PART": 7}, actor="w", reason="opening", at=NOW)
    skus = page_stock(stock)
    now = [time.time()]
    reader = reader_of_a_page(lambda: now[0], monkeypatch)
    reader.levels(skus)

    # When the kit ends, the shards are merged, and units are sold
    kits = DynamoKitRepository()
    kit, version = kits.get("KIT")
    kits.save("KIT", {}, kit, version)
    stock.reshard("HOT", 1)
    stock_fixture.reserve(Demand("HOT", 399))

    # Then the next read is right, and the one after it reads the four levels only
    now[0] += 3
    levels = reader.levels(skus)
    assert (levels["KIT"].available, levels["KIT"].parts) == (0, {})
    assert levels["HOT"].available == 1
    with count_calls() as calls:
        reader.levels(["A", "HOT", "KIT"])
    (made,) = calls.made
    (request,) = made.parameters["RequestItems"].values()
    assert len(request["Keys"]) == 3


def test_split_sku_whose_first_shard_is_empty_is_in_stock(
    stock_fixture: StockFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock: DynamoStockRepository = stock_fixture.stock
    stock.reshard("HOT", 8)
    first = next(iter(ShardRow.batch_get([("SKU#HOT", "LOC#main")])))
    units = int(first.available)
    reservation = Reservation("HOT", units, "main", 0)

    def reserve_all_units_of_the_first_shard(transaction: Any) -> None:
        stock.reserve(transaction, (reservation,))

    stock_fixture.uow.commit(reserve_all_units_of_the_first_shard)
    now = [time.time()]
    reader = reader_of_a_page(lambda: now[0], monkeypatch)
    for _ in range(3):
        # A snapshot may be two seconds old.
        now[0] += 2.5
        assert reader.levels(["HOT"])["HOT"].available == 400 - units
