"""The domain model of orders: transitions, amounts and tracking."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.inventory.model import Reservation
from shop.kernel.errors import Conflict, InvalidRequest, NotFound
from shop.orders.model import (
    FINAL_STATUSES,
    MAX_TRACKING_EVENTS,
    MAY_BECOME,
    Order,
    OrderLine,
    OrderStatus,
    PlacedQuote,
    Shipment,
    ShipmentStatus,
    TrackingEvent,
    take_from_reservations,
)
from shop.payments.model import PaymentStatus, ProviderPaymentState
from tests.kit.orders import BLACK_FRIDAY, authorized, captured, make_order, sent_back


def value_of_first(order: Order, line: OrderLine, pieces: int) -> int:
    return order.values_of({line.id: pieces}).get(line.id, 0)


def event_types(events: Any) -> list[str]:
    return [event.type for event in events]


def confirmed(**changes: Any) -> Order:
    order, _ = make_order(**changes).place()
    return order.with_payment(authorized(order), BLACK_FRIDAY, "memory")[0]


def shipment_of(order: Order, number: str = "1", **lines: int) -> Shipment:
    pieces = lines or {line.id: line.quantity_to_ship - line.shipped for line in order.lines}
    return Shipment(f"par_{number}", "ups", number, pieces, BLACK_FRIDAY)


def shipped(order: Order, number: str = "1", **lines: int) -> Order:
    return order.with_shipment(shipment_of(order, number, **lines), "wanda")[0]


def tracked(order: Order, status: ShipmentStatus, number: str = "1", minutes: int = 1) -> Order:
    at = BLACK_FRIDAY + timedelta(minutes=minutes)
    return order.with_tracking(
        f"par_{number}", TrackingEvent(f"e{minutes}", at, status), at, "ups"
    )[0]


def test_final_statuses_allow_no_transition() -> None:
    ends = {status for status, after in MAY_BECOME.items() if not after}
    assert ends == {OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.RETURNED}
    assert set(MAY_BECOME) == set(OrderStatus)


def test_placing_publishes_event_and_records_actor() -> None:
    order, (event,) = make_order().place()
    assert (event.id, event.type, event.subject) == ("ord_1.1.OrderPlaced", "OrderPlaced", "ord_1")
    assert event.data["pay_by"] == order.pay_by.isoformat()
    assert [(m.event, m.actor) for m in order.history] == [("placed", "guest")]


def test_events_contain_no_personal_data() -> None:
    order = confirmed()
    events = [*make_order().place()[1], *order.cancel("r", BLACK_FRIDAY, "w")[1]]
    events += order.with_shipment(shipment_of(order), "w")[1]
    for event in events:
        assert not {"jane@example.com", "Jane", "123 Main St"} & set(map(str, event.data.values()))


# Payment


def test_authorized_payment_confirms_order() -> None:
    order, events = (
        make_order().place()[0].with_payment(authorized(make_order()), BLACK_FRIDAY, "memory")
    )
    assert (order.status, event_types(events)) == (OrderStatus.CONFIRMED, ["OrderConfirmed"])


def test_captured_payment_confirms_order() -> None:
    placed, _ = make_order().place()
    state = ProviderPaymentState("pay", PaymentStatus.CAPTURED, captured=placed.total)
    order, events = placed.with_payment(state, BLACK_FRIDAY, "memory")
    assert (order.status, event_types(events)) == (OrderStatus.CONFIRMED, ["OrderConfirmed"])


def test_partial_payment_does_not_confirm_order() -> None:
    placed, _ = make_order().place()
    state = ProviderPaymentState("pay", PaymentStatus.AUTHORIZED, authorized=placed.total - 1)
    order, events = placed.with_payment(state, BLACK_FRIDAY, "memory")
    assert (order.status, events) == (OrderStatus.PLACED, ())
    order, events = order.with_payment(authorized(order), BLACK_FRIDAY, "memory")
    assert (order.status, event_types(events)) == (OrderStatus.CONFIRMED, ["OrderConfirmed"])


@pytest.mark.parametrize(
    "status", [PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING]
)
def test_pending_payment_does_not_confirm_order(status: PaymentStatus) -> None:
    order, events = (
        make_order()
        .place()[0]
        .with_payment(ProviderPaymentState("pay", status), BLACK_FRIDAY, "memory")
    )
    assert (order.status, events) == (OrderStatus.PLACED, ())


def test_same_payment_report_twice_changes_nothing() -> None:
    order = confirmed()
    assert order.with_payment(authorized(order), BLACK_FRIDAY + timedelta(1), "memory") == (
        order,
        (),
    )


def test_history_names_each_movement_of_money() -> None:
    # Given reports of a payment that is authorized, captured in two parts, and refunded in two
    placed, _ = make_order().place()
    total = placed.total
    reports = [
        authorized(placed),
        replace(captured(placed), captured=1),
        captured(placed),
        captured(placed, refunded=1),
        captured(placed, refunded=total),
        captured(placed, refunded=total),
    ]
    # When the order records them
    order = placed
    for report in reports:
        order, _ = order.with_payment(report, BLACK_FRIDAY, "memory")
    # Then each has its own entry, and a repeated one has none
    assert [entry.event for entry in order.history[1:]] == [
        "payment authorized",
        "payment captured",
        "payment captured",
        "payment refunded",
        "payment refunded",
    ]
    # And a report of two movements has one entry for each
    both, _ = placed.with_payment(captured(placed, refunded=total), BLACK_FRIDAY, "memory")
    assert [entry.event for entry in both.history[1:]] == ["payment captured", "payment refunded"]


def test_failed_payment_publishes_its_reason() -> None:
    placed, _ = make_order().place()
    failed = ProviderPaymentState("pay", PaymentStatus.FAILED, reason="card_declined")
    order, (event,) = placed.with_payment(failed, BLACK_FRIDAY, "memory")
    assert (event.type, event.data["reason"]) == ("PaymentFailed", "card_declined")
    assert order.status is OrderStatus.PLACED


def test_payment_for_cancelled_order_publishes_late_payment() -> None:
    order, _ = make_order().place()[0].cancel("payment_expired", BLACK_FRIDAY, "deadline")
    order, events = order.with_payment(authorized(order), BLACK_FRIDAY, "memory")
    assert (order.status, event_types(events)) == (OrderStatus.CANCELLED, ["PaymentReceivedLate"])
    order, events = order.with_payment(captured(order), BLACK_FRIDAY, "memory")
    assert event_types(events) == []
    refunded = captured(order, refunded=order.total)
    order, events = order.with_payment(refunded, BLACK_FRIDAY, "memory")
    assert (event_types(events), order.settled) == ([], True)


@pytest.mark.parametrize(("missing", "confirmed_before"), [(0, True), (1, False)])
def test_cancelled_order_was_confirmed_only_if_it_was_paid_in_full(
    missing: int, confirmed_before: bool
) -> None:
    # Given an order that is cancelled after its payment was authorized, in full or in part
    order, _ = make_order().place()
    amount = order.amount.minor - missing
    state = ProviderPaymentState("pay", PaymentStatus.AUTHORIZED, authorized=amount)
    order, _ = order.with_payment(state, BLACK_FRIDAY, "memory")
    order, _ = order.cancel("payment_expired", BLACK_FRIDAY + timedelta(hours=1), "deadline")
    assert order.was_confirmed is confirmed_before
    # When the rest arrives late
    order, _ = order.with_payment(authorized(order), BLACK_FRIDAY + timedelta(hours=2), "memory")
    # Then it changes nothing: that money is refunded
    assert order.was_confirmed is confirmed_before


# Cancellation


def test_cancelling_an_order_cancels_every_piece() -> None:
    order, (event,) = confirmed().cancel("reason", BLACK_FRIDAY, "wanda")
    assert (order.status, order.due, order.reservations) == (OrderStatus.CANCELLED, 0, ())
    assert [line.active_quantity for line in order.lines] == [0, 0]
    assert (event.type, event.data["reason"]) == ("OrderCancelled", "reason")
    assert order.history[-1].reason == "reason"


def test_order_with_shipped_pieces_cannot_be_cancelled() -> None:
    with pytest.raises(Conflict) as error:
        shipped(confirmed(), li_1=1).cancel("reason", BLACK_FRIDAY, "wanda")
    assert error.value.code == "order_shipped"


@pytest.mark.parametrize(
    "status", [OrderStatus.CANCELLED, OrderStatus.COMPLETED, OrderStatus.RETURNED]
)
def test_order_in_final_status_cannot_be_cancelled(status: OrderStatus) -> None:
    with pytest.raises(Conflict):
        make_order(status=status).cancel("reason", BLACK_FRIDAY, "wanda")


def test_partial_cancellation_keeps_shipped_pieces() -> None:
    order = shipped(confirmed(), li_1=1)
    partial, (event,) = order.with_unshipped_cancelled(BLACK_FRIDAY, "deadline")
    assert [(n.quantity, n.cancelled, n.shipped) for n in partial.lines] == [(2, 1, 1), (1, 1, 0)]
    assert (partial.status, partial.reservations, partial.shipped) == (
        OrderStatus.CONFIRMED,
        (),
        True,
    )
    assert event.data["due"] == partial.due == order.total - 2 * 1080
    assert partial.with_unshipped_cancelled(BLACK_FRIDAY, "deadline") == (partial, ())


def test_partial_cancellation_needs_a_shipped_piece() -> None:
    with pytest.raises(Conflict):
        confirmed().with_unshipped_cancelled(BLACK_FRIDAY, "deadline")


# Allocation and shipments


def test_allocation_follows_the_reservations() -> None:
    order = confirmed(
        reservations=(Reservation("MUG-RED", 2, "north"), Reservation("MUG-BLUE", 1, "south"))
    )
    order, (event,) = order.with_allocation(BLACK_FRIDAY, "workflow")
    assert order.allocation == {"li_1": "north", "li_2": "south"}
    assert event.data["locations"] == ["north", "south"]
    assert order.with_allocation(BLACK_FRIDAY, "workflow") == (order, ())


def test_unpaid_order_is_neither_allocated_nor_shipped() -> None:
    order, _ = make_order().place()
    with pytest.raises(Conflict):
        order.with_allocation(BLACK_FRIDAY, "workflow")
    with pytest.raises(Conflict):
        order.with_shipment(shipment_of(order), "wanda")


def test_shipment_takes_its_units_from_reservations() -> None:
    order = shipped(confirmed(), "1", li_1=1)
    assert order.reservations == (Reservation("MUG-RED", 1), Reservation("MUG-BLUE", 1))
    assert not order.shipped
    order = shipped(order, "2")
    assert (order.reservations, order.shipped) == ((), True)


def test_lines_with_one_sku_share_a_reservation() -> None:
    order = confirmed(pieces=(1, 1, 2))
    assert order.reservations == (Reservation("MUG-RED", 3), Reservation("MUG-BLUE", 1))
    order = shipped(order, li_3=2)
    assert order.reservations == (Reservation("MUG-RED", 1), Reservation("MUG-BLUE", 1))


@pytest.mark.parametrize(
    ("lines", "expected_error"),
    [
        ({"li_1": 3}, InvalidRequest),
        ({"li_1": -1}, InvalidRequest),
        ({"li_9": 1}, NotFound),
        ({"li_1": 1, "li_2": 2}, InvalidRequest),
    ],
)
def test_shipment_of_pieces_not_to_ship_is_rejected(
    lines: Any, expected_error: type[Exception]
) -> None:
    order = confirmed()
    with pytest.raises(expected_error):
        order.with_shipment(Shipment("par_1", "ups", "1", lines, BLACK_FRIDAY), "wanda")


def test_empty_shipment_is_rejected() -> None:
    with pytest.raises(InvalidRequest):
        confirmed().with_shipment(Shipment("par_1", "ups", "1", {}, BLACK_FRIDAY), "wanda")


def test_taking_more_than_is_reserved_raises_conflict() -> None:
    reservations = (Reservation("A", 2, "north"), Reservation("A", 2, "south"))
    taken, remaining = take_from_reservations(reservations, {"A": 3})
    assert taken == (Reservation("A", 2, "north"), Reservation("A", 1, "south"))
    assert remaining == (Reservation("A", 1, "south"),)
    with pytest.raises(Conflict):
        take_from_reservations(reservations, {"A": 5})
    with pytest.raises(Conflict):
        take_from_reservations(reservations, {"B": 1})


# Tracking


@pytest.mark.slow
def test_shipment_status_is_the_newest_by_event_time_in_any_order() -> None:
    events = [
        TrackingEvent("a", BLACK_FRIDAY + timedelta(hours=1), ShipmentStatus.IN_TRANSIT),
        TrackingEvent("b", BLACK_FRIDAY + timedelta(hours=9), ShipmentStatus.OUT_FOR_DELIVERY),
        TrackingEvent("c", BLACK_FRIDAY + timedelta(hours=9), ShipmentStatus.FAILED_ATTEMPT),
        TrackingEvent("d", BLACK_FRIDAY + timedelta(hours=20), ShipmentStatus.DELIVERED),
        TrackingEvent("e", BLACK_FRIDAY + timedelta(hours=21), ShipmentStatus.IN_TRANSIT),
    ]
    at = BLACK_FRIDAY + timedelta(days=2)
    ends = set()
    for arrival in permutations([*events, events[3]]):
        order = shipped(confirmed())
        for event in arrival:
            order, _ = order.with_tracking("par_1", event, at, "ups")
        (shipment,) = order.shipments
        ends.add((shipment.status, order.lines, frozenset(shipment.tracking)))
    assert {status for status, _, _ in ends} == {ShipmentStatus.DELIVERED}
    assert len(ends) == 1


def test_delivered_changes_only_to_returned_or_lost() -> None:
    order = tracked(shipped(confirmed()), ShipmentStatus.DELIVERED, minutes=5)
    order = tracked(order, ShipmentStatus.IN_TRANSIT, minutes=9)
    assert order.shipments[0].status is ShipmentStatus.DELIVERED
    assert order.delivered
    order = tracked(order, ShipmentStatus.RETURNED, minutes=10)
    assert order.shipments[0].status is ShipmentStatus.RETURNED
    assert not order.delivered


def test_fast_carrier_clock_does_not_decide_the_status() -> None:
    order = shipped(confirmed())
    wrong = TrackingEvent("x", BLACK_FRIDAY + timedelta(hours=25), ShipmentStatus.FAILED_ATTEMPT)
    order, _ = order.with_tracking("par_1", wrong, BLACK_FRIDAY + timedelta(hours=1), "ups")
    order = tracked(order, ShipmentStatus.DELIVERED, minutes=120)
    assert order.delivered


@pytest.mark.parametrize("off", [timedelta(hours=-25), timedelta(hours=26), timedelta(days=900)])
def test_tracking_event_with_implausible_time_is_rejected(off: timedelta) -> None:
    wrong = TrackingEvent("x", BLACK_FRIDAY + off, ShipmentStatus.DELIVERED)
    with pytest.raises(InvalidRequest) as error:
        shipped(confirmed()).with_tracking("par_1", wrong, BLACK_FRIDAY + timedelta(hours=1), "ups")
    assert error.value.code == "event_time_implausible"


def test_tracking_event_without_status_change_publishes_nothing() -> None:
    order = tracked(shipped(confirmed()), ShipmentStatus.DELIVERED, minutes=30)
    earlier = TrackingEvent("early", BLACK_FRIDAY + timedelta(minutes=2), ShipmentStatus.IN_TRANSIT)
    after, events = order.with_tracking("par_1", earlier, BLACK_FRIDAY + timedelta(hours=1), "ups")
    assert (events, len(after.shipments[0].tracking)) == ((), 2)


def test_tracking_events_per_shipment_are_limited() -> None:
    order = shipped(confirmed())
    for n in range(MAX_TRACKING_EVENTS + 50):
        order = tracked(order, ShipmentStatus.IN_TRANSIT, minutes=n)
    assert len(order.shipments[0].tracking) == MAX_TRACKING_EVENTS
    order = tracked(order, ShipmentStatus.DELIVERED, minutes=MAX_TRACKING_EVENTS + 60)
    assert order.delivered


def test_tracking_event_of_unknown_shipment_raises_not_found() -> None:
    with pytest.raises(NotFound):
        tracked(shipped(confirmed()), ShipmentStatus.DELIVERED, number="7")


# Completion and return


def test_order_completes_when_every_piece_arrived() -> None:
    order = shipped(shipped(confirmed(), "1", li_1=2), "2", li_2=1)
    order = tracked(order, ShipmentStatus.DELIVERED, "1")
    with pytest.raises(Conflict):
        order.complete(BLACK_FRIDAY, "workflow")
    order = tracked(order, ShipmentStatus.DELIVERED, "2")
    completed, (event,) = order.complete(BLACK_FRIDAY, "workflow")
    assert (completed.status, event.type) == (OrderStatus.COMPLETED, "OrderCompleted")


def test_order_without_delivery_is_returned_with_nothing_due() -> None:
    order = tracked(shipped(confirmed()), ShipmentStatus.LOST)
    assert order.all_delivered_or_lost
    returned, (event,) = order.mark_returned("lost", BLACK_FRIDAY, "carrier")
    assert (returned.status, returned.due, event.type) == (OrderStatus.RETURNED, 0, "OrderReturned")
    assert [line.returned for line in returned.lines] == [2, 1]


def test_partially_delivered_order_completes_with_delivered_pieces() -> None:
    order = shipped(shipped(confirmed(), "1", li_1=2), "2", li_2=1)
    order = tracked(order, ShipmentStatus.DELIVERED, "1")
    assert not order.all_delivered_or_lost
    order = tracked(order, ShipmentStatus.LOST, "2")
    assert order.all_delivered_or_lost
    returned, events = order.mark_returned("lost", BLACK_FRIDAY, "carrier")
    assert (returned.status, event_types(events)) == (
        OrderStatus.COMPLETED,
        ["OrderReturned", "OrderCompleted"],
    )
    assert returned.due == order.total - 1080
    assert returned.delivered


def test_return_reduces_amount_due_up_to_delivered_pieces() -> None:
    completed, _ = tracked(shipped(confirmed()), ShipmentStatus.DELIVERED).complete(
        BLACK_FRIDAY, "workflow"
    )
    returned, (event,) = completed.with_return(sent_back("too small", li_1=1), "wanda")
    assert (returned.status, event.type, event.data["due"]) == (
        OrderStatus.COMPLETED,
        "OrderReturned",
        completed.due - 1080,
    )
    assert [(line.delivered, line.returned) for line in returned.lines] == [(1, 1), (1, 0)]
    assert returned.delivered
    for again in (sent_back(li_1=2), sent_back(li_9=1)):
        with pytest.raises((InvalidRequest, NotFound)):
            returned.with_return(again, "wanda")
    with pytest.raises(InvalidRequest):
        shipped(confirmed()).with_return(sent_back("early", li_1=1), "wanda")
    with pytest.raises(Conflict):
        make_order().with_return(sent_back("unpaid", li_1=1), "wanda")
    nothing, _ = returned.with_return(sent_back("all of it", li_1=1, li_2=1), "wanda")
    assert nothing.due == 0, "with the last piece the shipping cost is refunded as well"


def test_unshipped_pieces_cannot_be_returned() -> None:
    with pytest.raises(Conflict):
        shipped(confirmed(), li_1=1).mark_returned("lost", BLACK_FRIDAY, "carrier")


def test_final_shipment_statuses() -> None:
    assert {
        ShipmentStatus.DELIVERED,
        ShipmentStatus.RETURNED,
        ShipmentStatus.LOST,
    } == FINAL_STATUSES


# Amount due


@given(
    total=st.integers(0, 10**6),
    tax=st.integers(0, 10**5),
    quantity=st.integers(1, 40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    included=st.booleans(),
)
def test_any_sequence_of_refunded_pieces_sums_to_the_line(
    total: int, tax: int, quantity: int, cuts: list[int], included: bool
) -> None:
    line = OrderLine("li_1", "p", "v", "A", "t", 1, quantity, total, 0, tax, total)
    order = replace(make_order(), lines=(line,), tax_included=included)
    steps = sorted({0, *(min(cut, quantity) for cut in cuts), quantity})
    parts = [
        value_of_first(order, line, after) - value_of_first(order, line, before)
        for before, after in pairwise(steps)
    ]
    assert sum(parts) == (total if included else total + tax)
    assert all(part >= 0 for part in parts)


def test_value_of_pieces_follows_the_quote() -> None:
    from shop.kernel.money import Money
    from shop.places.model.destination import Destination
    from shop.pricing.actions.quotes import quote
    from shop.pricing.model.basket import Basket, BasketLine
    from shop.pricing.model.rule_set import RuleSet

    # Given an order of one line of three pieces, with the quote that it was placed with
    basket = Basket(
        (BasketLine("li_1", "p", "v", "A", "t", Money(999, "USD"), 3),),
        "USD",
        destination=Destination("US", "CA"),
        shipping=Money(599, "USD"),
    )
    priced = quote(basket, rules=RuleSet(version="1"), at=BLACK_FRIDAY)
    line = priced.line("li_1")
    order_line = OrderLine("li_1", "p", "v", "A", "t", 999, 3, 2997, 0, line.tax.amount.minor, 2997)
    order = replace(
        make_order(),
        lines=(order_line,),
        quote=PlacedQuote(priced.to_dict()),
        total=priced.total.minor,
    )
    # Then all pieces are worth the line, and the order without them nothing
    assert value_of_first(order, order_line, 3) == line.payable.minor
    assert order.due == order.total
    assert order.value_without({"li_1": 1}) == order.total - line.refund_next(0, 1).minor
    assert order.value_without({"li_1": 3}) == 0
