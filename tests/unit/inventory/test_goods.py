"""What staff do with goods, in memory and on DynamoDB alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.inventory import actions
from shop.inventory.actions import Slip
from shop.inventory.model import Demand, Kind, Movement, StockLevel, balance
from shop.kernel.errors import Conflict, Invalid, Stale
from tests.unit.inventory.room import Room

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class Desk:
    """Somebody of the staff, who looks at the level before each thing they do."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.at = NOW

    def slip(self, reason: str = "because", reference: str = "note-1") -> Slip:
        self.at += timedelta(minutes=1)
        return Slip("wanda", self.at, reason, reference)

    def __getattr__(self, verb: str) -> Any:
        def do(sku: str, *args: Any, location: str = "main", **more: Any) -> Any:
            version = self.room.stock.level(sku, location).version
            return getattr(actions, verb)(
                sku,
                *args,
                self.slip(),
                expected_version=version,
                stock=self.room.stock,
                location=location,
                **more,
            )

        return do

    def sums(self, sku: str) -> Any:
        return balance(self.room.stock.journal(sku, limit=500).items)


@pytest.fixture
def desk(room: Room) -> Desk:
    return Desk(room)


def test_goods_are_expected_received_and_for_sale(desk: Desk, room: Room) -> None:
    desk.expect("A", 10)
    assert room.stock.level("A").available == 0
    level = desk.receive("A", 4)
    assert (level.on_hand, level.incoming, level.available) == (4, 6, 4)
    level = desk.receive("A", 8)
    assert (level.on_hand, level.incoming, level.available) == (12, 0, 12)
    level = desk.receive("A", 1, announced=False)
    assert room.stock.level("A") == level


def test_what_will_not_come_after_all_is_no_longer_expected(desk: Desk) -> None:
    desk.expect("A", 10)
    assert desk.expect("A", -4).incoming == 6
    with pytest.raises(Conflict) as refused:
        desk.expect("A", -7)
    assert refused.value.code == "stock_negative"


def test_units_are_set_aside_under_a_reason_and_brought_back(desk: Desk) -> None:
    desk.receive("A", 10)
    desk.hold_back("A", 3, "damaged")
    level = desk.hold_back("A", 2, "quality_control")
    assert level.unavailable_by == {"damaged": 3, "quality_control": 2}
    assert level.available == 5
    level = desk.hold_back("A", -2, "quality_control")
    assert (level.unavailable_by, level.available) == ({"damaged": 3}, 7)
    with pytest.raises(Conflict) as refused:
        desk.hold_back("A", -4, "damaged")
    assert refused.value.code == "stock_negative"


def test_units_that_are_promised_cannot_be_set_aside(desk: Desk, room: Room) -> None:
    desk.receive("A", 5)
    room.hold(Demand("A", 4))
    with pytest.raises(Conflict) as refused:
        desk.hold_back("A", 2, "damaged")
    assert refused.value.code == "stock_promised"


def test_damaged_goods_that_come_back_are_never_for_sale(desk: Desk) -> None:
    desk.receive("A", 5)
    level = desk.take_back("A", 2, damaged="damaged")
    assert (level.on_hand, level.available) == (7, 5)
    level = desk.take_back("A", 1)
    assert (level.on_hand, level.available) == (8, 6)
    level = desk.write_off("A", 2, aside="damaged")
    assert (level.on_hand, level.available, level.unavailable) == (6, 6, 0)


def test_the_safety_stock_is_kept_from_sale(desk: Desk, room: Room) -> None:
    desk.receive("A", 5)
    assert desk.keep_safety("A", 2).available == 3
    assert room.buy(Demand("A", 4))[0].available == 3
    assert desk.keep_safety("A", 0).available == 5
    assert desk.keep_safety("A", 9).available == -4


def test_goods_are_in_transit_while_they_travel_and_lost_ones_are_written_off(
    desk: Desk, room: Room
) -> None:
    desk.receive("A", 10)
    left, there = actions.dispatch(
        "A",
        6,
        desk.slip(),
        source="main",
        target="shop",
        expected_version=room.stock.level("A").version,
        stock=room.stock,
    )
    assert (left.on_hand, there.on_hand, there.in_transit) == (4, 0, 6)
    level = actions.arrive(
        "A",
        5,
        desk.slip("one crushed"),
        target="shop",
        expected_version=there.version,
        stock=room.stock,
        lost=1,
    )
    assert (level.on_hand, level.in_transit, level.available) == (5, 0, 5)
    sums = desk.sums("A")
    assert sums.holds
    assert (sums.received, sums.on_hand, sums.written_off, sums.transferred) == (10, 9, 1, 0)


