"""Low stock is alerted once per crossing, however many processes check it."""

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
from shop.inventory.store.low_stock import DynamoLowStockAlerts
from shop.kernel.errors import InvalidRequest, NotFound, Unavailable, VersionConflict
from tests.doubles.inventory import MemoryLowStockAlerts, MemoryStockRepository, MemoryUnitOfWork
from tests.doubles.orders import MemoryEmailSender, MemorySentEmails
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
A = ("A", "main")

Check = Callable[[], list[str]]


@pytest.fixture
def alerts(stock_fixture: StockFixture) -> LowStockAlerts:
    """Ten units of A, with a threshold of three."""
    memory = isinstance(stock_fixture.stock, MemoryStockRepository)
    alerts: LowStockAlerts = (
        MemoryLowStockAlerts(stock_fixture.stock) if memory else DynamoLowStockAlerts()
    )
    stock_fixture.stock.create_levels({"A": 10}, actor="w", reason="opening", at=NOW)
    level = set_low_stock_threshold(
        "A", 3, expected_version=1, stock=stock_fixture.stock, alerts=alerts
    )
    assert (level.low_stock_threshold, level.version, level.alert_state) == (3, 2, AlertState.OK)
    return alerts


@pytest.fixture
def check(stock_fixture: StockFixture, alerts: LowStockAlerts) -> Check:
    """Checks A and an unknown SKU, and returns the keys of the recorded crossings."""

    def run() -> list[str]:
        keys = [A, ("?", "main"), A]
        return [
            one.key
            for one in check_low_stock(keys, at=NOW, stock=stock_fixture.stock, alerts=alerts)
        ]

    return run


def open_alerts(alerts: LowStockAlerts) -> list[str]:
    return [one.sku for one in alerts.list_open(cursor=None, limit=50).items]


