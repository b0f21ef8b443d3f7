"""What processes remember of hot stock, and how they tell each other. Hints, but good ones."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from shop.inventory.model import MAIN, Claim, Demand, Hold, Kind, Movement, Shortage
from shop.inventory.store import DynamoStock, sights
from shop.inventory.store.rows import BinRow, SightRow
from shop.inventory.store.sights import BELIEVED_FOR, LOOK_AGAIN_AFTER, LOOKERS_WAIT, read_all
from shop.kernel.transactions import Clash
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

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
        self.ledger = DynamoLedger(connection())
        self.first, self.second = self.process(1), self.process(2)
        self.first.open({"HOT": 40}, actor="w", reason="opening", at=NOW)

    def process(self, seed: int) -> DynamoStock:
        chance = random.Random(seed)
        return DynamoStock(chance=chance, sleep=self.clock.sleep, clock=self.clock)

    def take(self, *holds: Hold) -> None:
        def part(writes: Any) -> None:
            self.first.reserve(writes, holds)

        self.ledger.commit(part)

    def buy(self, process: DynamoStock, quantity: int = 1) -> tuple[object, ...]:
        demands = [Demand("HOT", quantity)]
        for _ in range(8):
            holds = process.draw(demands)
            try:
                self.take(*holds)
            except Clash as clash:
                if short := process.shortages_after(clash, demands):
                    return short
            else:
                return holds
        raise AssertionError("neither sold nor sold out")


@pytest.fixture
def town() -> Iterator[Town]:
    with mock_aws():
        BinRow.create_table(billing_mode="PAY_PER_REQUEST")
        yield Town()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reading of all bins is noted here."""
    readings: list[str] = []

    def read(sku: str, location: str, **how: Any) -> object:
        readings.append(sku)
        return read_all(sku, location, **how)

    monkeypatch.setattr(sights, "read_all", read)
    return readings


def test_a_process_that_never_heard_of_bins_learns_of_them(town: Town) -> None:
    town.first.spread("HOT", 4)
    assert town.second.draw([Demand("HOT", 1)]) == (Hold("HOT", 1),)
    town.take(*(Hold("HOT", 1) for _ in range(10)))
    holds = town.buy(town.second)
    assert isinstance(holds[0], Hold)
    assert holds[0].shard > 0


def test_all_bins_are_read_by_one_process_four_times_a_second_at_most(
    town: Town, counted: list[str]
) -> None:
    town.first.spread("HOT", 4)
    counted.clear()
    processes = [town.first, town.second, *(town.process(n) for n in range(3, 9))]
    for _ in range(40):
        for process in processes:
            process.levels(["HOT"])
        town.clock.sleep(0.025)
    assert 3 <= len(counted) <= 5


def test_a_level_that_is_shown_is_a_quarter_of_a_second_old_at_most(town: Town) -> None:
    town.first.spread("HOT", 4)
    town.second.levels(["HOT"])
    town.take(Hold("HOT", 3, shard=1))
    town.clock.sleep(LOOK_AGAIN_AFTER)
    assert town.second.levels(["HOT"])["HOT"].available == 37


