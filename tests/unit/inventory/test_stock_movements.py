"""What staff do with goods, in memory and on DynamoDB alike."""

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


class Desk:
    """Somebody of the staff, who looks at the level before each thing they do."""

    def __init__(self, room: StockFixture) -> None:
        self.room = room
        self.at = NOW

    def slip(self, reason: str = "because", reference: str = "note-1") -> AuditInfo:
        self.at += timedelta(minutes=1)
        return AuditInfo("wanda", self.at, reason, reference)

    def __getattr__(self, verb: str) -> Any:
        def do(sku: str, *args: Any, location: str = "main", **more: Any) -> Any:
            version = self.room.stock.level(sku, location).version
            return getattr(actions, verb)(
                sku,
                *args,
                self.slip(),
                expected_version=version,
                stock_writer=self.room.stock,
                location=location,
                **more,
            )

        return do

    def sums(self, sku: str) -> Any:
        return reconcile(self.room.stock.list_movements(sku, limit=500).items)


@pytest.fixture
def stock_entries(stock_fixture: StockFixture) -> Desk:
    return Desk(stock_fixture)


def test_goods_are_expected_received_and_for_sale(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    stock_entries.expect_inbound("A", 10)
    assert stock_fixture.stock.level("A").available == 0
    level = stock_entries.receive_stock("A", 4)
    assert (level.on_hand, level.incoming, level.available) == (4, 6, 4)
    level = stock_entries.receive_stock("A", 8)
    assert (level.on_hand, level.incoming, level.available) == (12, 0, 12)
    level = stock_entries.receive_stock("A", 1, announced=False)
    assert stock_fixture.stock.level("A") == level


def test_what_will_not_come_after_all_is_no_longer_expected(stock_entries: Desk) -> None:
    stock_entries.expect_inbound("A", 10)
    assert stock_entries.expect_inbound("A", -4).incoming == 6
    with pytest.raises(Conflict) as refused:
        stock_entries.expect_inbound("A", -7)
    assert refused.value.code == "stock_negative"


def test_units_are_set_aside_under_a_reason_and_brought_back(stock_entries: Desk) -> None:
    stock_entries.receive_stock("A", 10)
    stock_entries.set_aside("A", 3, "damaged")
    level = stock_entries.set_aside("A", 2, "quality_control")
    assert level.unavailable_by == {"damaged": 3, "quality_control": 2}
    assert level.available == 5
    level = stock_entries.set_aside("A", -2, "quality_control")
    assert (level.unavailable_by, level.available) == ({"damaged": 3}, 7)
    with pytest.raises(Conflict) as refused:
        stock_entries.set_aside("A", -4, "damaged")
    assert refused.value.code == "stock_negative"


def test_units_that_are_promised_cannot_be_set_aside(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 5)
    stock_fixture.hold(Demand("A", 4))
    with pytest.raises(Conflict) as refused:
        stock_entries.set_aside("A", 2, "damaged")
    assert refused.value.code == "stock_promised"


def test_damaged_goods_that_come_back_are_never_for_sale(stock_entries: Desk) -> None:
    stock_entries.receive_stock("A", 5)
    level = stock_entries.restock_return("A", 2, damaged="damaged")
    assert (level.on_hand, level.available) == (7, 5)
    level = stock_entries.restock_return("A", 1)
    assert (level.on_hand, level.available) == (8, 6)
    level = stock_entries.write_off_stock("A", 2, aside="damaged")
    assert (level.on_hand, level.available, level.unavailable) == (6, 6, 0)


def test_the_safety_stock_is_kept_from_sale(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 5)
    assert stock_entries.set_safety_stock("A", 2).available == 3
    assert stock_fixture.buy(Demand("A", 4))[0].available == 3
    assert stock_entries.set_safety_stock("A", 0).available == 5
    assert stock_entries.set_safety_stock("A", 9).available == -4


def test_goods_are_in_transit_while_they_travel_and_lost_ones_are_written_off(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 10)
    left, there = actions.dispatch_transfer(
        "A",
        6,
        stock_entries.slip(),
        source="main",
        target="shop",
        expected_version=stock_fixture.stock.level("A").version,
        stock_writer=stock_fixture.stock,
    )
    assert (left.on_hand, there.on_hand, there.in_transit) == (4, 0, 6)
    level = actions.receive_transfer(
        "A",
        5,
        stock_entries.slip("one crushed"),
        target="shop",
        expected_version=there.version,
        stock_writer=stock_fixture.stock,
        lost=1,
    )
    assert (level.on_hand, level.in_transit, level.available) == (5, 0, 5)
    sums = stock_entries.sums("A")
    assert sums.holds
    assert (sums.received, sums.on_hand, sums.written_off, sums.transferred) == (10, 9, 1, 0)


def test_goods_are_sent_once(stock_entries: Desk, stock_fixture: StockFixture) -> None:
    stock_entries.receive_stock("A", 10)
    version = stock_fixture.stock.level("A").version

    def send() -> None:
        actions.dispatch_transfer(
            "A",
            6,
            stock_entries.slip(),
            source="main",
            target="shop",
            expected_version=version,
            stock_writer=stock_fixture.stock,
        )

    send()
    with pytest.raises(VersionConflict):
        send()
    assert stock_fixture.stock.level("A", "shop").in_transit == 6


def test_what_is_promised_is_not_sent_elsewhere(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 3)
    stock_fixture.hold(Demand("A", 2))
    with pytest.raises(Conflict):
        actions.dispatch_transfer(
            "A",
            2,
            stock_entries.slip(),
            source="main",
            target="shop",
            expected_version=stock_fixture.stock.level("A").version,
            stock_writer=stock_fixture.stock,
        )
    assert stock_fixture.stock.level("A", "shop") == StockLevel("A", "shop")
    assert len(stock_fixture.stock.list_movements("A").items) == 1


def test_a_count_keeps_good_lines_and_reports_the_others(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    for sku in "ABC":
        stock_entries.receive_stock(sku, 5)
    stock_fixture.hold(Demand("B", 4))
    done = actions.record_stock_take(
        [("A", 7, 1), ("B", 3, 1), ("C", 5, 9), ("D", 2, 0), ("E", -1, 0)],
        stock_entries.slip("yearly count", "count-2026"),
        write=lambda number, entry: entry(stock_fixture.stock),
    )
    kinds = [getattr(one, "code", "done") for one in done]
    assert kinds == ["done", "stock_promised", "stale", "done", "invalid"]
    assert [stock_fixture.stock.level(sku).on_hand for sku in "ABCD"] == [7, 5, 5, 2]
    newest = stock_fixture.stock.list_movements("A", limit=1).items[0]
    assert (newest.reference, newest.on_hand) == ("count-2026", 2)


def test_the_journal_adds_up_whatever_happened(
    stock_entries: Desk, stock_fixture: StockFixture
) -> None:
    stock_entries.receive_stock("A", 20)
    holds = stock_fixture.hold(Demand("A", 6))
    stock_fixture.ship(holds, order="ord_1", actor="w", at=stock_entries.slip().at)
    stock_entries.restock_return("A", 2)
    stock_entries.write_off_stock("A", 3)
    stock_entries.adjust_stock("A", -1)
    stock_entries.adjust_stock("A", 4)
    sums = stock_entries.sums("A")
    assert sums.holds
    assert sums.on_hand == stock_fixture.stock.level("A").on_hand == 16
    assert (sums.received, sums.returned, sums.found) == (20, 2, 4)
    assert (sums.shipped, sums.written_off) == (6, 4)


def test_a_balance_that_lost_a_line_does_not_hold() -> None:
    lines = [
        StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=5),
        StockMovement("A", MovementType.SHIPPED, NOW, "w", on_hand=-2),
    ]
    assert reconcile(lines).holds
    assert reconcile(lines).on_hand == 3
    assert not replace(reconcile(lines), on_hand=4).holds


def test_the_same_thing_twice_is_refused(stock_entries: Desk, stock_fixture: StockFixture) -> None:
    stock_entries.receive_stock("A", 5)
    version = stock_fixture.stock.level("A").version
    verbs: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (actions.receive_stock, ("A", 5)),
        (actions.restock_return, ("A", 1)),
        (actions.write_off_stock, ("A", 1)),
        (actions.set_aside, ("A", 1, "damaged")),
        (actions.set_safety_stock, ("A", 1)),
        (actions.expect_inbound, ("A", 1)),
        (actions.adjust_stock, ("A", 1)),
    )
    for verb, args in verbs:
        with pytest.raises(VersionConflict):
            verb(
                *args,
                stock_entries.slip(),
                expected_version=version - 1,
                stock_writer=stock_fixture.stock,
            )
    assert stock_fixture.stock.level("A").version == version


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("receive_stock", (0,)),
        ("receive_stock", (-1,)),
        ("receive_stock", (10**10,)),
        ("restock_return", (0,)),
        ("write_off_stock", (0,)),
        ("expect_inbound", (0,)),
        ("adjust_stock", (0,)),
        ("adjust_stock", (10**10,)),
        ("set_aside", (0, "damaged")),
        ("set_aside", (1, "")),
        ("set_aside", (1, "x" * 41)),
        ("set_safety_stock", (-1,)),
    ],
)
def test_what_makes_no_sense_is_refused(
    stock_entries: Desk, verb: str, args: tuple[Any, ...]
) -> None:
    with pytest.raises(InvalidRequest):
        getattr(stock_entries, verb)("A", *args)
    assert stock_entries.room.stock.level("A").version == 0
