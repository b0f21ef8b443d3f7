"""A low stock is told once per crossing, whoever looks and whatever crashes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.inventory.actions import set_alarm, tell_low_stock, watch_all, watch_low_stock
from shop.inventory.model import Demand, Kind, LowStock, Movement, Watch
from shop.inventory.ports import Alarms
from shop.inventory.store import DynamoAlarms
from shop.inventory.wire.thresholds import low_stock_letter
from shop.kernel.errors import Invalid, NotFound, Stale, Unavailable
from tests.doubles.inventory import MemoryAlarms, MemoryLedger, MemoryStock
from tests.doubles.orders import MemoryLetters, MemoryMail
from tests.unit.inventory.room import Room

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
A = ("A", "main")

Look = Callable[[], list[str]]


@pytest.fixture
def alarms(room: Room) -> Alarms:
    """Ten of A on the shelf, an alarm at three."""
    memory = isinstance(room.stock, MemoryStock)
    alarms: Alarms = MemoryAlarms(room.stock) if memory else DynamoAlarms()
    room.stock.open({"A": 10}, actor="w", reason="opening", at=NOW)
    level = set_alarm("A", 3, expected_version=1, stock=room.stock, alarms=alarms)
    assert (level.low_at, level.version, level.watch) == (3, 2, Watch.FINE)
    return alarms


@pytest.fixture
def look(room: Room, alarms: Alarms) -> Look:
    """Looks, and returns the names of what was noted."""

    def watch() -> list[str]:
        places = [A, ("?", "main"), A]
        return [one.key for one in watch_low_stock(places, at=NOW, stock=room.stock, alarms=alarms)]

    return watch


def low(alarms: Alarms) -> list[str]:
    return [one.sku for one in alarms.low(cursor=None, limit=50).items]


def test_nothing_is_told_above_the_threshold(room: Room, alarms: Alarms, look: Look) -> None:
    assert look() == []
    room.hold(Demand("A", 6))
    assert look() == []
    assert low(alarms) == []


def test_a_crossing_is_noted_once(room: Room, alarms: Alarms, look: Look) -> None:
    room.hold(Demand("A", 7))
    (news,) = watch_low_stock([A, A], at=NOW, stock=room.stock, alarms=alarms)
    assert news == LowStock("A", "main", 3, 3, 1, NOW)
    assert LowStock.told("A", NOW, news.event.data) == news
    assert look() == []
    room.hold(Demand("A", 1))
    assert look() == []
    assert alarms.low(cursor=None, limit=50).items == (news,)


def test_the_next_crossing_is_noted_again(room: Room, alarms: Alarms, look: Look) -> None:
    holds = room.hold(Demand("A", 8))
    look()
    room.release(holds)
    assert (look(), low(alarms)) == ([], [])
    room.hold(Demand("A", 9))
    assert look() == ["low_stock/A/main/2"]


def test_two_who_look_at_once_note_one_crossing(room: Room, alarms: Alarms, look: Look) -> None:
    room.hold(Demand("A", 9))
    level = room.stock.level("A")
    news = LowStock("A", "main", 1, 3, 1, NOW)
    assert alarms.note_low(news, level)
    assert not alarms.note_low(news, level)
    assert look() == []


def test_who_saw_the_stock_before_it_came_back_and_went_again_changes_nothing(
    room: Room, alarms: Alarms, look: Look
) -> None:
    holds = room.hold(Demand("A", 9))
    long_ago = room.stock.level("A")
    look()
    room.release(holds)
    look()
    room.hold(Demand("A", 9))
    assert not alarms.note_low(LowStock("A", "main", 1, 3, 1, NOW), long_ago)
    assert look() == ["low_stock/A/main/2"]


def test_what_several_watchers_race_for_is_noted_once_each_time() -> None:
    room = Room(MemoryStock({"A": 10}), MemoryLedger())
    alarms = MemoryAlarms(room.stock)
    set_alarm("A", 3, expected_version=1, stock=room.stock, alarms=alarms)

    def watcher() -> None:
        for _ in range(20):
            watch_low_stock([A], at=NOW, stock=room.stock, alarms=alarms)

    for _ in range(5):
        holds = room.hold(Demand("A", 9))
        crowd = [threading.Thread(target=watcher) for _ in range(4)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        room.release(holds)
        watcher()
    assert [event.id for event in alarms.told] == [f"low_stock/A/main/{n}" for n in range(1, 6)]


def test_an_alarm_is_set_by_version_and_put_off(room: Room, alarms: Alarms, look: Look) -> None:
    book: dict[str, Any] = {"stock": room.stock, "alarms": alarms}
    with pytest.raises(Stale):
        set_alarm("A", 5, expected_version=1, **book)
    with pytest.raises(Invalid):
        set_alarm("A", -1, expected_version=2, **book)
    with pytest.raises(NotFound):
        set_alarm("?", 1, expected_version=0, **book)
    before = room.stock.level("A")
    room.stock.record(Movement("A", Kind.RECEIVED, NOW + timedelta(1), "w", on_hand=1), before)
    with pytest.raises(Stale):
        alarms.set(5, before)
    room.hold(Demand("A", 10))
    assert len(look()) == 1
    assert set_alarm("A", None, expected_version=3, **book).low_at is None
    assert (look(), low(alarms)) == ([], [])
    assert alarms.watched(cursor=None, limit=9).items == ()


def test_a_new_threshold_arms_the_alarm_anew(room: Room, alarms: Alarms, look: Look) -> None:
    room.hold(Demand("A", 8))
    look()
    set_alarm("A", 2, expected_version=2, stock=room.stock, alarms=alarms)
    assert low(alarms) == []
    assert look() == ["low_stock/A/main/2"]


def test_goods_that_come_in_arm_the_alarm(room: Room, look: Look) -> None:
    room.hold(Demand("A", 8))
    look()
    receipt = Movement("A", Kind.RECEIVED, NOW + timedelta(1), "w", on_hand=5)
    room.stock.record(receipt, room.stock.level("A"))
    assert look() == []
    assert room.stock.level("A").watch is Watch.FINE


def test_the_level_of_a_split_article_is_the_sum_of_its_bins(room: Room, look: Look) -> None:
    room.stock.spread("A", 4)
    room.hold(Demand("A", 6))
    assert look() == []
    room.hold(Demand("A", 1))
    assert look() == ["low_stock/A/main/1"]
    assert look() == []
    room.stock.spread("A", 1)
    assert look() == []


def test_units_that_were_on_their_way_between_bins_raise_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stock = MemoryStock({"A": 10})
    alarms = MemoryAlarms(stock)
    set_alarm("A", 3, expected_version=1, stock=stock, alarms=alarms)
    stock.spread("A", 4)
    missed = replace(stock.level("A"), on_hand=3)
    assert missed.low
    monkeypatch.setattr(stock, "at", lambda places: [missed])
    assert watch_low_stock([A], at=NOW, stock=stock, alarms=alarms) == ()
    assert alarms.told == []


def test_everything_that_has_a_threshold_is_looked_at(room: Room, alarms: Alarms) -> None:
    many = {f"S{n:03d}": 5 for n in range(120 if isinstance(room.stock, MemoryStock) else 3)}
    room.stock.open({**many, "free": 1}, actor="w", reason="opening", at=NOW)
    for sku in many:
        set_alarm(sku, 5, expected_version=1, stock=room.stock, alarms=alarms)
    looked, noted = watch_all(at=NOW, stock=room.stock, alarms=alarms)
    assert (looked, noted) == (len(many) + 1, len(many))
    assert watch_all(at=NOW, stock=room.stock, alarms=alarms) == (len(many) + 1, 0)
    names, cursor = [], None
    while True:
        page = alarms.low(cursor=cursor, limit=2)
        names += [one.sku for one in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert names == sorted(many)
    with pytest.raises(Invalid):
        alarms.low(cursor="eyJhZnRlciI6IiJ9", limit=2)
    assert list(alarms.armed([("S000", "main"), ("free", "main"), ("?", "main")])) == [
        ("S000", "main")
    ]


# The letter


def test_the_staff_are_written_to_once_per_crossing_whoever_crashes() -> None:
    letters, mail = MemoryLetters(), MemoryMail()
    first, second = (LowStock("A", "main", 2, 3, n, NOW) for n in (1, 2))

    def tell(news: LowStock, after: float) -> bool:
        return tell_low_stock(
            news,
            "staff@shop.test",
            letter=low_stock_letter,
            at=NOW + timedelta(seconds=after),
            letters=letters,
            mail=mail,
        )

    mail.down = True
    with pytest.raises(Unavailable):
        tell(first, 0)
    mail.down = False
    with pytest.raises(Unavailable):
        tell(first, 1)
    assert tell(first, 60)
    assert not tell(first, 61)
    assert not tell(first, 1000)
    assert tell(second, 61)
    assert [to for to, _ in mail.letters] == ["staff@shop.test"] * 2


def test_the_letter_says_what_runs_low_and_where() -> None:
    letter = low_stock_letter(LowStock("A/<1>", "shop", 2, 3, 1, NOW))
    assert letter.subject == "Low stock: 2 of A/<1> left at shop"
    assert "threshold of 3" in letter.text
    assert "A/&lt;1&gt;" in letter.html
    assert "<1>" not in letter.html
