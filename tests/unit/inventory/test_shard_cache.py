"""Snapshots of hot SKUs: processes share them, and outdated ones never oversell."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shop.inventory.model import (
    MAIN_LOCATION,
    Demand,
    MovementType,
    Reservation,
    ReservationState,
    Shortage,
    StockMovement,
)
from shop.inventory.store import DynamoStockRepository, shard_cache
from shop.inventory.store.rows import ShardRow, ShardSnapshotRow
from shop.inventory.store.shard_cache import (
    EMPTY_SNAPSHOT_TTL,
    MIN_REFRESH_INTERVAL,
    READ_ONLY_REFRESH_INTERVAL,
    read_all_shards,
)
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.shop import mock_aws

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class SharedTable:
    """Two processes over one table, with one clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.uow = DynamoUnitOfWork(connection())
        self.first, self.second = self.process(1), self.process(2)
        self.first.create_levels({"HOT": 40}, actor="w", reason="opening", at=NOW)

    def process(self, seed: int) -> DynamoStockRepository:
        chance = random.Random(seed)
        return DynamoStockRepository(chance=chance, sleep=self.clock.sleep, clock=self.clock)

    def reserve(self, *reservations: Reservation) -> None:
        def add(transaction: Any) -> None:
            self.first.reserve(transaction, reservations)

        self.uow.commit(add)

    def buy(self, process: DynamoStockRepository, quantity: int = 1) -> tuple[object, ...]:
        demands = [Demand("HOT", quantity)]
        for _ in range(8):
            reservations = process.pick_shards(demands)
            try:
                self.reserve(*reservations)
            except ConditionFailed as failure:
                if shortages := process.shortages_from(failure, demands):
                    return shortages
            else:
                return reservations
        raise AssertionError("neither sold nor sold out")


@pytest.fixture
def two_processes() -> Iterator[SharedTable]:
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        yield SharedTable()


