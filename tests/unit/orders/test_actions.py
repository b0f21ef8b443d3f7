"""What happens to an order after it was placed, in memory and on DynamoDB alike."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.actions.delivery import abandon_delivery, complete_order
from shop.orders.actions.expiry import expire_overdue_orders
from shop.orders.actions.lookup import get_order
from shop.orders.actions.notifications import send_order_confirmation
from shop.orders.actions.payments import capture_when_possible
from shop.orders.actions.shipments import allocate_order
from shop.orders.model import Order, OrderStatus, ShipmentStatus
from shop.orders.ports import CLAIM_TIMEOUT, Email
from shop.payments.model import PaymentStatus, ProviderPaymentState
from tests.kit.orders import BLACK_FRIDAY, WINDOW, authorised, make_order
from tests.unit.orders.order_fixture import OrderFixture


def late(order: Order) -> ProviderPaymentState:
    return replace(authorised(order), reference=f"pay_{order.id}")


# Who may look


def test_a_customers_order_opens_to_that_customer_alone(order_fixture: OrderFixture) -> None:
    order_fixture.place(make_order(owner="c1"))
    assert get_order("c1", "ord_1", orders=order_fixture.orders).owner == "c1"
    for stranger in ("c2", None):
        with pytest.raises(NotFound):
            get_order(stranger, "ord_1", orders=order_fixture.orders)


def test_a_guests_order_opens_to_whoever_knows_its_id_signed_in_or_not(
    order_fixture: OrderFixture,
) -> None:
    order_fixture.place()
    for asker in ("c1", None):
        assert get_order(asker, "ord_1", orders=order_fixture.orders).id == "ord_1"


# Payment


def test_a_paid_order_keeps_its_stock(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place())
    assert (order.status, order_fixture.reserved(), order_fixture.available()) == (
        OrderStatus.CONFIRMED,
        (2, 1),
        (8, 9),
    )


def test_a_declined_order_gives_its_stock_back_at_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_declined")
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "card_declined")
    assert order_fixture.reserved() == (0, 0)
    assert order_fixture.orders.get_by_id("ord_1") == order


def test_a_declined_order_tells_both_that_it_failed_and_that_it_is_off(
    memory: OrderFixture,
) -> None:
    memory.pay(memory.place(), "tok_declined")
    told = [event.type for event in memory.orders.outbox]
    assert told == ["OrderPlaced", "PaymentFailed", "OrderCancelled"]
    assert len({event.id for event in memory.orders.outbox}) == 3


def test_a_report_that_comes_again_changes_nothing(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place())
    order_fixture.later(minutes=1)
    assert order_fixture.record(order, authorised(order)) == order
    assert order_fixture.orders.get_by_id("ord_1").version == order.version


def test_a_report_for_an_order_nobody_knows_is_refused(order_fixture: OrderFixture) -> None:
    with pytest.raises(NotFound):
        order_fixture.record(make_order(), authorised(make_order()))


def test_a_payment_cancelled_at_the_provider_calls_an_unshipped_order_off(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.sold()
    report = order_fixture.provider.cancel(f"pay_{order.id}", key="by hand")
    order = order_fixture.record(order, report)
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "payment_cancelled")
    assert order_fixture.reserved() == (0, 0)


def test_a_payment_cancelled_after_shipping_leaves_the_order_to_people(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.ship(order_fixture.sold())
    order = order_fixture.record(
        order, order_fixture.provider.cancel(f"pay_{order.id}", key="by hand")
    )
    assert order.status is OrderStatus.CONFIRMED


def test_what_the_caller_just_wrote_is_not_read_again(memory: OrderFixture) -> None:
    placed = memory.place()
    stale = replace(placed, version=0)
    order = memory.record(placed, authorised(placed), read=stale)
    assert order.status is OrderStatus.CONFIRMED


# Calling off


def test_an_order_called_off_gives_its_stock_back_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    off = order_fixture.cancel(order)
    assert (off.status, order_fixture.reserved(), order_fixture.available()) == (
        OrderStatus.CANCELLED,
        (0, 0),
        (10, 10),
    )
    assert order_fixture.cancel(order, "again") == off
    assert order_fixture.reserved() == (0, 0)


def test_a_customer_cannot_call_off_anothers_order(order_fixture: OrderFixture) -> None:
    order = order_fixture.place(make_order(owner="c1"))
    with pytest.raises(NotFound):
        order_fixture.cancel(order, owner="c2")
    assert order_fixture.cancel(order, owner="c1").status is OrderStatus.CANCELLED


def test_a_shipped_order_is_not_called_off(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold())
    with pytest.raises(Conflict):
        order_fixture.cancel(order)
    assert order_fixture.on_hand() == (8, 9)


# The deadline


def test_an_unpaid_order_expires_and_its_payment_is_cancelled_first(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_pending")
    order_fixture.later(minutes=30)
    off = order_fixture.expire(order)
    assert (off.status, off.cancel_reason) == (OrderStatus.CANCELLED, "payment_expired")
    assert order_fixture.reserved() == (0, 0)
    report = order_fixture.provider.find_by_order(order.id, order.amount)
    assert report is not None
    assert report.status is PaymentStatus.CANCELLED
    assert order_fixture.expire(order) == off


def test_an_order_the_provider_never_heard_of_expires(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    assert order_fixture.expire(order).cancel_reason == "payment_expired"
    assert order_fixture.reserved() == (0, 0)


def test_a_payment_that_proves_certain_at_the_deadline_confirms(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_pending")
    order_fixture.provider.settle(f"pay_{order.id}")
    assert order_fixture.expire(order).status is OrderStatus.CONFIRMED
    assert order_fixture.reserved() == (2, 1)


def test_a_payment_found_failed_at_the_deadline_keeps_its_reason(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_pending")
    order_fixture.provider.settle(f"pay_{order.id}", approved=False)
    assert order_fixture.expire(order).cancel_reason == "card_declined"


def test_nothing_expires_while_the_provider_does_not_answer(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    order_fixture.provider.down = True
    with pytest.raises(Unavailable):
        order_fixture.expire(order)
    assert order_fixture.orders.get_by_id(order.id).status is OrderStatus.PLACED


def test_the_sweep_expires_what_is_overdue_and_goes_on_behind_what_it_cannot(
    order_fixture: OrderFixture,
) -> None:
    for n in range(3):
        order_fixture.place(
            make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
    order_fixture.pay(order_fixture.orders.get_by_id("ord_1"))
    at = BLACK_FRIDAY + WINDOW + timedelta(minutes=5)
    swept = {
        "at": at,
        "provider": order_fixture.provider,
        "writes": order_fixture.writes,
    }
    assert expire_overdue_orders(**swept, max_results=1) == (1, 1)
    assert expire_overdue_orders(**swept) == (1, 1)
    assert expire_overdue_orders(**swept) == (0, 0)
    assert order_fixture.reserved() == (1, 0)


def test_the_sweep_leaves_what_the_provider_does_not_speak_of(order_fixture: OrderFixture) -> None:
    order_fixture.place()
    order_fixture.provider.down = True
    at = BLACK_FRIDAY + WINDOW + timedelta(minutes=5)
    assert expire_overdue_orders(
        at=at, provider=order_fixture.provider, writes=order_fixture.writes
    ) == (
        1,
        0,
    )


# Money


def test_money_is_taken_once_the_goods_have_left(order_fixture: OrderFixture) -> None:
    order = order_fixture.capture(order_fixture.ship(order_fixture.sold()))
    assert order.payment.status is PaymentStatus.CAPTURED
    assert order.payment.net_captured == order.due == order.total
    assert order_fixture.capture(order) == order


def test_only_what_is_due_is_taken(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold(), lines={"li_1": 1})
    order = cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes)
    assert order_fixture.capture(order).payment.net_captured == order.total - 2 * 1080
    assert order_fixture.reserved() == (0, 0)


def test_money_taken_at_once_is_given_back_in_part(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_captured")
    order = order_fixture.ship(
        allocate_order(order.id, at=order_fixture.now, orders=order_fixture.orders),
        lines={"li_1": 1},
    )
    order = cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes)
    assert not order.settled
    order = order_fixture.settle(order)
    assert (order.payment.net_captured, order.settled) == (order.due, True)
    assert order_fixture.settle(order).payment.total_of("refunded") == 2 * 1080


@pytest.mark.parametrize("token", ["tok_success", "tok_captured", "tok_pending"])
def test_money_of_an_order_called_off_goes_back_once(
    order_fixture: OrderFixture, token: str
) -> None:
    order = order_fixture.cancel(order_fixture.pay(order_fixture.place(), token))
    order = order_fixture.settle(order)
    again = order_fixture.settle(order)
    assert again.payment == order.payment
    assert (order.payment.net_captured, order.settled) == (0, True)
    report = order_fixture.provider.find_by_order(order.id, order.amount)
    assert report is not None
    assert report.captured == report.refunded


def test_money_that_comes_after_the_deadline_goes_back(order_fixture: OrderFixture) -> None:
    order = order_fixture.cancel(order_fixture.place(), "payment_expired")
    order = order_fixture.pay(order)
    assert (order.status, order.settled) == (OrderStatus.CANCELLED, False)
    assert order_fixture.settle(order).settled


def test_nothing_is_given_back_of_an_order_that_stands(order_fixture: OrderFixture) -> None:
    order = order_fixture.pay(order_fixture.place(), "tok_captured")
    assert order_fixture.settle(order).payment.total_of("refunded") == 0


def test_an_order_the_provider_never_heard_of_has_nothing_to_give_back(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.cancel(order_fixture.place())
    order_fixture.later(minutes=1)
    assert order_fixture.settle(order) == order


def test_money_that_may_be_on_its_way_is_waited_for(order_fixture: OrderFixture) -> None:
    order = order_fixture.cancel(order_fixture.place())
    with pytest.raises(Unavailable):
        order_fixture.settle(order)
    order_fixture.pay(order)
    assert order_fixture.settle(order).settled


def test_a_provider_that_is_down_does_not_hold_up_the_parcel(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold())
    order_fixture.provider.down = True
    same = capture_when_possible(
        order.id, at=order_fixture.now, orders=order_fixture.orders, provider=order_fixture.provider
    )
    assert same == order
    with pytest.raises(Unavailable):
        order_fixture.capture(order)


# Shipping


def test_a_parcel_takes_goods_from_the_shelf_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold())
    assert (order_fixture.on_hand(), order_fixture.reserved(), order_fixture.available()) == (
        (8, 9),
        (0, 0),
        (8, 9),
    )
    assert order_fixture.ship(order) == order
    assert order_fixture.on_hand() == (8, 9)


def test_a_parcel_without_lines_holds_all_that_is_left(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold(), "1Z1", lines={"li_1": 1})
    assert order_fixture.reserved() == (1, 1)
    order = order_fixture.ship(order, "1Z2")
    assert [dict(parcel.lines) for parcel in order.shipments] == [
        {"li_1": 1},
        {"li_1": 1, "li_2": 1},
    ]
    assert order.shipped


def test_nothing_is_left_to_ship_once_all_is_shipped(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold(), "1Z1")
    with pytest.raises(Conflict) as refused:
        order_fixture.ship(order, "1Z2")
    assert refused.value.code == "already_shipped"


def test_an_order_called_off_is_not_said_to_have_left(order_fixture: OrderFixture) -> None:
    order = order_fixture.cancel(order_fixture.sold())
    with pytest.raises(Conflict) as refused:
        order_fixture.ship(order)
    assert refused.value.code == "order_state"


def test_more_than_is_left_is_not_shipped_and_nothing_is_written(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.sold()
    with pytest.raises(InvalidRequest):
        order_fixture.ship(order, lines={"li_1": 3})
    assert order_fixture.orders.get_by_id(order.id) == order
    assert order_fixture.on_hand() == (10, 10)


def test_a_tracking_number_of_another_order_is_refused(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.sold(make_order("ord_1", (1,))), "1Z")
    order = order_fixture.sold(make_order("ord_2", (1,)))
    with pytest.raises(Conflict) as refused:
        order_fixture.ship(order, "1Z")
    assert refused.value.code == "tracking_number_taken"
    assert order_fixture.on_hand() == (9, 10)
    assert order_fixture.orders.get_by_id("ord_2") == order


def test_an_unpaid_order_is_not_shipped(order_fixture: OrderFixture) -> None:
    with pytest.raises(Conflict):
        order_fixture.ship(order_fixture.place())


def test_an_order_is_allocated_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.sold()
    assert allocate_order(order.id, at=order_fixture.now, orders=order_fixture.orders) == order


# The parcels' way


def test_a_carriers_event_counts_once_and_in_its_own_time(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.sold())
    order_fixture.later(hours=5)
    order_fixture.hear("delivered", event="e2", at=BLACK_FRIDAY + timedelta(hours=4))
    order = order_fixture.hear("in_transit", event="e1", at=BLACK_FRIDAY + timedelta(hours=1))
    assert (order.delivered, len(order.shipments[0].tracking)) == (True, 2)
    assert (
        order_fixture.hear("in_transit", event="e1", at=BLACK_FRIDAY + timedelta(hours=1)) == order
    )


def test_a_parcel_that_is_not_ours_is_not_found(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.sold())
    with pytest.raises(NotFound):
        order_fixture.hear("delivered", "1Z000")
    with pytest.raises(NotFound):
        order_fixture.hear("delivered", carrier="dhl")


def test_an_order_that_arrived_is_completed_once(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold())
    with pytest.raises(Conflict):
        complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders)
    order_fixture.hear("delivered")
    done = complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders)
    assert done.status is OrderStatus.COMPLETED
    assert complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders) == done


def test_a_delivery_is_given_up_when_every_parcel_has_ended_elsewhere(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.ship(order_fixture.sold())
    with pytest.raises(Conflict):
        abandon_delivery(order.id, late=False, at=order_fixture.now, orders=order_fixture.orders)
    order_fixture.hear("lost")
    back = abandon_delivery(order.id, late=False, at=order_fixture.now, orders=order_fixture.orders)
    assert (back.status, back.history[-1].reason) == (OrderStatus.RETURNED, "lost")
    assert (
        abandon_delivery(order.id, late=False, at=order_fixture.now, orders=order_fixture.orders)
        == back
    )


def test_a_delivery_nobody_ever_hears_of_is_given_up_at_its_deadline(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.ship(order_fixture.sold())
    back = abandon_delivery(order.id, late=True, at=order_fixture.now, orders=order_fixture.orders)
    assert (back.status, back.history[-1].reason) == (OrderStatus.RETURNED, "not_delivered")


def test_of_two_parcels_one_lost_only_that_one_is_given_back(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold(), "1Z1", lines={"li_1": 2})
    order = order_fixture.capture(order_fixture.ship(order, "1Z2"))
    order_fixture.hear(ShipmentStatus.DELIVERED, "1Z1")
    order_fixture.hear(ShipmentStatus.RETURNED, "1Z2")
    order = abandon_delivery(
        order.id, late=False, at=order_fixture.now, orders=order_fixture.orders
    )
    assert order.status is OrderStatus.COMPLETED
    order = order_fixture.settle(order)
    assert order.payment.total_of("refunded") == 1080
    assert (order.settled, order.payment.net_captured) == (True, order.total - 1080)


def test_a_delivery_that_arrived_meanwhile_is_not_given_up(order_fixture: OrderFixture) -> None:
    order_fixture.ship(order_fixture.sold())
    order = order_fixture.hear("delivered")
    same = abandon_delivery(order.id, late=True, at=order_fixture.now, orders=order_fixture.orders)
    assert same == order


# What was not shipped in time


def test_an_order_of_which_nothing_was_shipped_in_time_is_called_off(
    order_fixture: OrderFixture,
) -> None:
    order = cancel_unshipped(
        order_fixture.sold().id, at=order_fixture.now, writes=order_fixture.writes
    )
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "not_shipped")
    assert order_fixture.reserved() == (0, 0)
    assert cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes) == order


def test_what_was_shipped_in_time_goes_on(order_fixture: OrderFixture) -> None:
    order = order_fixture.ship(order_fixture.sold())
    assert cancel_unshipped(order.id, at=order_fixture.now, writes=order_fixture.writes) == order


# Letters


def letter(order: Order) -> Email:
    return Email(order.id, "text", "html")


def confirm(room: OrderFixture) -> bool:
    return send_order_confirmation(
        "ord_1",
        build_email=letter,
        at=room.now,
        orders=room.orders,
        sent_emails=room.letters,
        email_sender=room.mail,
    )


def test_the_buyer_is_written_to_once(order_fixture: OrderFixture) -> None:
    order_fixture.sold()
    assert [confirm(order_fixture), confirm(order_fixture)] == [True, False]
    assert order_fixture.mail.letters == [
        ("jane@example.com", letter(order_fixture.orders.get_by_id("ord_1")))
    ]


def test_a_letter_that_could_not_leave_leaves_later(order_fixture: OrderFixture) -> None:
    order_fixture.sold()
    order_fixture.mail.down = True
    with pytest.raises(Unavailable):
        confirm(order_fixture)
    order_fixture.mail.down = False
    with pytest.raises(Unavailable):
        confirm(order_fixture)
    order_fixture.later(seconds=CLAIM_TIMEOUT.total_seconds())
    assert confirm(order_fixture)
    assert len(order_fixture.mail.letters) == 1


def test_nobody_is_told_that_an_order_called_off_is_confirmed(order_fixture: OrderFixture) -> None:
    order_fixture.cancel(order_fixture.sold())
    assert not confirm(order_fixture)
    assert order_fixture.mail.letters == []
