"""What every order book must do, in memory and on DynamoDB alike: the ports' own suite."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.errors import InvalidRequest, NotFound, Unavailable, VersionConflict
from shop.kernel.pagination import to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.model import OrderStatus
from shop.orders.ports import CLAIM_TIMEOUT
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.order_fixture import OrderFixture


def test_an_order_is_found_under_its_owner_and_id(order_fixture: OrderFixture) -> None:
    placed = order_fixture.place(make_order(owner="cust-1"))
    assert order_fixture.orders.get("cust-1", "ord_1") == placed
    assert order_fixture.orders.get_by_id("ord_1") == placed


@pytest.mark.parametrize("owner", ["guest", "cust-2", "", "cust-1#", "HEAD"])
def test_a_strangers_order_is_not_found(order_fixture: OrderFixture, owner: str) -> None:
    order_fixture.place(make_order(owner="cust-1"))
    with pytest.raises(NotFound):
        order_fixture.orders.get(owner, "ord_1")


@pytest.mark.parametrize("order_id", ["ord_2", "", "ord_1#", "ORDER#ord_1", "../ord_1", "ord"])
def test_an_unknown_order_is_not_found(order_fixture: OrderFixture, order_id: str) -> None:
    order_fixture.place()
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id(order_id)
    with pytest.raises(NotFound):
        order_fixture.orders.get("guest", order_id)


def test_an_order_is_placed_once(order_fixture: OrderFixture) -> None:
    order_fixture.place()
    with pytest.raises(ConditionFailed) as clash:
        order_fixture.place()
    assert order_fixture.orders.condition_key("ord_1") in clash.value.keys
    assert order_fixture.reserved() == (2, 1)


def test_an_order_without_stock_is_not_placed(order_fixture: OrderFixture) -> None:
    with pytest.raises(ConditionFailed) as clash:
        order_fixture.place(make_order(pieces=(11, 1)))
    assert order_fixture.orders.condition_key("ord_1") not in clash.value.keys
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id("ord_1")
    assert order_fixture.reserved() == (0, 0)


def test_a_change_is_written_if_the_order_is_still_as_it_was_read(
    order_fixture: OrderFixture,
) -> None:
    before = order_fixture.place()
    after, events = before.cancel("why", BLACK_FRIDAY, "wanda")
    saved = order_fixture.orders.save(before, after, events)
    assert (saved.version, order_fixture.orders.get_by_id("ord_1")) == (2, saved)
    with pytest.raises(VersionConflict):
        order_fixture.orders.save(before, replace(after, cancel_reason="late"), events)
    assert order_fixture.orders.get_by_id("ord_1").cancel_reason == "why"


def test_a_change_in_a_transaction_is_named_when_it_clashes(order_fixture: OrderFixture) -> None:
    before = order_fixture.place()
    after, events = before.cancel("why", BLACK_FRIDAY, "wanda")
    order_fixture.ledger.commit(order_fixture.orders.update_op(before, after, events))
    with pytest.raises(ConditionFailed) as clash:
        order_fixture.ledger.commit(order_fixture.orders.update_op(before, after, events))
    assert clash.value.keys == {order_fixture.orders.condition_key("ord_1")}
    assert order_fixture.orders.get_by_id("ord_1").version == 2


def test_an_order_that_was_never_placed_cannot_be_changed(order_fixture: OrderFixture) -> None:
    ghost = make_order("ord_ghost")
    with pytest.raises(VersionConflict):
        order_fixture.orders.save(ghost, ghost, ())
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id("ord_ghost")


def test_a_customers_orders_come_newest_first_page_by_page(order_fixture: OrderFixture) -> None:
    for n in range(5):
        order_fixture.place(
            make_order(f"ord_{n}", (1,), owner="c", placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
    order_fixture.place(make_order("ord_x", (1,), owner="other"))
    order_fixture.place(make_order("ord_y", (1,)))
    seen, cursor = [], None
    for _ in range(3):
        page = order_fixture.orders.list_by_customer("c", cursor=cursor, limit=2)
        seen.append([summary.id for summary in page.items])
        cursor = page.cursor
    assert seen == [["ord_4", "ord_3"], ["ord_2", "ord_1"], ["ord_0"]]
    assert cursor is None


def test_a_page_that_ends_exactly_has_no_next(order_fixture: OrderFixture) -> None:
    order_fixture.place(make_order("ord_0", (1,), owner="c"))
    assert order_fixture.orders.list_by_customer("c", cursor=None, limit=1).cursor is None


def test_a_summary_shows_what_a_list_needs(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(make_order(owner="c")))
    (summary,) = order_fixture.orders.list_by_customer("c", cursor=None, limit=10).items
    assert vars(summary) == {
        "id": order.id,
        "status": OrderStatus.CONFIRMED,
        "placed_at": BLACK_FRIDAY,
        "currency": "USD",
        "total": order.total,
        "pieces": 3,
        "email": "jane@example.com",
    }


def test_a_days_orders_come_newest_first_over_all_owners(order_fixture: OrderFixture) -> None:
    for n in range(7):
        owner = "guest" if n % 2 else "c"
        at = BLACK_FRIDAY + timedelta(minutes=n)
        order_fixture.place(make_order(f"ord_{n}", (1,), owner=owner, placed_at=at))
    order_fixture.place(make_order("ord_before", (1,), placed_at=BLACK_FRIDAY - timedelta(days=1)))
    seen: list[str] = []
    cursor = None
    while True:
        page = order_fixture.orders.list_by_day("2026-11-27", status=None, cursor=cursor, limit=3)
        assert len(page.items) <= 3
        seen += [summary.id for summary in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == [f"ord_{n}" for n in reversed(range(7))]


def test_a_days_orders_may_be_asked_for_by_status(order_fixture: OrderFixture) -> None:
    for n in range(4):
        order = order_fixture.place(
            make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
        if n % 2:
            order_fixture.pay(order)
    page = order_fixture.orders.list_by_day(
        "2026-11-27", status=OrderStatus.CONFIRMED, cursor=None, limit=10
    )
    assert [summary.id for summary in page.items] == ["ord_3", "ord_1"]


@pytest.mark.parametrize("cursor", ["?", "e30", "bnVsbA", to_cursor({"before": 7}), "W10", "a" * 9])
def test_a_cursor_that_is_none_of_ours_is_refused(order_fixture: OrderFixture, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        order_fixture.orders.list_by_customer("c", cursor=cursor, limit=2)
    with pytest.raises(InvalidRequest):
        order_fixture.orders.list_by_day("2026-11-27", status=None, cursor=cursor, limit=2)


def test_overdue_orders_are_those_unpaid_after_their_deadline_oldest_first(
    order_fixture: OrderFixture,
) -> None:
    for n in range(4):
        at = BLACK_FRIDAY + timedelta(minutes=n)
        order_fixture.place(
            make_order(f"ord_{n}", (1,), placed_at=at, pay_by=at + timedelta(minutes=30))
        )
    order_fixture.pay(order_fixture.orders.get_by_id("ord_1"))
    at = BLACK_FRIDAY + timedelta(minutes=32)
    assert order_fixture.orders.list_overdue(at, 10) == ["ord_0", "ord_2"]
    assert order_fixture.orders.list_overdue(at, 1) == ["ord_0"]


def test_orders_of_yesterday_are_still_found_overdue_at_midnight(
    order_fixture: OrderFixture,
) -> None:
    at = BLACK_FRIDAY.replace(hour=23, minute=50)
    order_fixture.place(make_order("ord_0", (1,), placed_at=at, pay_by=at + timedelta(minutes=30)))
    assert order_fixture.orders.list_overdue(at + timedelta(minutes=29), 10) == []
    assert order_fixture.orders.list_overdue(at + timedelta(minutes=30), 10) == ["ord_0"]


def test_orders_that_wait_are_those_unpaid_and_placed_before_then_oldest_first(
    order_fixture: OrderFixture,
) -> None:
    for n in range(4):
        order_fixture.place(
            make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
    order_fixture.pay(order_fixture.orders.get_by_id("ord_1"))
    before = BLACK_FRIDAY + timedelta(minutes=3)
    assert order_fixture.orders.list_awaiting_payment(before, 10) == ["ord_0", "ord_2"]
    assert order_fixture.orders.list_awaiting_payment(before, 1) == ["ord_0"]
    assert order_fixture.orders.list_awaiting_payment(BLACK_FRIDAY, 10) == []
    assert order_fixture.orders.list_awaiting_payment(BLACK_FRIDAY + timedelta(days=2), 10) == []


def test_a_tracking_number_belongs_to_one_parcel(order_fixture: OrderFixture) -> None:
    order_fixture.ledger.commit(
        order_fixture.orders.register_tracking_op("ups", "1Z", "ord_1", "par_1")
    )
    assert (
        order_fixture.orders.find_shipment("ups", "1Z")
        == order_fixture.orders.find_shipment("UPS", "1Z")
        == ("ord_1", "par_1")
    )
    with pytest.raises(ConditionFailed) as clash:
        order_fixture.ledger.commit(
            order_fixture.orders.register_tracking_op("UPS", "1Z", "ord_2", "par_2")
        )
    assert clash.value.keys == {order_fixture.orders.tracking_condition_key("ups", "1Z")}
    with pytest.raises(NotFound):
        order_fixture.orders.find_shipment("dhl", "1Z")


def test_a_later_token_replaces_an_earlier_one(order_fixture: OrderFixture) -> None:
    order_fixture.waits.save("ord_1", "payment", "t1", BLACK_FRIDAY)
    order_fixture.waits.save("ord_1", "payment", "t2", BLACK_FRIDAY)
    order_fixture.waits.save("ord_1", "delivery", "t3", BLACK_FRIDAY)
    assert order_fixture.waits.get_many("ord_1", ["payment", "shipment"]) == {"payment": "t2"}
    assert order_fixture.waits.get_many("ord_2", ["payment"]) == {}


def test_a_wait_is_not_taken_for_an_order(order_fixture: OrderFixture) -> None:
    order_fixture.waits.save("ord_1", "payment", "t1", BLACK_FRIDAY)
    order_fixture.letters.claim("ord_1", "confirmation", BLACK_FRIDAY)
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id("ord_1")


def test_a_letter_is_written_once(order_fixture: OrderFixture) -> None:
    assert order_fixture.letters.claim("ord_1", "confirmation", BLACK_FRIDAY) is True
    order_fixture.letters.mark_sent("ord_1", "confirmation", BLACK_FRIDAY)
    assert (
        order_fixture.letters.claim("ord_1", "confirmation", BLACK_FRIDAY + timedelta(days=9))
        is False
    )
    assert order_fixture.letters.claim("ord_1", "delay", BLACK_FRIDAY) is True


def test_a_letter_somebody_writes_just_now_is_left_to_them(order_fixture: OrderFixture) -> None:
    assert order_fixture.letters.claim("ord_1", "confirmation", BLACK_FRIDAY)
    with pytest.raises(Unavailable):
        order_fixture.letters.claim(
            "ord_1", "confirmation", BLACK_FRIDAY + CLAIM_TIMEOUT - timedelta(seconds=1)
        )


def test_a_letter_whose_writer_crashed_is_written_by_the_next(order_fixture: OrderFixture) -> None:
    assert order_fixture.letters.claim("ord_1", "confirmation", BLACK_FRIDAY)
    assert order_fixture.letters.claim("ord_1", "confirmation", BLACK_FRIDAY + CLAIM_TIMEOUT)
    with pytest.raises(Unavailable):
        order_fixture.letters.claim(
            "ord_1", "confirmation", BLACK_FRIDAY + CLAIM_TIMEOUT + timedelta(seconds=1)
        )