def test_no_alert_above_the_threshold(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    assert check() == []
    stock_fixture.reserve(Demand("A", 6))
    assert check() == []
    assert open_alerts(alerts) == []


def test_crossing_is_recorded_once(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    stock_fixture.reserve(Demand("A", 7))
    (crossing,) = check_low_stock([A, A], at=NOW, stock=stock_fixture.stock, alerts=alerts)
    assert crossing == LowStockCrossing("A", "main", 3, 3, 1, NOW)
    assert LowStockCrossing.from_event("A", NOW, crossing.event.data) == crossing
    assert check() == []
    stock_fixture.reserve(Demand("A", 1))
    assert check() == []
    assert alerts.list_open(cursor=None, limit=50).items == (crossing,)


def test_next_crossing_is_recorded_again(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    reservations = stock_fixture.reserve(Demand("A", 8))
    check()
    stock_fixture.release(reservations)
    assert (check(), open_alerts(alerts)) == ([], [])
    stock_fixture.reserve(Demand("A", 9))
    assert check() == ["low_stock/A/main/2"]


def test_two_concurrent_checks_record_one_crossing(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    stock_fixture.reserve(Demand("A", 9))
    level = stock_fixture.stock.level("A")
    crossing = LowStockCrossing("A", "main", 1, 3, 1, NOW)
    assert alerts.open_alert(crossing, level)
    assert not alerts.open_alert(crossing, level)
    assert check() == []


def test_check_of_an_outdated_level_changes_nothing(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    reservations = stock_fixture.reserve(Demand("A", 9))
    old_level = stock_fixture.stock.level("A")
    check()
    stock_fixture.release(reservations)
    check()
    stock_fixture.reserve(Demand("A", 9))
    assert not alerts.open_alert(LowStockCrossing("A", "main", 1, 3, 1, NOW), old_level)
    assert check() == ["low_stock/A/main/2"]


def test_racing_checks_record_each_crossing_once() -> None:
    fixture = StockFixture(MemoryStockRepository({"A": 10}), MemoryUnitOfWork())
    alerts = MemoryLowStockAlerts(fixture.stock)
    set_low_stock_threshold("A", 3, expected_version=1, stock=fixture.stock, alerts=alerts)
    start = threading.Barrier(4)

    def check_often() -> None:
        start.wait(60)
        for _ in range(20):
            check_low_stock([A], at=NOW, stock=fixture.stock, alerts=alerts)

    for _ in range(5):
        reservations = fixture.reserve(Demand("A", 9))
        threads = [threading.Thread(target=check_often) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fixture.release(reservations)
        check_low_stock([A], at=NOW, stock=fixture.stock, alerts=alerts)
    assert [event.id for event in alerts.events] == [f"low_stock/A/main/{n}" for n in range(1, 6)]


def test_threshold_expects_a_version_and_can_be_cleared(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    arguments: dict[str, Any] = {"stock": stock_fixture.stock, "alerts": alerts}
    with pytest.raises(VersionConflict):
        set_low_stock_threshold("A", 5, expected_version=1, **arguments)
    with pytest.raises(InvalidRequest):
        set_low_stock_threshold("A", -1, expected_version=2, **arguments)
    with pytest.raises(NotFound):
        set_low_stock_threshold("?", 1, expected_version=0, **arguments)
    # The port itself expects the version that was read.
    before = stock_fixture.stock.level("A")
    stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.RECEIVED, NOW + timedelta(1), "w", on_hand=1), before
    )
    with pytest.raises(VersionConflict):
        alerts.set_threshold(5, before)
    # Clearing the threshold closes the open alert.
    stock_fixture.reserve(Demand("A", 10))
    assert len(check()) == 1
    assert (
        set_low_stock_threshold("A", None, expected_version=3, **arguments).low_stock_threshold
        is None
    )
    assert (check(), open_alerts(alerts)) == ([], [])
    assert alerts.list_watched(cursor=None, limit=9).items == ()


def test_new_threshold_closes_the_alert_and_can_open_it_again(
    stock_fixture: StockFixture, alerts: LowStockAlerts, check: Check
) -> None:
    stock_fixture.reserve(Demand("A", 8))
    check()
    set_low_stock_threshold("A", 2, expected_version=2, stock=stock_fixture.stock, alerts=alerts)
    assert open_alerts(alerts) == []
    assert check() == ["low_stock/A/main/2"]


def test_received_goods_close_the_alert(stock_fixture: StockFixture, check: Check) -> None:
    stock_fixture.reserve(Demand("A", 8))
    check()
    receipt = StockMovement("A", MovementType.RECEIVED, NOW + timedelta(1), "w", on_hand=5)
    stock_fixture.stock.write_movement(receipt, stock_fixture.stock.level("A"))
    assert check() == []
    assert stock_fixture.stock.level("A").alert_state is AlertState.OK


def test_threshold_applies_to_the_sum_of_the_shards(
    stock_fixture: StockFixture, check: Check
) -> None:
    stock_fixture.stock.reshard("A", 4)
    stock_fixture.reserve(Demand("A", 6))
    assert check() == []
    stock_fixture.reserve(Demand("A", 1))
    assert check() == ["low_stock/A/main/1"]
    assert check() == []
    stock_fixture.stock.reshard("A", 1)
    assert check() == []


def test_units_moving_between_shards_raise_no_alert(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stock = MemoryStockRepository({"A": 10})
    alerts = MemoryLowStockAlerts(stock)
    set_low_stock_threshold("A", 3, expected_version=1, stock=stock, alerts=alerts)
    stock.reshard("A", 4)
    incomplete_level = replace(stock.level("A"), on_hand=3)
    assert incomplete_level.is_low
    monkeypatch.setattr(stock, "get_levels_at", lambda keys: [incomplete_level])
    assert check_low_stock([A], at=NOW, stock=stock, alerts=alerts) == ()
    assert alerts.events == []


def test_all_levels_with_a_threshold_are_checked_and_listed(
    stock_fixture: StockFixture, alerts: LowStockAlerts
) -> None:
    # Given more levels with a threshold than one call reads
    watched_skus = {
        f"S{n:03d}": 5
        for n in range(120 if isinstance(stock_fixture.stock, MemoryStockRepository) else 3)
    }
    stock_fixture.stock.create_levels(
        {**watched_skus, "free": 1}, actor="w", reason="opening", at=NOW
    )
    for sku in watched_skus:
        set_low_stock_threshold(
            sku, 5, expected_version=1, stock=stock_fixture.stock, alerts=alerts
        )
    # When all are checked twice, every crossing is recorded once
    checked, recorded = check_all_low_stock(at=NOW, stock=stock_fixture.stock, alerts=alerts)
    assert (checked, recorded) == (len(watched_skus) + 1, len(watched_skus))
    assert check_all_low_stock(at=NOW, stock=stock_fixture.stock, alerts=alerts) == (
        len(watched_skus) + 1,
        0,
    )
    # Then every open alert is listed, page by page
    skus, cursor = [], None
    while True:
        page = alerts.list_open(cursor=cursor, limit=2)
        skus += [one.sku for one in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert skus == sorted(watched_skus)
    with pytest.raises(InvalidRequest):
        alerts.list_open(cursor="eyJhZnRlciI6IiJ9", limit=2)
    assert list(alerts.filter_watched([("S000", "main"), ("free", "main"), ("?", "main")])) == [
        ("S000", "main")
    ]


# The email


def test_staff_get_one_email_per_crossing_despite_failures() -> None:
    sent_emails, email_sender = MemorySentEmails(), MemoryEmailSender()
    first, second = (LowStockCrossing("A", "main", 2, 3, n, NOW) for n in (1, 2))

    def send(crossing: LowStockCrossing, seconds: float) -> bool:
        return send_low_stock_alert(
            crossing,
            "staff@shop.test",
            build_email=low_stock_email,
            at=NOW + timedelta(seconds=seconds),
            sent_emails=sent_emails,
            email_sender=email_sender,
        )

    # A failed attempt leaves the email to a later one, after the claim of the first expires.
    email_sender.down = True
    with pytest.raises(Unavailable):
        send(first, 0)
    email_sender.down = False
    with pytest.raises(Unavailable):
        send(first, 1)
    assert send(first, 60)
    assert not send(first, 61)
    assert not send(first, 1000)
    assert send(second, 61)
    assert [to for to, _ in email_sender.sent] == ["staff@shop.test"] * 2


def test_email_names_sku_location_and_threshold_and_escapes_html() -> None:
    email = low_stock_email(LowStockCrossing("A/<1>", "shop", 2, 3, 1, NOW))
    assert email.subject == "Low stock: 2 units of A/<1> available at shop"
    assert "threshold is 3" in email.text
    assert "A/&lt;1&gt;" in email.html
    assert "<1>" not in email.html
