"""A low stock is told once per crossing, whoever looks and whatever crashes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.inventory.actions import (
    check_all_low_stock,
    check_low_stock,
    send_low_stock_alert,
    set_low_stock_threshold,
)
from shop.inventory.model import AlertState, Demand, LowStockCrossing, MovementType, StockMovement
from shop.inventory.ports import LowStockAlerts
from shop.inventory.schemas.thresholds import low_stock_email
from shop.inventory.store import DynamoLowStockAlerts
from shop.kernel.errors import InvalidRequest, NotFound, Unavailable, VersionConflict
from tests.doubles.inventory import MemoryLowStockAlerts, MemoryStockRepository, MemoryUnitOfWork
from tests.doubles.orders import MemoryEmailSender, MemorySentEmails
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
A = ("A", "main")

Look = Callable[[], list[str]]


@pytest.fixture
def alerts(stock_fixture: StockFixture) -> LowStockAlerts:
    """Ten of A on the shelf, an alarm at three."""
    memory = isinstance(stock_fixture.stock, MemoryStockRepository)
    alarms: LowStockAlerts = (
        MemoryLowStockAlerts(stock_fixture.stock) if memory else DynamoLowStockAlerts()
    )
    stock_fixture.stock.create_levels({"A": 10}, actor="w", reason="opening", at=NOW)
    level = set_low_stock_threshold(
        "A", 3, expected_version=1, stock=stock_fixture.stock, alarms=alarms
    )
    assert (level.low_stock_threshold, level.version, level.alert_state) == (3, 2, AlertState.OK)
    return alarms


@pytest.fixture
def check(stock_fixture: StockFixture, alerts: LowStockAlerts) -> Look:
    """Looks, and returns the names of what was noted."""

    def watch() -> list[str]:
        places = [A, ("?", "main"), A]
        return [
            one.key
            for one in check_low_stock(places, at=NOW, stock=stock_fixture.stock, alarms=alerts)
        ]

    return watch


def low(alarms: LowStockAlerts) -> list[str]:
    return [one.sku for one in alarms.list_open(cursor=None, limit=50).items]


def test_nothing_is_told_above_the_threshold(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    assert check() == []
    stock_fixture.hold(Demand("A", 6))
    assert check() == []
    assert low(alerts) == []


def test_a_crossing_is_noted_once(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    stock_fixture.hold(Demand("A", 7))
    (news,) = check_low_stock([A, A], at=NOW, stock=stock_fixture.stock, alarms=alerts)
    assert news == LowStockCrossing("A", "main", 3, 3, 1, NOW)
    assert LowStockCrossing.from_event("A", NOW, news.event.data) == news
    assert check() == []
    stock_fixture.hold(Demand("A", 1))
    assert check() == []
    assert alerts.list_open(cursor=None, limit=50).items == (news,)


def test_the_next_crossing_is_noted_again(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    holds = stock_fixture.hold(Demand("A", 8))
    check()
    stock_fixture.release(holds)
    assert (check(), low(alerts)) == ([], [])
    stock_fixture.hold(Demand("A", 9))
    assert check() == ["low_stock/A/main/2"]


def test_two_who_look_at_once_note_one_crossing(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    stock_fixture.hold(Demand("A", 9))
    level = stock_fixture.stock.level("A")
    news = LowStockCrossing("A", "main", 1, 3, 1, NOW)
    assert alerts.open_alert(news, level)
    assert not alerts.open_alert(news, level)
    assert check() == []


def test_who_saw_the_stock_before_it_came_back_and_went_again_changes_nothing(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    holds = stock_fixture.hold(Demand("A", 9))
    long_ago = stock_fixture.stock.level("A")
    check()
    stock_fixture.release(holds)
    check()
    stock_fixture.hold(Demand("A", 9))
    assert not alerts.open_alert(LowStockCrossing("A", "main", 1, 3, 1, NOW), long_ago)
    assert check() == ["low_stock/A/main/2"]


def test_what_several_watchers_race_for_is_noted_once_each_time() -> None:
    room = StockFixture(MemoryStockRepository({"A": 10}), MemoryUnitOfWork())
    alarms = MemoryLowStockAlerts(room.stock)
    set_low_stock_threshold("A", 3, expected_version=1, stock=room.stock, alarms=alarms)

    def watcher() -> None:
        for _ in range(20):
            check_low_stock([A], at=NOW, stock=room.stock, alarms=alarms)

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


def test_an_alarm_is_set_by_version_and_put_off(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    book: dict[str, Any] = {"stock": stock_fixture.stock, "alarms": alerts}
    with pytest.raises(VersionConflict):
        set_low_stock_threshold("A", 5, expected_version=1, **book)
    with pytest.raises(InvalidRequest):
        set_low_stock_threshold("A", -1, expected_version=2, **book)
    with pytest.raises(NotFound):
        set_low_stock_threshold("?", 1, expected_version=0, **book)
    before = stock_fixture.stock.level("A")
    stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.RECEIVED, NOW + timedelta(1), "w", on_hand=1), before
    )
    with pytest.raises(VersionConflict):
        alerts.set_threshold(5, before)
    stock_fixture.hold(Demand("A", 10))
    assert len(check()) == 1
    assert (
        set_low_stock_threshold("A", None, expected_version=3, **book).low_stock_threshold is None
    )
    assert (check(), low(alerts)) == ([], [])
    assert alerts.list_watched(cursor=None, limit=9).items == ()


def test_a_new_threshold_arms_the_alarm_anew(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Look
) -> None:
    stock_fixture.hold(Demand("A", 8))
    check()
    set_low_stock_threshold("A", 2, expected_version=2, stock=stock_fixture.stock, alarms=alerts)
    assert low(alerts) == []
    assert check() == ["low_stock/A/main/2"]


def test_goods_that_come_in_arm_the_alarm(stock_fixture: StockFixture, check: Look) -> None:
    stock_fixture.hold(Demand("A", 8))
    check()
    receipt = StockMovement("A", MovementType.RECEIVED, NOW + timedelta(1), "w", on_hand=5)
    stock_fixture.stock.write_movement(receipt, stock_fixture.stock.level("A"))
    assert check() == []
    assert stock_fixture.stock.level("A").alert_state is AlertState.OK


def test_the_level_of_a_split_article_is_the_sum_of_its_bins(
    stock_fixture: StockFixture, check: Look
) -> None:
    stock_fixture.stock.reshard("A", 4)
    stock_fixture.hold(Demand("A", 6))
    assert check() == []
    stock_fixture.hold(Demand("A", 1))
    assert check() == ["low_stock/A/main/1"]
    assert check() == []
    stock_fixture.stock.reshard("A", 1)
    assert check() == []


def test_units_that_were_on_their_way_between_bins_raise_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stock = MemoryStockRepository({"A": 10})
    alarms = MemoryLowStockAlerts(stock)
    set_low_stock_threshold("A", 3, expected_version=1, stock=stock, alarms=alarms)
    stock.reshard("A", 4)
    missed = replace(stock.level("A"), on_hand=3)
    assert missed.is_low
    monkeypatch.setattr(stock, "get_levels_at", lambda places: [missed])
    assert check_low_stock([A], at=NOW, stock=stock, alarms=alarms) == ()
    assert alarms.told == []


def test_everything_that_has_a_threshold_is_looked_at(
    stock_fixture: StockFixture, alerts: LowStockAlerts
) -> None:
    many = {
        f"S{n:03d}": 5
        for n in range(120 if isinstance(stock_fixture.stock, MemoryStockRepository) else 3)
    }
    stock_fixture.stock.create_levels({**many, "free": 1}, actor="w", reason="opening", at=NOW)
    for sku in many:
        set_low_stock_threshold(
            sku, 5, expected_version=1, stock=stock_fixture.stock, alarms=alerts
        )
    looked, noted = check_all_low_stock(at=NOW, stock=stock_fixture.stock, alarms=alerts)
    assert (looked, noted) == (len(many) + 1, len(many))
    assert check_all_low_stock(at=NOW, stock=stock_fixture.stock, alarms=alerts) == (
        len(many) + 1,
        0,
    )
    names, cursor = [], None
    while True:
        page = alerts.list_open(cursor=cursor, limit=2)
        names += [one.sku for one in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert names == sorted(many)
    with pytest.raises(InvalidRequest):
        alerts.list_open(cursor="eyJhZnRlciI6IiJ9", limit=2)
    assert list(alerts.with_threshold([("S000", "main"), ("free", "main"), ("?", "main")])) == [
        ("S000", "main")
    ]


# The letter


def test_the_staff_are_written_to_once_per_crossing_whoever_crashes() -> None:
    letters, mail = MemorySentEmails(), MemoryEmailSender()
    first, second = (LowStockCrossing("A", "main", 2, 3, n, NOW) for n in (1, 2))

    def tell(crossing: LowStockCrossing, after: float) -> bool:
        return send_low_stock_alert(
            crossing,
            "staff@shop.test",
            build_email=low_stock_email,
            at=NOW + timedelta(seconds=after),
            sent_emails=letters,
            email_sender=mail,
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
    assert [to for to, _ in mail.sent] == ["staff@shop.test"] * 2


def test_the_letter_says_what_runs_low_and_where() -> None:
    letter = low_stock_email(LowStockCrossing("A/<1>", "shop", 2, 3, 1, NOW))
    assert letter.subject == "Low stock: 2 of A/<1> left at shop"
    assert "threshold of 3" in letter.text
    assert "A/&lt;1&gt;" in letter.html
    assert "<1>" not in letter.html
