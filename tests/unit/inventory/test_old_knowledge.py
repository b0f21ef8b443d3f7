"""Who read, waited, and writes when the world has moved on, is refused; on the table too."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shop.inventory.actions import Slip, receive, set_alarm
from shop.inventory.model import MAIN, Beyond, Claim, Hold, Kind, Movement, Terms
from shop.inventory.model.bins import (
    AWAITED,
    Bin,
    Step,
    agreeing,
    covering,
    moved,
    next_step,
    reserving,
    watching,
)
from shop.inventory.store import DynamoAlarms, DynamoStock
from shop.inventory.store.sights import read_all
from shop.kernel.errors import Stale
from shop.kernel.transactions import Clash
from tests.doubles.inventory import MemoryAlarms, MemoryStock
from tests.unit.inventory.room import Room

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SLIP = Slip("w", NOW + timedelta(1), "delivery")
MORE = Terms(Beyond.BACK_ORDER, 5, date(2027, 1, 1))


@pytest.fixture
def stocked(room: Room) -> Room:
    """Ten on the shelf."""
    room.stock.open({"A": 10}, actor="w", reason="opening", at=NOW)
    return room


def bins(room: Room) -> list[Bin]:
    if isinstance(room.stock, MemoryStock):
        return room.stock.bins.of("A", MAIN)
    return read_all("A", MAIN, consistent=True)


def write(room: Room, step: Step) -> None:
    room.stock._commit(step)


def refused(room: Room, step: Step) -> None:
    before = bins(room)
    with pytest.raises(Clash):
        write(room, step)
    assert bins(room) == before
    assert all(one.adds_up for one in before)


def test_units_to_be_moved_between_bins_were_sold(stocked: Room) -> None:
    write(stocked, next_step(bins(stocked), 2))
    write(stocked, next_step(bins(stocked), 2))
    planned = next_step(bins(stocked), 2)
    assert len(planned) == 2
    write(stocked, (reserving(Hold("A", 6)),))
    refused(stocked, planned)


def test_the_bin_they_go_to_was_taken_away(stocked: Room) -> None:
    write(stocked, next_step(bins(stocked), 2))
    write(stocked, next_step(bins(stocked), 2))
    planned = next_step(bins(stocked), 2)
    stocked.stock.spread("A", 1)
    refused(stocked, planned)


def test_a_bin_to_be_taken_away_holds_a_promise_again(stocked: Room) -> None:
    stocked.stock.spread("A", 2)
    write(stocked, next_step(bins(stocked), 1))
    stale = bins(stocked)
    write(stocked, next_step(stale, 1))
    planned = next_step(bins(stocked), 1)
    assert len(planned) == 2
    write(stocked, next_step([bins(stocked)[0], Bin("A", shard=1, available=-5)], 2)[:1])
    for step in (next_step(bins(stocked), 2),):
        write(stocked, step)
    refused(stocked, planned)


def test_bins_were_made_by_two(stocked: Room) -> None:
    planned = next_step(bins(stocked), 4)
    write(stocked, next_step(bins(stocked), 3))
    refused(stocked, planned)


def test_an_alarm_was_set_by_two(stocked: Room) -> None:
    level = stocked.stock.level("A")
    write(stocked, (watching(level, 3),))
    refused(stocked, (watching(level, 4),))


def test_an_alarm_is_set_from_the_version_that_was_read(stocked: Room) -> None:
    alarms = (
        DynamoAlarms() if isinstance(stocked.stock, DynamoStock) else MemoryAlarms(stocked.stock)
    )
    before = stocked.stock.level("A")
    receive("A", 1, SLIP, expected_version=1, stock=stocked.stock)
    with pytest.raises(Stale):
        alarms.set(3, before)
    with pytest.raises(Stale):
        stocked.stock.agree(MORE, before)
    level = set_alarm("A", 3, expected_version=2, stock=stocked.stock, alarms=alarms)
    assert level.version == 3


def test_terms_were_agreed_by_two(stocked: Room) -> None:
    level = stocked.stock.agree(MORE, stocked.stock.level("A"))
    again = Terms(Beyond.BACK_ORDER, 8, date(2027, 1, 1))
    write(stocked, agreeing(level, again, there=True))
    refused(stocked, agreeing(level, again, there=True))


def test_terms_are_lowered_and_somebody_ordered_ahead(stocked: Room) -> None:
    level = stocked.stock.agree(MORE, stocked.stock.level("A"))
    write(stocked, (reserving(Hold("A", 4, shard=AWAITED)),))
    refused(stocked, agreeing(level, Terms(Beyond.BACK_ORDER, 3, date(2027, 1, 1)), there=True))


def test_goods_that_came_are_given_to_an_order_that_does_not_wait(stocked: Room) -> None:
    stocked.stock.agree(MORE, stocked.stock.level("A"))
    hold = Hold("A", 2, shard=AWAITED)
    write(stocked, (reserving(hold),))
    receive("A", 2, SLIP, expected_version=2, stock=stocked.stock)
    step, _ = covering(hold, Claim.COMMITTED)
    refused(stocked, step)


def test_less_safety_does_not_cover_what_was_sold_meanwhile() -> None:
    spoiled = Movement("A", Kind.POLICY, NOW, "w", unavailable={"damaged": 1}, safety=-1)
    change = moved(Bin("A", on_hand=1, available=0, safety=1, version=3), [spoiled])
    assert change.needs == {"available": 0}