def test_goods_are_sent_once(desk: Desk, room: Room) -> None:
    desk.receive("A", 10)
    version = room.stock.level("A").version

    def send() -> None:
        actions.dispatch(
            "A",
            6,
            desk.slip(),
            source="main",
            target="shop",
            expected_version=version,
            stock=room.stock,
        )

    send()
    with pytest.raises(Stale):
        send()
    assert room.stock.level("A", "shop").in_transit == 6


def test_what_is_promised_is_not_sent_elsewhere(desk: Desk, room: Room) -> None:
    desk.receive("A", 3)
    room.hold(Demand("A", 2))
    with pytest.raises(Conflict):
        actions.dispatch(
            "A",
            2,
            desk.slip(),
            source="main",
            target="shop",
            expected_version=room.stock.level("A").version,
            stock=room.stock,
        )
    assert room.stock.level("A", "shop") == StockLevel("A", "shop")
    assert len(room.stock.journal("A").items) == 1


def test_a_count_keeps_good_lines_and_reports_the_others(desk: Desk, room: Room) -> None:
    for sku in "ABC":
        desk.receive(sku, 5)
    room.hold(Demand("B", 4))
    done = actions.take_stock(
        [("A", 7, 1), ("B", 3, 1), ("C", 5, 9), ("D", 2, 0), ("E", -1, 0)],
        desk.slip("yearly count", "count-2026"),
        write=lambda number, entry: entry(room.stock),
    )
    kinds = [getattr(one, "code", "done") for one in done]
    assert kinds == ["done", "stock_promised", "stale", "done", "invalid"]
    assert [room.stock.level(sku).on_hand for sku in "ABCD"] == [7, 5, 5, 2]
    newest = room.stock.journal("A", limit=1).items[0]
    assert (newest.reference, newest.on_hand) == ("count-2026", 2)


def test_the_journal_adds_up_whatever_happened(desk: Desk, room: Room) -> None:
    desk.receive("A", 20)
    holds = room.hold(Demand("A", 6))
    room.ship(holds, order="ord_1", actor="w", at=desk.slip().at)
    desk.take_back("A", 2)
    desk.write_off("A", 3)
    desk.adjust("A", -1)
    desk.adjust("A", 4)
    sums = desk.sums("A")
    assert sums.holds
    assert sums.on_hand == room.stock.level("A").on_hand == 16
    assert (sums.received, sums.returned, sums.found) == (20, 2, 4)
    assert (sums.shipped, sums.written_off) == (6, 4)


def test_a_balance_that_lost_a_line_does_not_hold() -> None:
    lines = [
        Movement("A", Kind.RECEIVED, NOW, "w", on_hand=5),
        Movement("A", Kind.SHIPPED, NOW, "w", on_hand=-2),
    ]
    assert balance(lines).holds
    assert balance(lines).on_hand == 3
    assert not replace(balance(lines), on_hand=4).holds


def test_the_same_thing_twice_is_refused(desk: Desk, room: Room) -> None:
    desk.receive("A", 5)
    version = room.stock.level("A").version
    verbs: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (actions.receive, ("A", 5)),
        (actions.take_back, ("A", 1)),
        (actions.write_off, ("A", 1)),
        (actions.hold_back, ("A", 1, "damaged")),
        (actions.keep_safety, ("A", 1)),
        (actions.expect, ("A", 1)),
        (actions.adjust, ("A", 1)),
    )
    for verb, args in verbs:
        with pytest.raises(Stale):
            verb(*args, desk.slip(), expected_version=version - 1, stock=room.stock)
    assert room.stock.level("A").version == version


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("receive", (0,)),
        ("receive", (-1,)),
        ("receive", (10**10,)),
        ("take_back", (0,)),
        ("write_off", (0,)),
        ("expect", (0,)),
        ("adjust", (0,)),
        ("adjust", (10**10,)),
        ("hold_back", (0, "damaged")),
        ("hold_back", (1, "")),
        ("hold_back", (1, "x" * 41)),
        ("keep_safety", (-1,)),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, verb: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(Invalid):
        getattr(desk, verb)("A", *args)
    assert desk.room.stock.level("A").version == 0
