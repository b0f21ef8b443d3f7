"""A low stock is told once per crossing, whoever looks and whatever crashes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shop.inventory.actions import set_alarm, watch_low_stock
from shop.inventory.model import Demand, Kind, LowStock, Movement, Watch
from shop.kernel.errors import Invalid, NotFound, Stale
from tests.unit.inventory.room import Room

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture
def look(room: Room) -> Callable[[], list[LowStock]]:
    """Ten on the shelf, an alarm at three; the fixture looks, and returns what was told."""
    room.stock.open({"A": 10}, actor="w", reason="opening", at=NOW)
    level = set_alarm("A", 3, expected_version=1, stock=room.stock)
    assert (level.low_at, level.version, level.watch) == (3, 2, Watch.FINE)

    def watch() -> list[LowStock]:
        heard: list[LowStock] = []
        watch_low_stock(["A", "?"], stock=room.stock, tell=heard.append)
        return heard

    return watch


def test_nothing_is_told_above_the_threshold(
    room: Room, look: Callable[[], list[LowStock]]
) -> None:
    assert look() == []
    room.hold(Demand("A", 6))
    assert look() == []


def test_a_crossing_is_told_once(room: Room, look: Callable[[], list[LowStock]]) -> None:
    room.hold(Demand("A", 7))
    assert look() == [LowStock("A", "main", 3, 3, 1)]
    assert look() == []
    room.hold(Demand("A", 1))
    assert look() == []


def test_the_next_crossing_is_told_again(room: Room, look: Callable[[], list[LowStock]]) -> None:
    holds = room.hold(Demand("A", 8))
    look()
    room.release(holds)
    assert look() == []
    room.hold(Demand("A", 9))
    assert [one.key for one in look()] == ["low_stock/A/main/2"]


def test_what_was_not_told_for_a_crash_is_told_by_the_next_who_looks(
    room: Room, look: Callable[[], list[LowStock]]
) -> None:
    room.hold(Demand("A", 9))

    def crash(news: LowStock) -> None:
        raise RuntimeError(news.key)

    with pytest.raises(RuntimeError):
        watch_low_stock(["A"], stock=room.stock, tell=crash)
    assert [one.key for one in look()] == ["low_stock/A/main/1"]
    assert look() == []


def test_two_who_look_at_once_note_one_crossing(
    room: Room, look: Callable[[], list[LowStock]]
) -> None:
    room.hold(Demand("A", 9))
    level = room.stock.level("A")
    assert room.stock.mark(level, Watch.CROSSED).crossings == 1
    assert room.stock.mark(level, Watch.CROSSED) is None
    assert [one.crossing for one in look()] == [1]


def test_an_alarm_is_set_by_version_and_put_off(
    room: Room, look: Callable[[], list[LowStock]]
) -> None:
    with pytest.raises(Stale):
        set_alarm("A", 5, expected_version=1, stock=room.stock)
    with pytest.raises(Invalid):
        set_alarm("A", -1, expected_version=2, stock=room.stock)
    with pytest.raises(NotFound):
        set_alarm("?", 1, expected_version=0, stock=room.stock)
    room.hold(Demand("A", 9))
    assert set_alarm("A", None, expected_version=2, stock=room.stock).low_at is None
    assert look() == []


def test_a_new_threshold_arms_the_alarm_anew(
    room: Room, look: Callable[[], list[LowStock]]
) -> None:
    room.hold(Demand("A", 8))
    look()
    set_alarm("A", 2, expected_version=2, stock=room.stock)
    assert [one.key for one in look()] == ["low_stock/A/main/2"]


def test_goods_that_come_in_arm_the_alarm(room: Room, look: Callable[[], list[LowStock]]) -> None:
    room.hold(Demand("A", 8))
    look()
    receipt = Movement("A", Kind.RECEIVED, NOW + timedelta(1), "w", on_hand=5)
    room.stock.record(receipt, room.stock.level("A"))
    assert look() == []
    assert room.stock.level("A").watch is Watch.FINE