def test_who_may_only_look_writes_nothing_and_reads_for_itself_when_nobody_sells(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITES", "orders")
    looker = DynamoStock(clock=town.clock, sleep=town.clock.sleep)
    town.first.spread("HOT", 4)
    written = [(row.seen_at, row.renewed_until) for row in SightRow.query("SIGHT#HOT")]
    assert looker.levels(["HOT"])["HOT"].available == 40
    town.take(*town.first.draw([Demand("HOT", 3)]))
    town.clock.now += LOOKERS_WAIT + LOOK_AGAIN_AFTER
    assert looker.levels(["HOT"])["HOT"].available == 37
    assert [(row.seen_at, row.renewed_until) for row in SightRow.query("SIGHT#HOT")] == written


def test_sold_out_is_said_on_fresh_knowledge_only(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.first.spread("HOT", 2)
    town.take(Hold("HOT", 20), Hold("HOT", 20, shard=1))
    town.clock.sleep(LOOK_AGAIN_AFTER)
    town.second.levels(["HOT"])
    clash = Clash(frozenset({"BIN#1#HOT"}))
    assert town.second.shortages_after(clash, [Demand("HOT", 1)]) == (Shortage("HOT", 1, 0),)
    # Nobody renews the sight any more: what was seen grows old, and is not believed.
    monkeypatch.setattr(sights.Sights, "renew", lambda *_: None)
    town.clock.sleep(BELIEVED_FOR + 0.1)
    assert town.second.shortages_after(clash, [Demand("HOT", 1)]) == ()


def test_units_that_come_back_are_found_within_a_second(town: Town) -> None:
    town.first.spread("HOT", 4)
    held = [Hold("HOT", 10, shard=n) for n in range(4)]
    town.take(*held)
    assert town.buy(town.second) == (Shortage("HOT", 1, 0),)
    town.ledger.commit(lambda w: town.first.release(w, held[2:3], Claim.RESERVED))
    town.clock.sleep(BELIEVED_FOR)
    town.second.levels(["HOT"])
    assert town.buy(town.second) == (Hold("HOT", 1, MAIN, 2),)


def test_a_bin_that_is_gone_is_not_drawn_from_twice(town: Town) -> None:
    town.first.spread("HOT", 2)
    town.second.levels(["HOT"])
    town.first.spread("HOT", 1)
    refused = Clash(frozenset({"BIN#1#HOT"}))
    assert town.second.shortages_after(refused, [Demand("HOT", 30)]) == ()
    for _ in range(20):
        (hold,) = town.second.draw([Demand("HOT", 15)])
        assert hold.shard == 0


def test_a_sku_that_was_merged_needs_no_memory(town: Town) -> None:
    town.first.spread("HOT", 4)
    town.second.levels(["HOT"])
    assert town.second._sights.of("HOT")
    town.first.spread("HOT", 1)
    assert town.second.levels(["HOT"])["HOT"].available == 40
    assert not town.second._sights.of("HOT")


def test_damaged_books_are_noticed_and_not_added_up(town: Town) -> None:
    town.first.spread("HOT", 4)
    BinRow("BIN#2#HOT", "LOC#main").delete()
    with pytest.raises(RuntimeError, match="4 bins, but 3 are found"):
        read_all("HOT", MAIN, consistent=True)


def test_a_sight_is_no_stock(town: Town) -> None:
    """Whatever the hint says, the condition decides."""
    town.first.spread("HOT", 2)
    row = SightRow.get("SIGHT#HOT", "LOC#main")
    row.update(actions=[SightRow.seen.set({**row.seen, "units": [900, 900]})])
    town.clock.sleep(LOOK_AGAIN_AFTER)
    assert sum(getattr(h, "quantity", 0) for h in town.buy(town.second, 20)) == 20
    assert town.first.level("HOT").reserved == 20


def test_a_line_of_the_journal_is_never_overwritten(town: Town) -> None:
    town.take(Hold("HOT", 4))

    def ship() -> None:
        town.ledger.commit(
            lambda w: town.first.ship(w, [Hold("HOT", 2)], order="ord_1", actor="w", at=NOW)
        )

    ship()
    with pytest.raises(Clash):
        ship()
    assert [one.on_hand for one in town.first.journal("HOT").items].count(-2) == 1
    assert town.first.level("HOT").on_hand == 38


def test_movements_of_one_instant_have_lines_of_their_own(town: Town) -> None:
    level = town.first.level("HOT")
    for units in (1, 2, 3):
        came = Movement("HOT", Kind.RECEIVED, NOW, "w", on_hand=units)
        level = town.first.record(came, level)
    assert sorted(one.on_hand for one in town.first.journal("HOT").items) == [1, 2, 3, 40]
