"""Port tests: the behaviour of every order repository, on the doubles and on DynamoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.errors import InvalidRequest, NotFound, Unavailable, VersionConflict
from shop.kernel.notifications import CLAIM_TIMEOUT
from shop.kernel.pagination import to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.model import OrderStatus, ParkedEvent, ShipmentStatus, TrackingEvent
from shop.orders.model.finding import OrderSearch
from tests.kit.order_index import finder_of
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.orders.test_finding import day


def test_order_is_found_by_owner_and_id(order_fixture: OrderFixture) -> None:
    placed = order_fixture.place(make_order(owner="cust-1"))
    assert order_fixture.orders.get("cust-1", "ord_1") == placed
    assert order_fixture.orders.get_by_id("ord_1") == placed


@pytest.mark.parametrize("owner", ["guest", "cust-2", "", "cust-1#", "HEAD"])
def test_order_of_another_owner_is_not_found(order_fixture: OrderFixture, owner: str) -> None:
    order_fixture.place(make_order(owner="cust-1"))
    with pytest.raises(NotFound):
        order_fixture.orders.get(owner, "ord_1")


@pytest.mark.parametrize("order_id", ["ord_2", "", "ord_1#", "ORDER#ord_1", "../ord_1", "ord"])
def test_unknown_order_is_not_found(order_fixture: OrderFixture, order_id: str) -> None:
    order_fixture.place()
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id(order_id)
    with pytest.raises(NotFound):
        order_fixture.orders.get("guest", order_id)


def test_order_is_placed_once(order_fixture: OrderFixture) -> None:
    order_fixture.place()
    with pytest.raises(ConditionFailed) as failure:
        order_fixture.place()
    assert order_fixture.orders.condition_key("ord_1") in failure.value.keys
    assert order_fixture.reserved() == (2, 1)


def test_order_without_stock_is_not_placed(order_fixture: OrderFixture) -> None:
    with pytest.raises(ConditionFailed) as failure:
        order_fixture.place(make_order(pieces=(11, 1)))
    assert order_fixture.orders.condition_key("ord_1") not in failure.value.keys
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id("ord_1")
    assert order_fixture.reserved() == (0, 0)


def test_save_requires_the_version_that_was_read(
    order_fixture: OrderFixture,
) -> None:
    before = order_fixture.place()
    after, events = before.cancel("reason", BLACK_FRIDAY, "wanda")
    saved = order_fixture.orders.save(before, after, events)
    assert (saved.version, order_fixture.orders.get_by_id("ord_1")) == (2, saved)
    with pytest.raises(VersionConflict):
        order_fixture.orders.save(before, replace(after, cancel_reason="late"), events)
    assert order_fixture.orders.get_by_id("ord_1").cancel_reason == "reason"


def test_conflicting_update_in_transaction_names_the_order(order_fixture: OrderFixture) -> None:
    before = order_fixture.place()
    after, events = before.cancel("reason", BLACK_FRIDAY, "wanda")
    order_fixture.uow.commit(order_fixture.orders.update_op(before, after, events))
    with pytest.raises(ConditionFailed) as failure:
        order_fixture.uow.commit(order_fixture.orders.update_op(before, after, events))
    assert failure.value.keys == {order_fixture.orders.condition_key("ord_1")}
    assert order_fixture.orders.get_by_id("ord_1").version == 2


def test_order_that_does_not_exist_cannot_be_saved(order_fixture: OrderFixture) -> None:
    unknown = make_order("ord_unknown")
    with pytest.raises(VersionConflict):
        order_fixture.orders.save(unknown, unknown, ())
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id("ord_unknown")


def test_customer_orders_are_listed_newest_first_in_pages(order_fixture: OrderFixture) -> None:
    for n in range(5):
        order_fixture.place(
            make_order(f"ord_{n}", (1,), owner="c", placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
    order_fixture.place(make_order("ord_x", (1,), owner="other"))
    order_fixture.place(make_order("ord_y", (1,)))
    listed, cursor = [], None
    for _ in range(3):
        page = order_fixture.orders.list_by_customer("c", cursor=cursor, limit=2)
        listed.append([summary.id for summary in page.items])
        cursor = page.cursor
    assert listed == [["ord_4", "ord_3"], ["ord_2", "ord_1"], ["ord_0"]]
    assert cursor is None


def test_page_that_ends_exactly_has_no_cursor(order_fixture: OrderFixture) -> None:
    order_fixture.place(make_order("ord_0", (1,), owner="c"))
    assert order_fixture.orders.list_by_customer("c", cursor=None, limit=1).cursor is None


def test_order_summary_has_the_fields_of_a_list(order_fixture: OrderFixture) -> None:
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
        "returned": 0,
        "refunded": 0,
        "worth": order.total,
        "cancelled": 0,
        "net": order.total,
        "net_tax": order.tax,
        "net_shipping": order.shipping,
        "active_pieces": 3,
    }


@pytest.mark.parametrize("cursor", ["?", "e30", "bnVsbA", to_cursor({"before": 7}), "W10", "a" * 9])
def test_unknown_cursor_is_rejected(order_fixture: OrderFixture, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        order_fixture.orders.list_by_customer("c", cursor=cursor, limit=2)
    for search in (OrderSearch(sku="MUG-RED"), day("2026-11-27")):
        with pytest.raises(InvalidRequest):
            finder_of(order_fixture.orders).find(search, cursor=cursor, limit=2)


def test_overdue_orders_are_unpaid_after_their_deadline_oldest_first(
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


def test_overdue_orders_of_yesterday_are_found_after_midnight(
    order_fixture: OrderFixture,
) -> None:
    at = BLACK_FRIDAY.replace(hour=23, minute=50)
    order_fixture.place(make_order("ord_0", (1,), placed_at=at, pay_by=at + timedelta(minutes=30)))
    assert order_fixture.orders.list_overdue(at + timedelta(minutes=29), 10) == []
    assert order_fixture.orders.list_overdue(at + timedelta(minutes=30), 10) == ["ord_0"]


def test_orders_awaiting_payment_are_listed_oldest_first(
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


def test_late_orders_are_listed_until_they_arrive_or_are_announced(
    order_fixture: OrderFixture,
) -> None:
    orders = order_fixture.orders
    placed = [
        order_fixture.place_allocated(
            make_order(f"ord_{n}", (1, 1), placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
        for n in range(4)
    ]
    order_fixture.place(make_order("ord_unpaid", (1, 1)))
    promised = placed[0].shipping_option.latest
    assert orders.list_late(promised - timedelta(seconds=1), 10) == []
    assert orders.list_late(promised, 10) == ["ord_0", "ord_1", "ord_2", "ord_3"]
    assert orders.list_late(promised, 1) == ["ord_0"]
    order_fixture.cancel(placed[1], "ordered_twice")
    announced, events = placed[2].announce_delay(order_fixture.now, "shop")
    orders.save(placed[2], announced, events)
    assert orders.list_late(promised, 10) == ["ord_0", "ord_3"]
    assert orders.list_late(BLACK_FRIDAY + timedelta(days=61), 10) == []


def test_tracking_number_belongs_to_one_shipment(order_fixture: OrderFixture) -> None:
    order_fixture.uow.commit(
        order_fixture.orders.register_tracking_op("ups", "1Z", "ord_1", "par_1")
    )
    assert (
        order_fixture.orders.find_shipment("ups", "1Z")
        == order_fixture.orders.find_shipment("UPS", "1Z")
        == ("ord_1", "par_1")
    )
    with pytest.raises(ConditionFailed) as failure:
        order_fixture.uow.commit(
            order_fixture.orders.register_tracking_op("UPS", "1Z", "ord_2", "par_2")
        )
    assert failure.value.keys == {"TRACK#ups#1Z"}
    with pytest.raises(NotFound):
        order_fixture.orders.find_shipment("dhl", "1Z")


def test_later_workflow_token_replaces_an_earlier_one(order_fixture: OrderFixture) -> None:
    order_fixture.tokens.save("ord_1", "payment", "t1", BLACK_FRIDAY)
    order_fixture.tokens.save("ord_1", "payment", "t2", BLACK_FRIDAY)
    order_fixture.tokens.save("ord_1", "delivery", "t3", BLACK_FRIDAY)
    assert order_fixture.tokens.get_many("ord_1", ["payment", "shipment"]) == {"payment": "t2"}
    assert order_fixture.tokens.get_many("ord_2", ["payment"]) == {}


def test_tokens_and_emails_are_not_read_as_an_order(order_fixture: OrderFixture) -> None:
    order_fixture.tokens.save("ord_1", "payment", "t1", BLACK_FRIDAY)
    order_fixture.sent_emails.claim("ord_1", "confirmation", BLACK_FRIDAY)
    with pytest.raises(NotFound):
        order_fixture.orders.get_by_id("ord_1")


def test_email_is_claimed_once(order_fixture: OrderFixture) -> None:
    assert order_fixture.sent_emails.claim("ord_1", "confirmation", BLACK_FRIDAY) is True
    order_fixture.sent_emails.mark_sent("ord_1", "confirmation", BLACK_FRIDAY)
    assert (
        order_fixture.sent_emails.claim("ord_1", "confirmation", BLACK_FRIDAY + timedelta(days=9))
        is False
    )
    assert order_fixture.sent_emails.claim("ord_1", "delay", BLACK_FRIDAY) is True


def test_email_claimed_by_another_process_raises_unavailable(order_fixture: OrderFixture) -> None:
    assert order_fixture.sent_emails.claim("ord_1", "confirmation", BLACK_FRIDAY)
    with pytest.raises(Unavailable):
        order_fixture.sent_emails.claim(
            "ord_1", "confirmation", BLACK_FRIDAY + CLAIM_TIMEOUT - timedelta(seconds=1)
        )


def test_email_claim_expires_after_a_crash(order_fixture: OrderFixture) -> None:
    assert order_fixture.sent_emails.claim("ord_1", "confirmation", BLACK_FRIDAY)
    assert order_fixture.sent_emails.claim("ord_1", "confirmation", BLACK_FRIDAY + CLAIM_TIMEOUT)
    with pytest.raises(Unavailable):
        order_fixture.sent_emails.claim(
            "ord_1", "confirmation", BLACK_FRIDAY + CLAIM_TIMEOUT + timedelta(seconds=1)
        )


def parked_event(number: str = "1Z1", event: str = "e1", carrier: str = "ups") -> ParkedEvent:
    at = BLACK_FRIDAY + timedelta(hours=1)
    tracking = TrackingEvent(event, at, ShipmentStatus.DELIVERED, "At the door, caf\u00e9")
    return ParkedEvent(carrier, number, tracking, at + timedelta(minutes=1))


def test_parked_events_are_listed_by_tracking_number(order_fixture: OrderFixture) -> None:
    events = order_fixture.parked_events
    stored = [parked_event("1Z1", "e2"), parked_event("1Z1"), parked_event("1Z12")]
    for each in (*stored, stored[0], parked_event(carrier="dhl")):
        assert events.park(each)
    assert events.list_of("UPS", "1Z1") == [stored[1], stored[0]]
    events.remove(stored[0])
    events.remove(stored[0])
    assert events.list_of("ups", "1Z1") == [stored[1]]
    assert events.list_of("ups", "1Z") == []


def test_parked_events_are_listed_in_pages(order_fixture: OrderFixture) -> None:
    events = order_fixture.parked_events
    stored = [parked_event(f"1Z{n}", f"e{m}") for n in range(3) for m in range(2)]
    for each in stored:
        events.park(each)
    found, cursor = [], None
    for _ in range(3):
        page = events.list_all(cursor=cursor, limit=2)
        found += page.items
        cursor = page.cursor
    assert (found, cursor) == (stored, None)


def test_event_of_a_known_shipment_is_not_parked(order_fixture: OrderFixture) -> None:
    """The check and the event are one transaction."""
    order_fixture.uow.commit(
        order_fixture.orders.register_tracking_op("ups", "1Z1", "ord_1", "par_1")
    )
    assert not order_fixture.parked_events.park(parked_event())
    assert order_fixture.parked_events.list_of("ups", "1Z1") == []
