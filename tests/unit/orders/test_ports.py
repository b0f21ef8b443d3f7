"""What every order book must do, in memory and on DynamoDB alike: the ports' own suite."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.errors import Invalid, NotFound, Stale, Unavailable
from shop.kernel.paging import to_cursor
from shop.kernel.transactions import Clash
from shop.orders.model import Status
from shop.orders.ports import GIVEN_UP
from tests.kit.sold import THEN, an_order
from tests.unit.orders.room import Room


def test_an_order_is_found_under_its_owner_and_id(room: Room) -> None:
    placed = room.place(an_order(owner="cust-1"))
    assert room.orders.of("cust-1", "ord_1") == placed
    assert room.orders.by_id("ord_1") == placed


@pytest.mark.parametrize("owner", ["guest", "cust-2", "", "cust-1#", "HEAD"])
def test_a_strangers_order_is_not_found(room: Room, owner: str) -> None:
    room.place(an_order(owner="cust-1"))
    with pytest.raises(NotFound):
        room.orders.of(owner, "ord_1")


@pytest.mark.parametrize("order_id", ["ord_2", "", "ord_1#", "ORDER#ord_1", "../ord_1", "ord"])
def test_an_unknown_order_is_not_found(room: Room, order_id: str) -> None:
    room.place()
    with pytest.raises(NotFound):
        room.orders.by_id(order_id)
    with pytest.raises(NotFound):
        room.orders.of("guest", order_id)


def test_an_order_is_placed_once(room: Room) -> None:
    room.place()
    with pytest.raises(Clash) as clash:
        room.place()
    assert room.orders.name("ord_1") in clash.value.about
    assert room.reserved() == (2, 1)


def test_an_order_without_stock_is_not_placed(room: Room) -> None:
    with pytest.raises(Clash) as clash:
        room.place(an_order(pieces=(11, 1)))
    assert room.orders.name("ord_1") not in clash.value.about
    with pytest.raises(NotFound):
        room.orders.by_id("ord_1")
    assert room.reserved() == (0, 0)


def test_a_change_is_written_if_the_order_is_still_as_it_was_read(room: Room) -> None:
    before = room.place()
    after, events = before.cancelled("why", THEN, "wanda")
    saved = room.orders.save(before, after, events)
    assert (saved.version, room.orders.by_id("ord_1")) == (2, saved)
    with pytest.raises(Stale):
        room.orders.save(before, replace(after, cancel_reason="late"), events)
    assert room.orders.by_id("ord_1").cancel_reason == "why"


def test_a_change_in_a_transaction_is_named_when_it_clashes(room: Room) -> None:
    before = room.place()
    after, events = before.cancelled("why", THEN, "wanda")
    room.ledger.commit(room.orders.changing(before, after, events))
    with pytest.raises(Clash) as clash:
        room.ledger.commit(room.orders.changing(before, after, events))
    assert clash.value.about == {room.orders.name("ord_1")}
    assert room.orders.by_id("ord_1").version == 2


def test_an_order_that_was_never_placed_cannot_be_changed(room: Room) -> None:
    ghost = an_order("ord_ghost")
    with pytest.raises(Stale):
        room.orders.save(ghost, ghost, ())
    with pytest.raises(NotFound):
        room.orders.by_id("ord_ghost")


def test_a_customers_orders_come_newest_first_page_by_page(room: Room) -> None:
    for n in range(5):
        room.place(an_order(f"ord_{n}", (1,), owner="c", placed_at=THEN + timedelta(minutes=n)))
    room.place(an_order("ord_x", (1,), owner="other"))
    room.place(an_order("ord_y", (1,)))
    seen, cursor = [], None
    for _ in range(3):
        page = room.orders.of_customer("c", cursor=cursor, limit=2)
        seen.append([summary.id for summary in page.items])
        cursor = page.cursor
    assert seen == [["ord_4", "ord_3"], ["ord_2", "ord_1"], ["ord_0"]]
    assert cursor is None


def test_a_page_that_ends_exactly_has_no_next(room: Room) -> None:
    room.place(an_order("ord_0", (1,), owner="c"))
    assert room.orders.of_customer("c", cursor=None, limit=1).cursor is None


def test_a_summary_shows_what_a_list_needs(room: Room) -> None:
    order = room.pay(room.place(an_order(owner="c")))
    (summary,) = room.orders.of_customer("c", cursor=None, limit=10).items
    assert vars(summary) == {
        "id": order.id,
        "status": Status.CONFIRMED,
        "placed_at": THEN,
        "currency": "USD",
        "total": order.total,
        "pieces": 3,
        "email": "jane@example.com",
    }


def test_a_days_orders_come_newest_first_over_all_owners(room: Room) -> None:
    for n in range(7):
        owner = "guest" if n % 2 else "c"
        at = THEN + timedelta(minutes=n)
        room.place(an_order(f"ord_{n}", (1,), owner=owner, placed_at=at))
    room.place(an_order("ord_before", (1,), placed_at=THEN - timedelta(days=1)))
    seen: list[str] = []
    cursor = None
    while True:
        page = room.orders.placed_on("2026-11-27", status=None, cursor=cursor, limit=3)
        assert len(page.items) <= 3
        seen += [summary.id for summary in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == [f"ord_{n}" for n in reversed(range(7))]


def test_a_days_orders_may_be_asked_for_by_status(room: Room) -> None:
    for n in range(4):
        order = room.place(an_order(f"ord_{n}", (1,), placed_at=THEN + timedelta(minutes=n)))
        if n % 2:
            room.pay(order)
    page = room.orders.placed_on("2026-11-27", status=Status.CONFIRMED, cursor=None, limit=10)
    assert [summary.id for summary in page.items] == ["ord_3", "ord_1"]


@pytest.mark.parametrize("cursor", ["?", "e30", "bnVsbA", to_cursor({"before": 7}), "W10", "a" * 9])
def test_a_cursor_that_is_none_of_ours_is_refused(room: Room, cursor: str) -> None:
    with pytest.raises(Invalid):
        room.orders.of_customer("c", cursor=cursor, limit=2)
    with pytest.raises(Invalid):
        room.orders.placed_on("2026-11-27", status=None, cursor=cursor, limit=2)


def test_overdue_orders_are_those_unpaid_after_their_deadline_oldest_first(room: Room) -> None:
    for n in range(4):
        at = THEN + timedelta(minutes=n)
        room.place(an_order(f"ord_{n}", (1,), placed_at=at, pay_by=at + timedelta(minutes=30)))
    room.pay(room.orders.by_id("ord_1"))
    at = THEN + timedelta(minutes=32)
    assert room.orders.overdue(at, 10) == ["ord_0", "ord_2"]
    assert room.orders.overdue(at, 1) == ["ord_0"]


def test_orders_of_yesterday_are_still_found_overdue_at_midnight(room: Room) -> None:
    at = THEN.replace(hour=23, minute=50)
    room.place(an_order("ord_0", (1,), placed_at=at, pay_by=at + timedelta(minutes=30)))
    assert room.orders.overdue(at + timedelta(minutes=29), 10) == []
    assert room.orders.overdue(at + timedelta(minutes=30), 10) == ["ord_0"]


def test_orders_that_wait_are_those_unpaid_and_placed_before_then_oldest_first(room: Room) -> None:
    for n in range(4):
        room.place(an_order(f"ord_{n}", (1,), placed_at=THEN + timedelta(minutes=n)))
    room.pay(room.orders.by_id("ord_1"))
    before = THEN + timedelta(minutes=3)
    assert room.orders.waiting(before, 10) == ["ord_0", "ord_2"]
    assert room.orders.waiting(before, 1) == ["ord_0"]
    assert room.orders.waiting(THEN, 10) == []
    assert room.orders.waiting(THEN + timedelta(days=2), 10) == []


def test_a_tracking_number_belongs_to_one_parcel(room: Room) -> None:
    room.ledger.commit(room.orders.tracking("ups", "1Z", "ord_1", "par_1"))
    assert room.orders.parcel("ups", "1Z") == room.orders.parcel("UPS", "1Z") == ("ord_1", "par_1")
    with pytest.raises(Clash) as clash:
        room.ledger.commit(room.orders.tracking("UPS", "1Z", "ord_2", "par_2"))
    assert clash.value.about == {room.orders.tracking_name("ups", "1Z")}
    with pytest.raises(NotFound):
        room.orders.parcel("dhl", "1Z")


def test_a_later_token_replaces_an_earlier_one(room: Room) -> None:
    room.waits.wait("ord_1", "payment", "t1", THEN)
    room.waits.wait("ord_1", "payment", "t2", THEN)
    room.waits.wait("ord_1", "delivery", "t3", THEN)
    assert room.waits.tokens("ord_1", ["payment", "shipment"]) == {"payment": "t2"}
    assert room.waits.tokens("ord_2", ["payment"]) == {}


def test_a_wait_is_not_taken_for_an_order(room: Room) -> None:
    room.waits.wait("ord_1", "payment", "t1", THEN)
    room.letters.taken("ord_1", "confirmation", THEN)
    with pytest.raises(NotFound):
        room.orders.by_id("ord_1")


def test_a_letter_is_written_once(room: Room) -> None:
    assert room.letters.taken("ord_1", "confirmation", THEN) is True
    room.letters.sent("ord_1", "confirmation", THEN)
    assert room.letters.taken("ord_1", "confirmation", THEN + timedelta(days=9)) is False
    assert room.letters.taken("ord_1", "delay", THEN) is True


def test_a_letter_somebody_writes_just_now_is_left_to_them(room: Room) -> None:
    assert room.letters.taken("ord_1", "confirmation", THEN)
    with pytest.raises(Unavailable):
        room.letters.taken("ord_1", "confirmation", THEN + GIVEN_UP - timedelta(seconds=1))


def test_a_letter_whose_writer_crashed_is_written_by_the_next(room: Room) -> None:
    assert room.letters.taken("ord_1", "confirmation", THEN)
    assert room.letters.taken("ord_1", "confirmation", THEN + GIVEN_UP)
    with pytest.raises(Unavailable):
        room.letters.taken("ord_1", "confirmation", THEN + GIVEN_UP + timedelta(seconds=1))
