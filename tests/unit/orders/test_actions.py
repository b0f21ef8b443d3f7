"""What happens to an order after it was placed, in memory and on DynamoDB alike."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from shop.orders.actions.calling_off import release_allocation
from shop.orders.actions.delivering import complete_order, give_up_delivery
from shop.orders.actions.expiring import expire_overdue
from shop.orders.actions.finding import find_order
from shop.orders.actions.paying import capture_when_possible
from shop.orders.actions.shipping import allocate_order
from shop.orders.actions.telling import confirm_by_mail
from shop.orders.model import Order, ParcelStatus, Status
from shop.orders.ports import GIVEN_UP, Letter
from shop.payments.model import PaymentStatus, Report
from tests.kit.sold import THEN, WINDOW, an_order, authorised
from tests.unit.orders.room import Room


def late(order: Order) -> Report:
    return replace(authorised(order), reference=f"pay_{order.id}")


# Who may look


def test_a_customers_order_opens_to_that_customer_alone(room: Room) -> None:
    room.place(an_order(owner="c1"))
    assert find_order("c1", "ord_1", orders=room.orders).owner == "c1"
    for stranger in ("c2", None):
        with pytest.raises(NotFound):
            find_order(stranger, "ord_1", orders=room.orders)


def test_a_guests_order_opens_to_whoever_knows_its_id_signed_in_or_not(room: Room) -> None:
    room.place()
    for asker in ("c1", None):
        assert find_order(asker, "ord_1", orders=room.orders).id == "ord_1"


# Payment


def test_a_paid_order_keeps_its_stock(room: Room) -> None:
    order = room.pay(room.place())
    assert (order.status, room.reserved(), room.available()) == (
        Status.CONFIRMED,
        (2, 1),
        (8, 9),
    )


def test_a_declined_order_gives_its_stock_back_at_once(room: Room) -> None:
    order = room.pay(room.place(), "tok_declined")
    assert (order.status, order.cancel_reason) == (Status.CANCELLED, "card_declined")
    assert room.reserved() == (0, 0)
    assert room.orders.by_id("ord_1") == order


def test_a_declined_order_tells_both_that_it_failed_and_that_it_is_off(memory: Room) -> None:
    memory.pay(memory.place(), "tok_declined")
    told = [event.type for event in memory.orders.outbox]
    assert told == ["OrderPlaced", "PaymentFailed", "OrderCancelled"]
    assert len({event.id for event in memory.orders.outbox}) == 3


def test_a_report_that_comes_again_changes_nothing(room: Room) -> None:
    order = room.pay(room.place())
    room.later(minutes=1)
    assert room.record(order, authorised(order)) == order
    assert room.orders.by_id("ord_1").version == order.version


def test_a_report_for_an_order_nobody_knows_is_refused(room: Room) -> None:
    with pytest.raises(NotFound):
        room.record(an_order(), authorised(an_order()))


def test_a_payment_cancelled_at_the_provider_calls_an_unshipped_order_off(room: Room) -> None:
    order = room.sold()
    report = room.provider.cancel(f"pay_{order.id}", key="by hand")
    order = room.record(order, report)
    assert (order.status, order.cancel_reason) == (Status.CANCELLED, "payment_cancelled")
    assert room.reserved() == (0, 0)


def test_a_payment_cancelled_after_shipping_leaves_the_order_to_people(room: Room) -> None:
    order = room.ship(room.sold())
    order = room.record(order, room.provider.cancel(f"pay_{order.id}", key="by hand"))
    assert order.status is Status.CONFIRMED


def test_what_the_caller_just_wrote_is_not_read_again(memory: Room) -> None:
    placed = memory.place()
    stale = replace(placed, version=0)
    order = memory.record(placed, authorised(placed), read=stale)
    assert order.status is Status.CONFIRMED


# Calling off


def test_an_order_called_off_gives_its_stock_back_once(room: Room) -> None:
    order = room.place()
    off = room.cancel(order)
    assert (off.status, room.reserved(), room.available()) == (
        Status.CANCELLED,
        (0, 0),
        (10, 10),
    )
    assert room.cancel(order, "again") == off
    assert room.reserved() == (0, 0)


def test_a_customer_cannot_call_off_anothers_order(room: Room) -> None:
    order = room.place(an_order(owner="c1"))
    with pytest.raises(NotFound):
        room.cancel(order, owner="c2")
    assert room.cancel(order, owner="c1").status is Status.CANCELLED


def test_a_shipped_order_is_not_called_off(room: Room) -> None:
    order = room.ship(room.sold())
    with pytest.raises(Conflict):
        room.cancel(order)
    assert room.on_hand() == (8, 9)


# The deadline


def test_an_unpaid_order_expires_and_its_payment_is_cancelled_first(room: Room) -> None:
    order = room.pay(room.place(), "tok_pending")
    room.later(minutes=30)
    off = room.expire(order)
    assert (off.status, off.cancel_reason) == (Status.CANCELLED, "payment_expired")
    assert room.reserved() == (0, 0)
    report = room.provider.find(order.id, order.amount)
    assert report is not None
    assert report.status is PaymentStatus.CANCELLED
    assert room.expire(order) == off


def test_an_order_the_provider_never_heard_of_expires(room: Room) -> None:
    order = room.place()
    assert room.expire(order).cancel_reason == "payment_expired"
    assert room.reserved() == (0, 0)


def test_a_payment_that_proves_certain_at_the_deadline_confirms(room: Room) -> None:
    order = room.pay(room.place(), "tok_pending")
    room.provider.settle(f"pay_{order.id}")
    assert room.expire(order).status is Status.CONFIRMED
    assert room.reserved() == (2, 1)


def test_a_payment_found_failed_at_the_deadline_keeps_its_reason(room: Room) -> None:
    order = room.pay(room.place(), "tok_pending")
    room.provider.settle(f"pay_{order.id}", approved=False)
    assert room.expire(order).cancel_reason == "card_declined"


def test_nothing_expires_while_the_provider_does_not_answer(room: Room) -> None:
    order = room.place()
    room.provider.down = True
    with pytest.raises(Unavailable):
        room.expire(order)
    assert room.orders.by_id(order.id).status is Status.PLACED


def test_the_sweep_expires_what_is_overdue_and_goes_on_behind_what_it_cannot(room: Room) -> None:
    for n in range(3):
        room.place(an_order(f"ord_{n}", (1,), placed_at=THEN + timedelta(minutes=n)))
    room.pay(room.orders.by_id("ord_1"))
    at = THEN + WINDOW + timedelta(minutes=5)
    swept = {"at": at, "provider": room.provider, **room.books}
    assert expire_overdue(**swept, most=1) == (1, 1)
    assert expire_overdue(**swept) == (1, 1)
    assert expire_overdue(**swept) == (0, 0)
    assert room.reserved() == (1, 0)


def test_the_sweep_leaves_what_the_provider_does_not_speak_of(room: Room) -> None:
    room.place()
    room.provider.down = True
    at = THEN + WINDOW + timedelta(minutes=5)
    assert expire_overdue(at=at, provider=room.provider, **room.books) == (1, 0)


# Money


def test_money_is_taken_once_the_goods_have_left(room: Room) -> None:
    order = room.capture(room.ship(room.sold()))
    assert order.payment.status is PaymentStatus.CAPTURED
    assert order.payment.kept == order.due == order.total
    assert room.capture(order) == order


def test_only_what_is_due_is_taken(room: Room) -> None:
    order = room.ship(room.sold(), lines={"li_1": 1})
    order = release_allocation(order.id, at=room.now, **room.books)
    assert room.capture(order).payment.kept == order.total - 2 * 1080
    assert room.reserved() == (0, 0)


def test_money_taken_at_once_is_given_back_in_part(room: Room) -> None:
    order = room.pay(room.place(), "tok_captured")
    order = room.ship(allocate_order(order.id, at=room.now, orders=room.orders), lines={"li_1": 1})
    order = release_allocation(order.id, at=room.now, **room.books)
    assert not order.settled
    order = room.settle(order)
    assert (order.payment.kept, order.settled) == (order.due, True)
    assert room.settle(order).payment.balance("refunded") == 2 * 1080


@pytest.mark.parametrize("token", ["tok_success", "tok_captured", "tok_pending"])
def test_money_of_an_order_called_off_goes_back_once(room: Room, token: str) -> None:
    order = room.cancel(room.pay(room.place(), token))
    order = room.settle(order)
    again = room.settle(order)
    assert again.payment == order.payment
    assert (order.payment.kept, order.settled) == (0, True)
    report = room.provider.find(order.id, order.amount)
    assert report is not None
    assert report.captured == report.refunded


def test_money_that_comes_after_the_deadline_goes_back(room: Room) -> None:
    order = room.cancel(room.place(), "payment_expired")
    order = room.pay(order)
    assert (order.status, order.settled) == (Status.CANCELLED, False)
    assert room.settle(order).settled


def test_nothing_is_given_back_of_an_order_that_stands(room: Room) -> None:
    order = room.pay(room.place(), "tok_captured")
    assert room.settle(order).payment.balance("refunded") == 0


def test_an_order_the_provider_never_heard_of_has_nothing_to_give_back(room: Room) -> None:
    order = room.cancel(room.place())
    room.later(minutes=1)
    assert room.settle(order) == order


def test_money_that_may_be_on_its_way_is_waited_for(room: Room) -> None:
    order = room.cancel(room.place())
    with pytest.raises(Unavailable):
        room.settle(order)
    room.pay(order)
    assert room.settle(order).settled


def test_a_provider_that_is_down_does_not_hold_up_the_parcel(room: Room) -> None:
    order = room.ship(room.sold())
    room.provider.down = True
    same = capture_when_possible(order.id, at=room.now, orders=room.orders, provider=room.provider)
    assert same == order
    with pytest.raises(Unavailable):
        room.capture(order)


# Shipping


def test_a_parcel_takes_goods_from_the_shelf_once(room: Room) -> None:
    order = room.ship(room.sold())
    assert (room.on_hand(), room.reserved(), room.available()) == ((8, 9), (0, 0), (8, 9))
    assert room.ship(order) == order
    assert room.on_hand() == (8, 9)


def test_a_parcel_without_lines_holds_all_that_is_left(room: Room) -> None:
    order = room.ship(room.sold(), "1Z1", lines={"li_1": 1})
    assert room.reserved() == (1, 1)
    order = room.ship(order, "1Z2")
    assert [dict(parcel.lines) for parcel in order.parcels] == [
        {"li_1": 1},
        {"li_1": 1, "li_2": 1},
    ]
    assert order.shipped


def test_nothing_is_left_to_ship_once_all_is_shipped(room: Room) -> None:
    order = room.ship(room.sold(), "1Z1")
    with pytest.raises(Conflict) as refused:
        room.ship(order, "1Z2")
    assert refused.value.code == "already_shipped"


def test_an_order_called_off_is_not_said_to_have_left(room: Room) -> None:
    order = room.cancel(room.sold())
    with pytest.raises(Conflict) as refused:
        room.ship(order)
    assert refused.value.code == "order_state"


def test_more_than_is_left_is_not_shipped_and_nothing_is_written(room: Room) -> None:
    order = room.sold()
    with pytest.raises(Invalid):
        room.ship(order, lines={"li_1": 3})
    assert room.orders.by_id(order.id) == order
    assert room.on_hand() == (10, 10)


def test_a_tracking_number_of_another_order_is_refused(room: Room) -> None:
    room.ship(room.sold(an_order("ord_1", (1,))), "1Z")
    order = room.sold(an_order("ord_2", (1,)))
    with pytest.raises(Conflict) as refused:
        room.ship(order, "1Z")
    assert refused.value.code == "tracking_number_taken"
    assert room.on_hand() == (9, 10)
    assert room.orders.by_id("ord_2") == order


def test_an_unpaid_order_is_not_shipped(room: Room) -> None:
    with pytest.raises(Conflict):
        room.ship(room.place())


def test_an_order_is_allocated_once(room: Room) -> None:
    order = room.sold()
    assert allocate_order(order.id, at=room.now, orders=room.orders) == order


# The parcels' way


def test_a_carriers_event_counts_once_and_in_its_own_time(room: Room) -> None:
    room.ship(room.sold())
    room.later(hours=5)
    room.hear("delivered", event="e2", at=THEN + timedelta(hours=4))
    order = room.hear("in_transit", event="e1", at=THEN + timedelta(hours=1))
    assert (order.delivered, len(order.parcels[0].tracking)) == (True, 2)
    assert room.hear("in_transit", event="e1", at=THEN + timedelta(hours=1)) == order


def test_a_parcel_that_is_not_ours_is_not_found(room: Room) -> None:
    room.ship(room.sold())
    with pytest.raises(NotFound):
        room.hear("delivered", "1Z000")
    with pytest.raises(NotFound):
        room.hear("delivered", carrier="dhl")


def test_an_order_that_arrived_is_completed_once(room: Room) -> None:
    order = room.ship(room.sold())
    with pytest.raises(Conflict):
        complete_order(order.id, at=room.now, orders=room.orders)
    room.hear("delivered")
    done = complete_order(order.id, at=room.now, orders=room.orders)
    assert done.status is Status.COMPLETED
    assert complete_order(order.id, at=room.now, orders=room.orders) == done


def test_a_delivery_is_given_up_when_every_parcel_has_ended_elsewhere(room: Room) -> None:
    order = room.ship(room.sold())
    with pytest.raises(Conflict):
        give_up_delivery(order.id, late=False, at=room.now, orders=room.orders)
    room.hear("lost")
    back = give_up_delivery(order.id, late=False, at=room.now, orders=room.orders)
    assert (back.status, back.history[-1].why) == (Status.RETURNED, "lost")
    assert give_up_delivery(order.id, late=False, at=room.now, orders=room.orders) == back


def test_a_delivery_nobody_ever_hears_of_is_given_up_at_its_deadline(room: Room) -> None:
    order = room.ship(room.sold())
    back = give_up_delivery(order.id, late=True, at=room.now, orders=room.orders)
    assert (back.status, back.history[-1].why) == (Status.RETURNED, "not_delivered")


def test_of_two_parcels_one_lost_only_that_one_is_given_back(room: Room) -> None:
    order = room.ship(room.sold(), "1Z1", lines={"li_1": 2})
    order = room.capture(room.ship(order, "1Z2"))
    room.hear(ParcelStatus.DELIVERED, "1Z1")
    room.hear(ParcelStatus.RETURNED, "1Z2")
    order = give_up_delivery(order.id, late=False, at=room.now, orders=room.orders)
    assert order.status is Status.COMPLETED
    order = room.settle(order)
    assert order.payment.balance("refunded") == 1080
    assert (order.settled, order.payment.kept) == (True, order.total - 1080)


def test_a_delivery_that_arrived_meanwhile_is_not_given_up(room: Room) -> None:
    room.ship(room.sold())
    order = room.hear("delivered")
    same = give_up_delivery(order.id, late=True, at=room.now, orders=room.orders)
    assert same == order


# What was not shipped in time


def test_an_order_of_which_nothing_was_shipped_in_time_is_called_off(room: Room) -> None:
    order = release_allocation(room.sold().id, at=room.now, **room.books)
    assert (order.status, order.cancel_reason) == (Status.CANCELLED, "not_shipped")
    assert room.reserved() == (0, 0)
    assert release_allocation(order.id, at=room.now, **room.books) == order


def test_what_was_shipped_in_time_goes_on(room: Room) -> None:
    order = room.ship(room.sold())
    assert release_allocation(order.id, at=room.now, **room.books) == order


# Letters


def letter(order: Order) -> Letter:
    return Letter(order.id, "text", "html")


def confirm(room: Room) -> bool:
    return confirm_by_mail(
        "ord_1",
        letter=letter,
        at=room.now,
        orders=room.orders,
        letters=room.letters,
        mail=room.mail,
    )


def test_the_buyer_is_written_to_once(room: Room) -> None:
    room.sold()
    assert [confirm(room), confirm(room)] == [True, False]
    assert room.mail.letters == [("jane@example.com", letter(room.orders.by_id("ord_1")))]


def test_a_letter_that_could_not_leave_leaves_later(room: Room) -> None:
    room.sold()
    room.mail.down = True
    with pytest.raises(Unavailable):
        confirm(room)
    room.mail.down = False
    with pytest.raises(Unavailable):
        confirm(room)
    room.later(seconds=GIVEN_UP.total_seconds())
    assert confirm(room)
    assert len(room.mail.letters) == 1


def test_nobody_is_told_that_an_order_called_off_is_confirmed(room: Room) -> None:
    room.cancel(room.sold())
    assert not confirm(room)
    assert room.mail.letters == []
