"""Stock entries of staff, in memory and on DynamoDB."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.model import Demand, MovementType, StockLevel, StockMovement, reconcile
from shop.kernel.errors import Conflict, InvalidRequest, VersionConflict
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class StaffUser:
    """A staff user, who reads the level before each entry."""

    def __init__(self, fixture: StockFixture) -> None:
        self.fixture = fixture
        self.at = NOW

    def next_audit(self, reason: str = "because", reference: str = "note-1") -> AuditInfo:
        self.at += timedelta(minutes=1)
        return AuditInfo("wanda", self.at, reason, reference)

    def __getattr__(self, action: str) -> Any:
        def enter(sku: str, *args: Any, location: str = "main", **options: Any) -> Any:
            version = self.fixture.stock.level(sku, location).version
            return getattr(actions, action)(
                sku,
                *args,
                self.next_audit(),
                expected_version=version,
                stock_writer=self.fixture.stock,
                location=location,
                **options,
            )

        return enter

    def sums(self, sku: str) -> Any:
        return reconcile(self.fixture.stock.list_movements(sku, limit=500).items)


@pytest.fixture
def stock_entries(stock_fixture: StockFixture) -> StaffUser:
    return StaffUser(stock_fixture)


def test_announced_goods_are_available_once_they_are_received(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.expect_inbound("A", 10)
    assert stock_fixture.stock.level("A").available == 0
    level = stock_entries.receive_stock("A", 4)
    assert (level.on_hand, level.incoming, level.available) == (4, 6, 4)
    level = stock_entries.receive_stock("A", 8)
    assert (level.on_hand, level.incoming, level.available) == (12, 0, 12)
    level = stock_entries.receive_stock("A", 1, announced=False)
    assert stock_fixture.stock.level("A") == level


def test_announcement_can_be_cancelled_up_to_its_units(stock_entries: StaffUser) -> None:
    stock_entries.expect_inbound("A", 10)
    assert stock_entries.expect_inbound("A", -4).incoming == 6
    with pytest.raises(Conflict) as raised:
        stock_entries.expect_inbound("A", -7)
    assert raised.value.code == "stock_negative"


def test_units_are_set_aside_under_a_reason_and_released_from_it(stock_entries: StaffUser) -> None:
    stock_entries.receive_stock("A", 10)
    stock_entries.set_aside("A", 3, "damaged")
    level = stock_entries.set_aside("A", 2, "quality_control")
    assert level.unavailable_by == {"damaged": 3, "quality_control": 2}
    assert level.available == 5
    level = stock_entries.set_aside("A", -2, "quality_control")
    assert (level.unavailable_by, level.available) == ({"damaged": 3}, 7)
    with pytest.raises(Conflict) as raised:
        stock_entries.set_aside("A", -4, "damaged")
    assert raised.value.code == "stock_negative"


def test_promised_units_cannot_be_set_aside(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 5)
    stock_fixture.reserve(Demand("A", 4))
    with pytest.raises(Conflict) as raised:
        stock_entries.set_aside("A", 2, "damaged")
    assert raised.value.code == "stock_promised"


def test_damaged_returns_are_never_available(stock_entries: StaffUser) -> None:
    stock_entries.receive_stock("A", 5)
    level = stock_entries.restock_return("A", 2, damage_reason="damaged")
    assert (level.on_hand, level.available) == (7, 5)
    level = stock_entries.restock_return("A", 1)
    assert (level.on_hand, level.available) == (8, 6)
    level = stock_entries.write_off_stock("A", 2, unavailable_reason="damaged")
    assert (level.on_hand, level.available, level.unavailable) == (6, 6, 0)


def test_safety_stock_is_withheld_from_sale(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 5)
    assert stock_entries.set_safety_stock("A", 2).available == 3
    assert stock_fixture.buy(Demand("A", 4))[0].available == 3
    assert stock_entries.set_safety_stock("A", 0).available == 5
    assert stock_entries.set_safety_stock("A", 9).available == -4


def test_transferred_goods_are_in_transit_and_lost_ones_written_off(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 10)
    source, target = actions.dispatch_transfer(
        "A",
        6,
        stock_entries.next_audit(),
        source="main",
        target="shop",
        expected_version=stock_fixture.stock.level("A").version,
        stock_writer=stock_fixture.stock,
    )
    assert (source.on_hand, target.on_hand, target.in_transit) == (4, 0, 6)
    level = actions.receive_transfer(
        "A",
        5,
        stock_entries.next_audit("one crushed"),
        target="shop",
        expected_version=target.version,
        stock_writer=stock_fixture.stock,
        lost=1,
    )
    assert (level.on_hand, level.in_transit, level.available) == (5, 0, 5)
    sums = stock_entries.sums("A")
    assert sums.is_balanced
    assert (sums.received, sums.on_hand, sums.written_off, sums.transferred) == (10, 9, 1, 0)


def test_transfer_is_dispatched_once_per_version(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 10)
    version = stock_fixture.stock.level("A").version

    def send() -> None:
        actions.dispatch_transfer(
            "A",
            6,
            stock_entries.next_audit(),
            source="main",
            target="shop",
            expected_version=version,
            stock_writer=stock_fixture.stock,
        )

    send()
    with pytest.raises(VersionConflict):
        send()
    assert stock_fixture.stock.level("A", "shop").in_transit == 6


def test_promised_units_cannot_be_transferred(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 3)
    stock_fixture.reserve(Demand("A", 2))
    with pytest.raises(Conflict):
        actions.dispatch_transfer(
            "A",
            2,
            stock_entries.next_audit(),
            source="main",
            target="shop",
            expected_version=stock_fixture.stock.level("A").version,
            stock_writer=stock_fixture.stock,
        )
    assert stock_fixture.stock.level("A", "shop") == StockLevel("A", "shop")
    assert len(stock_fixture.stock.list_movements("A").items) == 1


def test_stock_take_records_valid_lines_and_reports_the_others(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    for sku in "ABC":
        stock_entries.receive_stock(sku, 5)
    stock_fixture.reserve(Demand("B", 4))
    results = actions.record_stock_take(
        [("A", 7, 1), ("B", 3, 1), ("C", 5, 9), ("D", 2, 0), ("E", -1, 0)],
        stock_entries.next_audit("yearly count", "count-2026"),
        write=lambda number, entry: entry(stock_fixture.stock),
    )
    codes = [getattr(one, "code", "done") for one in results]
    assert codes == ["done", "stock_promised", "stale", "done", "out_of_range"]
    assert [stock_fixture.stock.level(sku).on_hand for sku in "ABCD"] == [7, 5, 5, 2]
    newest = stock_fixture.stock.list_movements("A", limit=1).items[0]
    assert (newest.reference, newest.on_hand) == ("count-2026", 2)


def test_journal_balances_after_every_kind_of_movement(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 20)
    reservations = stock_fixture.reserve(Demand("A", 6))
    stock_fixture.ship(reservations, order="ord_1", actor="w", at=stock_entries.next_audit().at)
    stock_entries.restock_return("A", 2)
    stock_entries.write_off_stock("A", 3)
    stock_entries.adjust_stock("A", -1)
    stock_entries.adjust_stock("A", 4)
    sums = stock_entries.sums("A")
    assert sums.is_balanced
    assert sums.on_hand == stock_fixture.stock.level("A").on_hand == 16
    assert (sums.received, sums.returned, sums.found) == (20, 2, 4)
    assert (sums.shipped, sums.written_off) == (6, 4)


def test_journal_without_one_entry_does_not_balance() -> None:
    movements = [
        StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=5),
        StockMovement("A", MovementType.SHIPPED, NOW, "w", on_hand=-2),
    ]
    assert reconcile(movements).is_balanced
    assert reconcile(movements).on_hand == 3
    assert not replace(reconcile(movements), on_hand=4).is_balanced


def test_every_entry_is_rejected_from_an_outdated_version(
    stock_entries: StaffUser, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 5)
    version = stock_fixture.stock.level("A").version
    entries: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (actions.receive_stock, ("A", 5)),
        (actions.restock_return, ("A", 1)),
        (actions.write_off_stock, ("A", 1)),
        (actions.set_aside, ("A", 1, "damaged")),
        (actions.set_safety_stock, ("A", 1)),
        (actions.expect_inbound, ("A", 1)),
        (actions.adjust_stock, ("A", 1)),
    )
    for action, args in entries:
        with pytest.raises(VersionConflict):
            action(
                *args,
                stock_entries.next_audit(),
                expected_version=version - 1,
                stock_writer=stock_fixture.stock,
            )
    assert stock_fixture.stock.level("A").version == version


@pytest.mark.parametrize(
    ("action", "args", "code"),
    [
        ("receive_stock", (0,), "out_of_range"),
        ("receive_stock", (-1,), "out_of_range"),
        ("receive_stock", (10**10,), "out_of_range"),
        ("restock_return", (0,), "out_of_range"),
        ("write_off_stock", (0,), "out_of_range"),
        ("expect_inbound", (0,), "out_of_range"),
        ("adjust_stock", (0,), "out_of_range"),
        ("adjust_stock", (10**10,), "out_of_range"),
        ("set_aside", (0, "damaged"), "out_of_range"),
        ("set_aside", (1, ""), "text_invalid"),
        ("set_aside", (1, "x" * 41), "text_invalid"),
        ("set_safety_stock", (-1,), "out_of_range"),
    ],
)
def test_invalid_entries_are_rejected(
    stock_entries: StaffUser, action: str, args: tuple[Any, ...], code: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        getattr(stock_entries, action)("A", *args)
    assert raised.value.code == code
    assert stock_entries.fixture.stock.level("A").version == 0
