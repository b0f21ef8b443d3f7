"""What processes remember of hot stock, and how they tell each other. Hints, but good ones."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

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

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Town:
    """Several processes over one table, and one clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger = DynamoUnitOfWork(connection())
        self.first, self.second = self.process(1), self.process(2)
        self.first.create_levels({"HOT": 40}, actor="w", reason="opening", at=NOW)

    def process(self, seed: int) -> DynamoStockRepository:
        chance = random.Random(seed)
        return DynamoStockRepository(chance=chance, sleep=self.clock.sleep, clock=self.clock)

    def take(self, *reservations: Reservation) -> None:
        def part(writes: Any) -> None:
            self.first.reserve(writes, reservations)

        self.ledger.commit(part)

    def buy(self, process: DynamoStockRepository, quantity: int = 1) -> tuple[object, ...]:
        demands = [Demand("HOT", quantity)]
        for _ in range(8):
            holds = process.pick_shards(demands)
            try:
                self.take(*holds)
            except ConditionFailed as clash:
                if short := process.shortages_from(clash, demands):
                    return short
            else:
                return holds
        raise AssertionError("neither sold nor sold out")


@pytest.fixture
def two_processes() -> Iterator[Town]:
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        yield Town()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reading of all bins is noted here."""
    readings: list[str] = []

    def read(sku: str, location: str, **how: Any) -> object:
        readings.append(sku)
        return read_all_shards(sku, location, **how)

    monkeypatch.setattr(shard_cache, "read_all_shards", read)
    return readings


def test_a_process_that_never_heard_of_bins_learns_of_them(two_processes: Town) -> None:
    two_processes.first.reshard("HOT", 4)
    assert two_processes.second.pick_shards([Demand("HOT", 1)]) == (Reservation("HOT", 1),)
    two_processes.take(*(Reservation("HOT", 1) for _ in range(10)))
    holds = two_processes.buy(two_processes.second)
    assert isinstance(holds[0], Reservation)
    assert holds[0].shard > 0


def test_all_bins_are_read_by_one_process_four_times_a_second_at_most(
    two_processes: Town, counted: list[str]
) -> None:
    two_processes.first.reshard("HOT", 4)
    counted.clear()
    processes = [
        two_processes.first,
        two_processes.second,
        *(two_processes.process(n) for n in range(3, 9)),
    ]
    for _ in range(40):
        for process in processes:
            process.levels(["HOT"])
        two_processes.clock.sleep(0.025)
    assert 3 <= len(counted) <= 5


def test_a_level_that_is_shown_is_a_quarter_of_a_second_old_at_most(two_processes: Town) -> None:
    two_processes.first.reshard("HOT", 4)
    two_processes.second.levels(["HOT"])
    two_processes.take(Reservation("HOT", 3, shard=1))
    two_processes.clock.sleep(MIN_REFRESH_INTERVAL)
    assert two_processes.second.levels(["HOT"])["HOT"].available == 37


def test_who_may_only_look_writes_nothing_and_reads_for_itself_when_nobody_sells(
    two_processes: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITES", "orders")
    looker = DynamoStockRepository(clock=two_processes.clock, sleep=two_processes.clock.sleep)
    two_processes.first.reshard("HOT", 4)
    written = [
        (row.captured_at, row.refresh_lease_until) for row in ShardSnapshotRow.query("SIGHT#HOT")
    ]
    assert looker.levels(["HOT"])["HOT"].available == 40
    two_processes.take(*two_processes.first.pick_shards([Demand("HOT", 3)]))
    two_processes.clock.now += READ_ONLY_REFRESH_INTERVAL + MIN_REFRESH_INTERVAL
    assert looker.levels(["HOT"])["HOT"].available == 37
    assert [
        (row.captured_at, row.refresh_lease_until) for row in ShardSnapshotRow.query("SIGHT#HOT")
    ] == written


def test_sold_out_is_said_on_fresh_knowledge_only(
    two_processes: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_processes.first.reshard("HOT", 2)
    two_processes.take(Reservation("HOT", 20), Reservation("HOT", 20, shard=1))
    two_processes.clock.sleep(MIN_REFRESH_INTERVAL)
    two_processes.second.levels(["HOT"])
    clash = ConditionFailed(frozenset({"BIN#1#HOT"}))
    assert two_processes.second.shortages_from(clash, [Demand("HOT", 1)]) == (
        Shortage("HOT", 1, 0),
    )
    # Nobody renews the sight any more: what was seen grows old, and is not believed.
    monkeypatch.setattr(shard_cache.ShardCache, "refresh", lambda *_: None)
    two_processes.clock.sleep(EMPTY_SNAPSHOT_TTL + 0.1)
    assert two_processes.second.shortages_from(clash, [Demand("HOT", 1)]) == ()


def test_units_that_come_back_are_found_within_a_second(two_processes: Town) -> None:
    two_processes.first.reshard("HOT", 4)
    held = [Reservation("HOT", 10, shard=n) for n in range(4)]
    two_processes.take(*held)
    assert two_processes.buy(two_processes.second) == (Shortage("HOT", 1, 0),)
    two_processes.ledger.commit(
        lambda w: two_processes.first.release(w, held[2:3], ReservationState.RESERVED)
    )
    two_processes.clock.sleep(EMPTY_SNAPSHOT_TTL)
    two_processes.second.levels(["HOT"])
    assert two_processes.buy(two_processes.second) == (Reservation("HOT", 1, MAIN_LOCATION, 2),)


def test_a_bin_that_is_gone_is_not_drawn_from_twice(two_processes: Town) -> None:
    two_processes.first.reshard("HOT", 2)
    two_processes.second.levels(["HOT"])
    two_processes.first.reshard("HOT", 1)
    refused = ConditionFailed(frozenset({"BIN#1#HOT"}))
    assert two_processes.second.shortages_from(refused, [Demand("HOT", 30)]) == ()
    for _ in range(20):
        (hold,) = two_processes.second.pick_shards([Demand("HOT", 15)])
        assert hold.shard == 0


def test_a_sku_that_was_merged_needs_no_memory(two_processes: Town) -> None:
    two_processes.first.reshard("HOT", 4)
    two_processes.second.levels(["HOT"])
    assert two_processes.second._sights.get("HOT")
    two_processes.first.reshard("HOT", 1)
    assert two_processes.second.levels(["HOT"])["HOT"].available == 40
    assert not two_processes.second._sights.get("HOT")


def test_damaged_books_are_noticed_and_not_added_up(two_processes: Town) -> None:
    two_processes.first.reshard("HOT", 4)
    ShardRow("BIN#2#HOT", "LOC#main").delete()
    with pytest.raises(RuntimeError, match="4 bins, but 3 are found"):
        read_all_shards("HOT", MAIN_LOCATION, consistent=True)


def test_a_sight_is_no_stock(two_processes: Town) -> None:
    """Whatever the hint says, the condition decides."""
    two_processes.first.reshard("HOT", 2)
    row = ShardSnapshotRow.get("SIGHT#HOT", "LOC#main")
    row.update(actions=[ShardSnapshotRow.units.set({**row.units, "units": [900, 900]})])
    two_processes.clock.sleep(MIN_REFRESH_INTERVAL)
    assert sum(getattr(h, "quantity", 0) for h in two_processes.buy(two_processes.second, 20)) == 20
    assert two_processes.first.level("HOT").reserved == 20


def test_a_line_of_the_journal_is_never_overwritten(two_processes: Town) -> None:
    two_processes.take(Reservation("HOT", 4))

    def ship() -> None:
        two_processes.ledger.commit(
            lambda w: two_processes.first.ship(
                w, [Reservation("HOT", 2)], order="ord_1", actor="w", at=NOW
            )
        )

    ship()
    with pytest.raises(ConditionFailed):
        ship()
    assert [one.on_hand for one in two_processes.first.list_movements("HOT").items].count(-2) == 1
    assert two_processes.first.level("HOT").on_hand == 38


def test_movements_of_one_instant_have_lines_of_their_own(two_processes: Town) -> None:
    level = two_processes.first.level("HOT")
    for units in (1, 2, 3):
        came = StockMovement("HOT", MovementType.RECEIVED, NOW, "w", on_hand=units)
        level = two_processes.first.write_movement(came, level)
    assert sorted(one.on_hand for one in two_processes.first.list_movements("HOT").items) == [
        1,
        2,
        3,
        40,
    ]