@pytest.fixture
def full_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records every read of all shards by the cache."""
    reads: list[str] = []

    def read(sku: str, location: str, **options: Any) -> object:
        reads.append(sku)
        return read_all_shards(sku, location, **options)

    monkeypatch.setattr(shard_cache, "read_all_shards", read)
    return reads


def test_process_without_a_snapshot_learns_of_shards_from_an_error(
    two_processes: SharedTable,
) -> None:
    two_processes.first.reshard("HOT", 4)
    assert two_processes.second.pick_shards([Demand("HOT", 1)]) == (Reservation("HOT", 1),)
    two_processes.reserve(*(Reservation("HOT", 1) for _ in range(10)))
    reservations = two_processes.buy(two_processes.second)
    assert isinstance(reservations[0], Reservation)
    assert reservations[0].shard > 0


def test_one_process_reads_all_shards_at_most_four_times_per_second(
    two_processes: SharedTable, full_reads: list[str]
) -> None:
    two_processes.first.reshard("HOT", 4)
    full_reads.clear()
    processes = [
        two_processes.first,
        two_processes.second,
        *(two_processes.process(n) for n in range(3, 9)),
    ]
    for _ in range(40):
        for process in processes:
            process.levels(["HOT"])
        two_processes.clock.sleep(0.025)
    assert 3 <= len(full_reads) <= 5


def test_displayed_level_is_a_quarter_of_a_second_old_at_most(two_processes: SharedTable) -> None:
    two_processes.first.reshard("HOT", 4)
    two_processes.second.levels(["HOT"])
    two_processes.reserve(Reservation("HOT", 3, shard=1))
    two_processes.clock.sleep(MIN_REFRESH_INTERVAL)
    assert two_processes.second.levels(["HOT"])["HOT"].available == 37


def test_read_only_process_writes_no_snapshot_and_reads_the_shards_itself(
    two_processes: SharedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITES", "orders")
    reader = DynamoStockRepository(clock=two_processes.clock, sleep=two_processes.clock.sleep)
    two_processes.first.reshard("HOT", 4)
    stored = [
        (row.captured_at, row.refresh_lease_until) for row in ShardSnapshotRow.query("SNAPSHOT#HOT")
    ]
    assert reader.levels(["HOT"])["HOT"].available == 40
    two_processes.reserve(*two_processes.first.pick_shards([Demand("HOT", 3)]))
    two_processes.clock.now += READ_ONLY_REFRESH_INTERVAL + MIN_REFRESH_INTERVAL
    assert reader.levels(["HOT"])["HOT"].available == 37
    assert [
        (row.captured_at, row.refresh_lease_until) for row in ShardSnapshotRow.query("SNAPSHOT#HOT")
    ] == stored


def test_shortage_is_reported_from_a_fresh_snapshot_only(
    two_processes: SharedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_processes.first.reshard("HOT", 2)
    two_processes.reserve(Reservation("HOT", 20), Reservation("HOT", 20, shard=1))
    two_processes.clock.sleep(MIN_REFRESH_INTERVAL)
    two_processes.second.levels(["HOT"])
    failure = ConditionFailed(frozenset({"SHARD#1#HOT"}))
    assert two_processes.second.shortages_from(failure, [Demand("HOT", 1)]) == (
        Shortage("HOT", 1, 0),
    )
    # Without refreshes the snapshot becomes stale and reports no shortage.
    monkeypatch.setattr(shard_cache.ShardCache, "refresh", lambda *_: None)
    two_processes.clock.sleep(EMPTY_SNAPSHOT_TTL + 0.1)
    assert two_processes.second.shortages_from(failure, [Demand("HOT", 1)]) == ()


def test_released_units_are_found_within_a_second(two_processes: SharedTable) -> None:
    two_processes.first.reshard("HOT", 4)
    reservations = [Reservation("HOT", 10, shard=n) for n in range(4)]
    two_processes.reserve(*reservations)
    assert two_processes.buy(two_processes.second) == (Shortage("HOT", 1, 0),)
    two_processes.uow.commit(
        lambda transaction: two_processes.first.release(
            transaction, reservations[2:3], ReservationState.RESERVED
        )
    )
    two_processes.clock.sleep(EMPTY_SNAPSHOT_TTL)
    two_processes.second.levels(["HOT"])
    assert two_processes.buy(two_processes.second) == (Reservation("HOT", 1, MAIN_LOCATION, 2),)


def test_removed_shard_is_not_picked_again(two_processes: SharedTable) -> None:
    two_processes.first.reshard("HOT", 2)
    two_processes.second.levels(["HOT"])
    two_processes.first.reshard("HOT", 1)
    failure = ConditionFailed(frozenset({"SHARD#1#HOT"}))
    assert two_processes.second.shortages_from(failure, [Demand("HOT", 30)]) == ()
    for _ in range(20):
        (reservation,) = two_processes.second.pick_shards([Demand("HOT", 15)])
        assert reservation.shard == 0


def test_merged_sku_has_no_snapshot(two_processes: SharedTable) -> None:
    two_processes.first.reshard("HOT", 4)
    two_processes.second.levels(["HOT"])
    assert two_processes.second._shard_cache.get("HOT")
    two_processes.first.reshard("HOT", 1)
    assert two_processes.second.levels(["HOT"])["HOT"].available == 40
    assert not two_processes.second._shard_cache.get("HOT")


def test_missing_shard_raises_an_error_instead_of_a_wrong_sum(two_processes: SharedTable) -> None:
    two_processes.first.reshard("HOT", 4)
    ShardRow("SHARD#2#HOT", "LOC#main").delete()
    with pytest.raises(RuntimeError, match="4 shards, but 3 were found"):
        read_all_shards("HOT", MAIN_LOCATION, consistent=True)


def test_wrong_snapshot_cannot_oversell(two_processes: SharedTable) -> None:
    """A snapshot may be wrong; the condition of the write decides."""
    two_processes.first.reshard("HOT", 2)
    row = ShardSnapshotRow.get("SNAPSHOT#HOT", "LOC#main")
    row.update(actions=[ShardSnapshotRow.snapshot.set({**row.snapshot, "units": [900, 900]})])
    two_processes.clock.sleep(MIN_REFRESH_INTERVAL)
    assert sum(getattr(h, "quantity", 0) for h in two_processes.buy(two_processes.second, 20)) == 20
    assert two_processes.first.level("HOT").reserved == 20


def test_journal_entry_is_never_overwritten(two_processes: SharedTable) -> None:
    two_processes.reserve(Reservation("HOT", 4))

    def ship() -> None:
        two_processes.uow.commit(
            lambda transaction: two_processes.first.ship(
                transaction, [Reservation("HOT", 2)], order="ord_1", actor="w", at=NOW
            )
        )

    ship()
    with pytest.raises(ConditionFailed):
        ship()
    assert [one.on_hand for one in two_processes.first.list_movements("HOT").items].count(-2) == 1
    assert two_processes.first.level("HOT").on_hand == 38


def test_movements_of_one_instant_have_separate_entries(two_processes: SharedTable) -> None:
    level = two_processes.first.level("HOT")
    for units in (1, 2, 3):
        receipt = StockMovement("HOT", MovementType.RECEIVED, NOW, "w", on_hand=units)
        level = two_processes.first.write_movement(receipt, level)
    assert sorted(one.on_hand for one in two_processes.first.list_movements("HOT").items) == [
        1,
        2,
        3,
        40,
    ]
