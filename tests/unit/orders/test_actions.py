"""Use cases of an order after it is placed, on the doubles and on DynamoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.errors import (
    Conflict,
    Contention,
    InvalidRequest,
    NotFound,
    Unavailable,
    VersionConflict,
)
from shop.kernel.notifications import CLAIM_TIMEOUT
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.actions.delivery import abandon_delivery, complete_order
from shop.orders.actions.expiry import expire_overdue_orders
from shop.orders.actions.lookup import get_order
from shop.orders.actions.notifications import send_order_confirmation
from shop.orders.actions.payments import capture_when_possible
from shop.orders.actions.retry import MAX_ATTEMPTS
from shop.orders.actions.shipments import allocate_order
from shop.orders.model import Order, OrderStatus, ParkedEvent, ShipmentStatus
from shop.orders.ports import Email
from shop.payments.model import PaymentStatus
from tests.kit.orders import BLACK_FRIDAY, WINDOW, authorized, make_order
from tests.unit.orders.order_fixture import OrderFixture

# Lookup


def test_customer_order_is_readable_for_its_customer_only(order_fixture: OrderFixture) -> None:
    order_fixture.place(make_order(owner="c1"))
    assert get_order("c1", "ord_1", orders=order_fixture.orders).owner == "c1"
    for other in ("c2", None):
        with pytest.raises(NotFound):
            get_order(other, "ord_1", orders=order_fixture.orders)


def test_guest_order_is_readable_with_its_id_signed_in_or_not(
    order_fixture: OrderFixture,
) -> None:
    order_fixture.place()
    for caller in ("c1", None):
        assert get_order(caller, "ord_1", orders=order_fixture.orders).id == "ord_1"


# Concurrent changes


def test_change_that_loses_every_race_is_contention(
    memory: OrderFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = memory.place()
    attempts = []

    def changed_meanwhile(*_: object) -> Order:
        attempts.append(1)
        raise VersionConflict("The order changed after it was read. Read it again.")

    monkeypatch.setattr(memory.orders, "save", changed_meanwhile)
    with pytest.raises(Contention) as raised:
        memory.pay(order)

    assert raised.value.detail.endswith("Please try again.")
    assert len(attempts) == MAX_ATTEMPTS


# Payment


def test_paid_order_keeps_its_reservations(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place())
    assert (order.status, order_fixture.reserved(), order_fixture.available()) == (
        OrderStatus.CONFIRMED,
        (2, 1),
        (8, 9),
    )


def test_declined_payment_cancels_order_and_releases_stock(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_declined")
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "card_declined")
    assert order_fixture.reserved() == (0, 0)
    assert order_fixture.orders.get_by_id("ord_1") == order


def test_declined_payment_publishes_failure_and_cancellation(
    memory: OrderFixture,
) -> None:
    memory.pay(memory.place(), "tok_declined")
    event_types = [event.type for event in memory.orders.outbox]
    assert event_types == ["OrderPlaced", "PaymentFailed", "OrderCancelled"]
    assert len({event.id for event in memory.orders.outbox}) == 3


def test_repeated_payment_report_changes_nothing(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place())
    order_fixture.advance(minutes=1)
    assert order_fixture.record(order, authorized(order)) == order
    assert order_fixture.orders.get_by_id("ord_1").version == order.version


def test_payment_report_for_unknown_order_raises_not_found(order_fixture: OrderFixture) -> None:
    with pytest.raises(NotFound):
        order_fixture.record(make_order(), authorized(make_order()))


def test_payment_cancelled_at_provider_cancels_unshipped_order(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.place_allocated()
    state = order_fixture.provider.cancel(f"pay_{order.id}", key="by hand")
    order = order_fixture.record(order, state)
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "payment_cancelled")
    assert order_fixture.reserved() == (0, 0)


def test_payment_cancelled_after_shipping_keeps_order_confirmed(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    order = order_fixture.record(
        order, order_fixture.provider.cancel(f"pay_{order.id}", key="by hand")
    )
    assert order.status is OrderStatus.CONFIRMED


def test_record_payment_uses_the_order_that_the_caller_passes(memory: OrderFixture) -> None:
    placed = memory.place()
    passed = replace(placed, version=0)
    order = memory.record(placed, authorized(placed), loaded=passed)
    assert order.status is OrderStatus.CONFIRMED


# Cancellation


def test_cancelled_order_releases_its_stock_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    cancelled = order_fixture.cancel(order)
    assert (cancelled.status, order_fixture.reserved(), order_fixture.available()) == (
        OrderStatus.CANCELLED,
        (0, 0),
        (10, 10),
    )
    assert order_fixture.cancel(order, "again") == cancelled
    assert order_fixture.reserved() == (0, 0)


def test_customer_cannot_cancel_order_of_another_customer(order_fixture: OrderFixture) -> None:
    order = order_fixture.place(make_order(owner="c1"))
    with pytest.raises(NotFound):
        order_fixture.cancel(order, owner="c2")
    assert order_fixture.cancel(order, owner="c1").status is OrderStatus.CANCELLED


def test_shipped_order_cannot_be_cancelled(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    with pytest.raises(Conflict):
        order_fixture.cancel(order)
    assert order_fixture.on_hand() == (8, 9)


# Expiry


def test_unpaid_order_expires_after_its_payment_is_cancelled(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_pending")
    order_fixture.advance(minutes=30)
    cancelled = order_fixture.expire(order)
    assert (cancelled.status, cancelled.cancel_reason) == (OrderStatus.CANCELLED, "payment_expired")
    assert order_fixture.reserved() == (0, 0)
    state = order_fixture.provider.find_by_order(order.id, order.amount)
    assert state is not None
    assert state.status is PaymentStatus.CANCELLED
    assert order_fixture.expire(order) == cancelled


def test_order_unknown_to_the_provider_expires(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    assert order_fixture.expire(order).cancel_reason == "payment_expired"
    assert order_fixture.reserved() == (0, 0)


def test_payment_found_certain_at_deadline_confirms_order(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_pending")
    order_fixture.provider.settle(f"pay_{order.id}")
    assert order_fixture.expire(order).status is OrderStatus.CONFIRMED
    assert order_fixture.reserved() == (2, 1)


def test_payment_found_failed_at_deadline_keeps_its_reason(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_pending")
    order_fixture.provider.settle(f"pay_{order.id}", approved=False)
    assert order_fixture.expire(order).cancel_reason == "card_declined"


def test_order_does_not_expire_while_provider_is_unavailable(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    order_fixture.provider.down = True
    with pytest.raises(Unavailable):
        order_fixture.expire(order)
    assert order_fixture.orders.get_by_id(order.id).status is OrderStatus.PLACED


def test_expiry_sweep_continues_after_orders_that_stay(
    order_fixture: OrderFixture,
) -> None:
    for n in range(3):
        order_fixture.place(
            make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
    order_fixture.pay(order_fixture.orders.get_by_id("ord_1"))
    at = BLACK_FRIDAY + WINDOW + timedelta(minutes=5)
    arguments = {
        "at": at,
        "provider": order_fixture.provider,
        "writes": order_fixture.writes,
    }
    assert expire_overdue_orders(**arguments, max_results=1) == (1, 1)
    assert expire_overdue_orders(**arguments) == (1, 1)
    assert expire_overdue_orders(**arguments) == (0, 0)
    assert order_fixture.reserved() == (1, 0)


def test_expiry_sweep_skips_orders_while_provider_is_unavailable(
    order_fixture: OrderFixture,
) -> None:
    order_fixture.place()
    order_fixture.provider.down = True
    at = BLACK_FRIDAY + WINDOW + timedelta(minutes=5)
    assert expire_overdue_orders(
        at=at, provider=order_fixture.provider, writes=order_fixture.writes
    ) == (
        1,
        0,
    )


# Capture and refund


def test_payment_is_captured_once_after_shipping(order_fixture: OrderFixture) -> None:
    order = order_fixture.capture(order_fixture.ship(order_fixture.place_allocated()))
    assert order.payment.status is PaymentStatus.CAPTURED
    assert order.payment.net_captured == order.due == order.total
    assert order_fixture.capture(order) == order


def test_capture_takes_only_the_amount_due(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated(), lines={"li_1": 1})
    order = cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes)
    assert order_fixture.capture(order).payment.net_captured == order.total - 2 * 1080
    assert order_fixture.reserved() == (0, 0)


def test_captured_payment_is_partially_refunded_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_captured")
    order = order_fixture.ship(
        allocate_order(order.id, at=order_fixture.now, orders=order_fixture.orders),
        lines={"li_1": 1},
    )
    order = cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes)
    assert not order.settled
    order = order_fixture.refund_excess(order)
    assert (order.payment.net_captured, order.settled) == (order.due, True)
    assert order_fixture.refund_excess(order).payment.total_of("refunded") == 2 * 1080


@pytest.mark.parametrize("token", ["tok_success", "tok_captured", "tok_pending"])
def test_payment_of_cancelled_order_is_refunded_once(
    order_fixture: OrderFixture, token: str
) -> None:
    order = order_fixture.cancel(order_fixture.pay(order_fixture.place(), token))
    order = order_fixture.refund_excess(order)
    repeated = order_fixture.refund_excess(order)
    assert repeated.payment == order.payment
    assert (order.payment.net_captured, order.settled) == (0, True)
    state = order_fixture.provider.find_by_order(order.id, order.amount)
    assert state is not None
    assert state.captured == state.refunded


def test_payment_that_arrives_after_expiry_is_refunded(order_fixture: OrderFixture) -> None:
    order = order_fixture.cancel(order_fixture.place(), "payment_expired")
    order = order_fixture.pay(order)
    assert (order.status, order.settled) == (OrderStatus.CANCELLED, False)
    assert order_fixture.refund_excess(order).settled


def test_order_that_continues_gets_no_refund(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_captured")
    assert order_fixture.refund_excess(order).payment.total_of("refunded") == 0


def test_order_unknown_to_the_provider_gets_no_refund(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.cancel(order_fixture.place())
    order_fixture.advance(minutes=1)
    assert order_fixture.refund_excess(order) == order


def test_refund_waits_while_an_authorization_may_be_in_flight(order_fixture: OrderFixture) -> None:
    order = order_fixture.cancel(order_fixture.place())
    with pytest.raises(Unavailable):
        order_fixture.refund_excess(order)
    order_fixture.pay(order)
    assert order_fixture.refund_excess(order).settled


def test_provider_outage_does_not_stop_the_workflow(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    order_fixture.provider.down = True
    unchanged = capture_when_possible(
        order.id, at=order_fixture.now, orders=order_fixture.orders, provider=order_fixture.provider
    )
    assert unchanged == order
    with pytest.raises(Unavailable):
        order_fixture.capture(order)


# Shipments


def test_repeated_shipment_reduces_stock_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    assert (order_fixture.on_hand(), order_fixture.reserved(), order_fixture.available()) == (
        (8, 9),
        (0, 0),
        (8, 9),
    )
    assert order_fixture.ship(order) == order
    assert order_fixture.on_hand() == (8, 9)


def test_shipment_without_lines_contains_all_pieces_to_ship(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated(), "1Z1", lines={"li_1": 1})
    assert order_fixture.reserved() == (1, 1)
    order = order_fixture.ship(order, "1Z2")
    assert [dict(parcel.lines) for parcel in order.shipments] == [
        {"li_1": 1},
        {"li_1": 1, "li_2": 1},
    ]
    assert order.shipped


def test_fully_shipped_order_rejects_another_shipment(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated(), "1Z1")
    with pytest.raises(Conflict) as error:
        order_fixture.ship(order, "1Z2")
    assert error.value.code == "already_shipped"


def test_cancelled_order_rejects_shipment_by_its_status(order_fixture: OrderFixture) -> None:
    order = order_fixture.cancel(order_fixture.place_allocated())
    with pytest.raises(Conflict) as error:
        order_fixture.ship(order)
    assert error.value.code == "order_state"


def test_shipment_of_too_many_pieces_writes_nothing(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.place_allocated()
    with pytest.raises(InvalidRequest):
        order_fixture.ship(order, lines={"li_1": 3})
    assert order_fixture.orders.get_by_id(order.id) == order
    assert order_fixture.on_hand() == (10, 10)


def test_tracking_number_of_another_order_is_rejected(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.place_allocated(make_order("ord_1", (1,))), "1Z")
    order = order_fixture.place_allocated(make_order("ord_2", (1,)))
    with pytest.raises(Conflict) as error:
        order_fixture.ship(order, "1Z")
    assert error.value.code == "tracking_number_taken"
    assert order_fixture.on_hand() == (9, 10)
    assert order_fixture.orders.get_by_id("ord_2") == order


def test_unpaid_order_cannot_be_shipped(order_fixture: OrderFixture) -> None:
    with pytest.raises(Conflict):
        order_fixture.ship(order_fixture.place())


def test_order_is_allocated_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.place_allocated()
    assert allocate_order(order.id, at=order_fixture.now, orders=order_fixture.orders) == order


# Tracking and delivery


def test_tracking_event_counts_once_by_its_own_time(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.place_allocated())
    order_fixture.advance(hours=5)
    order_fixture.track("delivered", event="e2", at=BLACK_FRIDAY + timedelta(hours=4))
    order = order_fixture.track("in_transit", event="e1", at=BLACK_FRIDAY + timedelta(hours=1))
    assert (order.delivered, len(order.shipments[0].tracking)) == (True, 2)
    assert (
        order_fixture.track("in_transit", event="e1", at=BLACK_FRIDAY + timedelta(hours=1)) == order
    )


def test_unknown_tracking_number_raises_not_found(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.place_allocated())
    with pytest.raises(NotFound):
        order_fixture.track("delivered", "1Z000")
    with pytest.raises(NotFound):
        order_fixture.track("delivered", carrier="dhl")


def test_delivered_order_completes_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    with pytest.raises(Conflict):
        complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders)
    order_fixture.track("delivered")
    completed = complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders)
    assert completed.status is OrderStatus.COMPLETED
    assert complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders) == completed


def test_delivery_is_abandoned_when_no_shipment_is_in_transit(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    with pytest.raises(Conflict):
        abandon_delivery(order.id, late=False, at=order_fixture.now, orders=order_fixture.orders)
    order_fixture.track("lost")
    returned = abandon_delivery(
        order.id, late=False, at=order_fixture.now, orders=order_fixture.orders
    )
    assert (returned.status, returned.history[-1].reason) == (OrderStatus.RETURNED, "lost")
    assert (
        abandon_delivery(order.id, late=False, at=order_fixture.now, orders=order_fixture.orders)
        == returned
    )


def test_delivery_without_events_is_abandoned_at_its_deadline(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    returned = abandon_delivery(
        order.id, late=True, at=order_fixture.now, orders=order_fixture.orders
    )
    assert (returned.status, returned.history[-1].reason) == (OrderStatus.RETURNED, "not_delivered")


def test_only_the_lost_one_of_two_shipments_is_refunded(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated(), "1Z1", lines={"li_1": 2})
    order = order_fixture.capture(order_fixture.ship(order, "1Z2"))
    order_fixture.track(ShipmentStatus.DELIVERED, "1Z1")
    order_fixture.track(ShipmentStatus.RETURNED, "1Z2")
    order = abandon_delivery(
        order.id, late=False, at=order_fixture.now, orders=order_fixture.orders
    )
    assert order.status is OrderStatus.COMPLETED
    order = order_fixture.refund_excess(order)
    assert order.payment.total_of("refunded") == 1080
    assert (order.settled, order.payment.net_captured) == (True, order.total - 1080)


def test_delivery_that_has_arrived_is_not_abandoned(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.place_allocated())
    order = order_fixture.track("delivered")
    unchanged = abandon_delivery(
        order.id, late=True, at=order_fixture.now, orders=order_fixture.orders
    )
    assert unchanged == order


# The shipping deadline


def test_order_without_shipment_at_deadline_is_cancelled(
    order_fixture: OrderFixture,
) -> None:
    order = cancel_unshipped(
        order_fixture.place_allocated().id, at=order_fixture.now, writes=order_fixture.writes
    )
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "not_shipped")
    assert order_fixture.reserved() == (0, 0)
    assert cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes) == order


def test_order_shipped_in_time_stays_as_it_is(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.place_allocated())
    assert cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes) == order


# Emails


def build_email(order: Order) -> Email:
    return Email(order.id, "text", "html")


def confirm(fixture: OrderFixture) -> bool:
    return send_order_confirmation(
        "ord_1",
        build_email=build_email,
        at=fixture.now,
        orders=fixture.orders,
        sent_emails=fixture.sent_emails,
        email_sender=fixture.email_sender,
    )


def test_order_confirmation_is_sent_once(order_fixture: OrderFixture) -> None:
    order_fixture.place_allocated()
    assert [confirm(order_fixture), confirm(order_fixture)] == [True, False]
    assert order_fixture.email_sender.sent == [
        ("jane@example.com", build_email(order_fixture.orders.get_by_id("ord_1")))
    ]


def test_order_confirmation_is_retried_after_a_failure(order_fixture: OrderFixture) -> None:
    order_fixture.place_allocated()
    order_fixture.email_sender.down = True
    with pytest.raises(Unavailable):
        confirm(order_fixture)
    order_fixture.email_sender.down = False
    with pytest.raises(Unavailable):
        confirm(order_fixture)
    order_fixture.advance(seconds=CLAIM_TIMEOUT.total_seconds())
    assert confirm(order_fixture)
    assert len(order_fixture.email_sender.sent) == 1


def test_cancelled_order_gets_no_confirmation_email(order_fixture: OrderFixture) -> None:
    order_fixture.cancel(order_fixture.place_allocated())
    assert not confirm(order_fixture)
    assert order_fixture.email_sender.sent == []


def test_shipment_that_is_created_while_its_event_is_parked_gets_the_event(
    order_fixture: OrderFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event finds no shipment, and the shipment finds no parked event."""
    order = order_fixture.place_allocated()
    park = order_fixture.parked_events.park

    def ship_first(parked: ParkedEvent) -> bool:
        order_fixture.ship(order)
        assert order_fixture.apply_parked("1Z999") == []
        return bool(park(parked))

    monkeypatch.setattr(order_fixture.parked_events, "park", ship_first)
    assert not order_fixture.report("delivered", "1Z999", at=order_fixture.now)
    assert order_fixture.orders.get_by_id(order.id).delivered
    assert order_fixture.parked_events.list_of("ups", "1Z999") == []


def test_parked_events_survive_a_crash_while_they_are_applied(
    order_fixture: OrderFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_fixture.place_allocated()
    for status in ("delivered", "in_transit"):
        at = order_fixture.advance(minutes=1)
        assert order_fixture.report(status, "1Z999", at=at)
    order_fixture.ship(order)

    def crash(parked: ParkedEvent) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(order_fixture.parked_events, "remove", crash)
        with pytest.raises(RuntimeError):
            order_fixture.apply_parked("1Z999")
    assert len(order_fixture.parked_events.list_of("ups", "1Z999")) == 2
    assert order_fixture.apply_parked("1Z999") == []
    assert len(order_fixture.orders.get_by_id(order.id).shipments[0].tracking) == 2
    assert order_fixture.parked_events.list_of("ups", "1Z999") == []
