"""What an order is and may become."""

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
    Shipment,
    ShipmentStatus,
    TrackingEvent,
    take_from_reservations,
)
from shop.payments.model import PaymentStatus, ProviderPaymentState
from tests.kit.orders import BLACK_FRIDAY, authorised, make_order


def names(events: Any) -> list[str]:
    return [event.type for event in events]


def confirmed(**changes: Any) -> Order:
    order, _ = make_order(**changes).place()
    return order.with_payment(authorised(order), BLACK_FRIDAY, "memory")[0]


def parcel(order: Order, number: str = "1", **lines: int) -> Shipment:
    pieces = lines or {line.id: line.quantity_to_ship - line.shipped for line in order.lines}
    return Shipment(f"par_{number}", "ups", number, pieces, BLACK_FRIDAY)


def shipped(order: Order, number: str = "1", **lines: int) -> Order:
    return order.with_shipment(parcel(order, number, **lines), "wanda")[0]


def heard(order: Order, status: ShipmentStatus, number: str = "1", minutes: int = 1) -> Order:
    at = BLACK_FRIDAY + timedelta(minutes=minutes)
    return order.with_tracking(
        f"par_{number}", TrackingEvent(f"e{minutes}", at, status), at, "ups"
    )[0]


def test_an_order_ends_in_three_ways_and_stays_there() -> None:
    ends = {status for status, after in MAY_BECOME.items() if not after}
    assert ends == {OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.RETURNED}
    assert set(MAY_BECOME) == set(OrderStatus)


def test_placing_tells_it_and_notes_who() -> None:
    order, (event,) = make_order().place()
    assert (event.id, event.type, event.subject) == ("ord_1.1.OrderPlaced", "OrderPlaced", "ord_1")
    assert event.data["pay_by"] == order.pay_by.isoformat()
    assert [(m.event, m.actor) for m in order.history] == [("placed", "guest")]


def test_events_carry_no_name_and_no_address() -> None:
    order = confirmed()
    told = [*make_order().place()[1], *order.cancel("r", BLACK_FRIDAY, "w")[1]]
    told += order.with_shipment(parcel(order), "w")[1]
    for event in told:
        assert not {"jane@example.com", "Jane", "123 Main St"} & set(map(str, event.data.values()))


# Payment


def test_certain_money_confirms_the_order() -> None:
    order, events = (
        make_order().place()[0].with_payment(authorised(make_order()), BLACK_FRIDAY, "memory")
    )
    assert (order.status, names(events)) == (OrderStatus.CONFIRMED, ["OrderConfirmed"])


def test_money_taken_at_once_confirms_it_as_well() -> None:
    placed, _ = make_order().place()
    report = ProviderPaymentState("pay", PaymentStatus.CAPTURED, captured=placed.total)
    order, events = placed.with_payment(report, BLACK_FRIDAY, "memory")
    assert (order.status, names(events)) == (OrderStatus.CONFIRMED, ["OrderConfirmed"])


def test_money_for_a_part_of_it_confirms_nothing() -> None:
    placed, _ = make_order().place()
    report = ProviderPaymentState("pay", PaymentStatus.AUTHORISED, authorised=placed.total - 1)
    order, events = placed.with_payment(report, BLACK_FRIDAY, "memory")
    assert (order.status, events) == (OrderStatus.PLACED, ())
    order, events = order.with_payment(authorised(order), BLACK_FRIDAY, "memory")
    assert (order.status, names(events)) == (OrderStatus.CONFIRMED, ["OrderConfirmed"])


@pytest.mark.parametrize(
    "status", [PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING]
)
def test_money_under_way_confirms_nothing(status: PaymentStatus) -> None:
    order, events = (
        make_order()
        .place()[0]
        .with_payment(ProviderPaymentState("pay", status), BLACK_FRIDAY, "memory")
    )
    assert (order.status, events) == (OrderStatus.PLACED, ())


def test_the_same_report_twice_changes_nothing() -> None:
    order = confirmed()
    assert order.with_payment(authorised(order), BLACK_FRIDAY + timedelta(1), "memory") == (
        order,
        (),
    )


def test_a_failed_payment_is_told_with_its_reason() -> None:
    placed, _ = make_order().place()
    failed = ProviderPaymentState("pay", PaymentStatus.FAILED, reason="card_declined")
    order, (event,) = placed.with_payment(failed, BLACK_FRIDAY, "memory")
    assert (event.type, event.data["reason"]) == ("PaymentFailed", "card_declined")
    assert order.status is OrderStatus.PLACED


def test_money_for_an_order_called_off_is_told_to_be_late() -> None:
    order, _ = make_order().place()[0].cancel("payment_expired", BLACK_FRIDAY, "deadline")
    order, events = order.with_payment(authorised(order), BLACK_FRIDAY, "memory")
    assert (order.status, names(events)) == (OrderStatus.CANCELLED, ["PaymentReceivedLate"])
    captured = ProviderPaymentState(
        "pay", PaymentStatus.CAPTURED, order.total, captured=order.total
    )
    order, events = order.with_payment(captured, BLACK_FRIDAY, "memory")
    assert names(events) == []
    refunded = replace(captured, refunded=order.total)
    order, events = order.with_payment(refunded, BLACK_FRIDAY, "memory")
    assert (names(events), order.settled) == ([], True)


# Calling off


def test_an_order_is_called_off_whole() -> None:
    order, (event,) = confirmed().cancel("why", BLACK_FRIDAY, "wanda")
    assert (order.status, order.due, order.reservations) == (OrderStatus.CANCELLED, 0, ())
    assert [line.active_quantity for line in order.lines] == [0, 0]
    assert (event.type, event.data["reason"]) == ("OrderCancelled", "why")
    assert order.history[-1].reason == "why"


def test_what_was_shipped_is_not_called_off() -> None:
    with pytest.raises(Conflict) as refused:
        shipped(confirmed(), li_1=1).cancel("why", BLACK_FRIDAY, "wanda")
    assert refused.value.code == "order_shipped"


@pytest.mark.parametrize(
    "status", [OrderStatus.CANCELLED, OrderStatus.COMPLETED, OrderStatus.RETURNED]
)
def test_an_order_at_its_end_is_not_called_off(status: OrderStatus) -> None:
    with pytest.raises(Conflict):
        make_order(status=status).cancel("why", BLACK_FRIDAY, "wanda")


def test_what_has_not_left_is_called_off_and_what_has_stays_sold() -> None:
    order = shipped(confirmed(), li_1=1)
    short, (event,) = order.with_unshipped_cancelled(BLACK_FRIDAY, "deadline")
    assert [(n.quantity, n.cancelled, n.shipped) for n in short.lines] == [(2, 1, 1), (1, 1, 0)]
    assert (short.status, short.reservations, short.shipped) == (OrderStatus.CONFIRMED, (), True)
    assert event.data["due"] == short.due == order.total - 2 * 1080
    assert short.with_unshipped_cancelled(BLACK_FRIDAY, "deadline") == (short, ())


def test_an_order_of_which_nothing_left_is_not_shortened() -> None:
    with pytest.raises(Conflict):
        confirmed().with_unshipped_cancelled(BLACK_FRIDAY, "deadline")


# Shipping


def test_stock_is_allocated_where_it_is_held() -> None:
    order = confirmed(
        reservations=(Reservation("MUG-RED", 2, "north"), Reservation("MUG-BLUE", 1, "south"))
    )
    order, (event,) = order.with_allocation(BLACK_FRIDAY, "workflow")
    assert order.allocation == {"li_1": "north", "li_2": "south"}
    assert event.data["locations"] == ["north", "south"]
    assert order.with_allocation(BLACK_FRIDAY, "workflow") == (order, ())


def test_an_unpaid_order_is_neither_allocated_nor_shipped() -> None:
    order, _ = make_order().place()
    with pytest.raises(Conflict):
        order.with_allocation(BLACK_FRIDAY, "workflow")
    with pytest.raises(Conflict):
        order.with_shipment(parcel(order), "wanda")


def test_a_parcel_takes_its_pieces_out_of_the_holds() -> None:
    order = shipped(confirmed(), "1", li_1=1)
    assert order.reservations == (Reservation("MUG-RED", 1), Reservation("MUG-BLUE", 1))
    assert not order.shipped
    order = shipped(order, "2")
    assert (order.reservations, order.shipped) == ((), True)


def test_lines_of_one_sku_share_a_hold() -> None:
    order = confirmed(pieces=(1, 1, 2))
    assert order.reservations == (Reservation("MUG-RED", 3), Reservation("MUG-BLUE", 1))
    order = shipped(order, li_3=2)
    assert order.reservations == (Reservation("MUG-RED", 1), Reservation("MUG-BLUE", 1))


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ({"li_1": 3}, InvalidRequest),
        ({"li_1": -1}, InvalidRequest),
        ({"li_9": 1}, NotFound),
        ({"li_1": 1, "li_2": 2}, InvalidRequest),
    ],
)
def test_a_parcel_never_holds_what_is_not_left(lines: Any, refusal: type[Exception]) -> None:
    order = confirmed()
    with pytest.raises(refusal):
        order.with_shipment(Shipment("par_1", "ups", "1", lines, BLACK_FRIDAY), "wanda")


def test_an_empty_parcel_is_none() -> None:
    with pytest.raises(InvalidRequest):
        confirmed().with_shipment(Shipment("par_1", "ups", "1", {}, BLACK_FRIDAY), "wanda")


def test_nothing_is_drawn_that_is_not_held() -> None:
    holds = (Reservation("A", 2, "north"), Reservation("A", 2, "south"))
    taken, left = take_from_reservations(holds, {"A": 3})
    assert taken == (Reservation("A", 2, "north"), Reservation("A", 1, "south"))
    assert left == (Reservation("A", 1, "south"),)
    with pytest.raises(Conflict):
        take_from_reservations(holds, {"A": 5})
    with pytest.raises(Conflict):
        take_from_reservations(holds, {"B": 1})


# Tracking


@pytest.mark.slow
def test_a_parcels_status_is_the_newest_by_event_time_in_any_order_of_arrival() -> None:
    reports = [
        TrackingEvent("a", BLACK_FRIDAY + timedelta(hours=1), ShipmentStatus.IN_TRANSIT),
        TrackingEvent("b", BLACK_FRIDAY + timedelta(hours=9), ShipmentStatus.OUT_FOR_DELIVERY),
        TrackingEvent("c", BLACK_FRIDAY + timedelta(hours=9), ShipmentStatus.FAILED_ATTEMPT),
        TrackingEvent("d", BLACK_FRIDAY + timedelta(hours=20), ShipmentStatus.DELIVERED),
        TrackingEvent("e", BLACK_FRIDAY + timedelta(hours=21), ShipmentStatus.IN_TRANSIT),
    ]
    at = BLACK_FRIDAY + timedelta(days=2)
    ends = set()
    for arrival in permutations([*reports, reports[3]]):
        order = shipped(confirmed())
        for report in arrival:
            order, _ = order.with_tracking("par_1", report, at, "ups")
        (box,) = order.shipments
        ends.add((box.status, order.lines, frozenset(box.tracking)))
    assert {status for status, _, _ in ends} == {ShipmentStatus.DELIVERED}
    assert len(ends) == 1


def test_delivered_is_sticky_but_for_what_came_back_or_was_lost() -> None:
    order = heard(shipped(confirmed()), ShipmentStatus.DELIVERED, minutes=5)
    order = heard(order, ShipmentStatus.IN_TRANSIT, minutes=9)
    assert order.shipments[0].status is ShipmentStatus.DELIVERED
    assert order.delivered
    order = heard(order, ShipmentStatus.RETURNED, minutes=10)
    assert order.shipments[0].status is ShipmentStatus.RETURNED
    assert not order.delivered


def test_a_carriers_clock_that_is_fast_does_not_win_for_ever() -> None:
    order = shipped(confirmed())
    wrong = TrackingEvent("x", BLACK_FRIDAY + timedelta(hours=25), ShipmentStatus.FAILED_ATTEMPT)
    order, _ = order.with_tracking("par_1", wrong, BLACK_FRIDAY + timedelta(hours=1), "ups")
    order = heard(order, ShipmentStatus.DELIVERED, minutes=120)
    assert order.delivered


@pytest.mark.parametrize("off", [timedelta(hours=-25), timedelta(hours=26), timedelta(days=900)])
def test_a_report_of_a_time_at_which_it_cannot_have_happened_is_refused(off: timedelta) -> None:
    wrong = TrackingEvent("x", BLACK_FRIDAY + off, ShipmentStatus.DELIVERED)
    with pytest.raises(InvalidRequest) as refused:
        shipped(confirmed()).with_tracking("par_1", wrong, BLACK_FRIDAY + timedelta(hours=1), "ups")
    assert refused.value.code == "event_time_implausible"


def test_a_report_that_moves_nothing_is_kept_and_told_to_nobody() -> None:
    order = heard(shipped(confirmed()), ShipmentStatus.DELIVERED, minutes=30)
    early = TrackingEvent("early", BLACK_FRIDAY + timedelta(minutes=2), ShipmentStatus.IN_TRANSIT)
    after, events = order.with_tracking("par_1", early, BLACK_FRIDAY + timedelta(hours=1), "ups")
    assert (events, len(after.shipments[0].tracking)) == ((), 2)


def test_a_chatty_carrier_does_not_fill_the_order() -> None:
    order = shipped(confirmed())
    for n in range(MAX_TRACKING_EVENTS + 50):
        order = heard(order, ShipmentStatus.IN_TRANSIT, minutes=n)
    assert len(order.shipments[0].tracking) == MAX_TRACKING_EVENTS
    order = heard(order, ShipmentStatus.DELIVERED, minutes=MAX_TRACKING_EVENTS + 60)
    assert order.delivered


def test_a_parcel_that_is_not_of_this_order_is_not_found() -> None:
    with pytest.raises(NotFound):
        heard(shipped(confirmed()), ShipmentStatus.DELIVERED, number="7")


# The end


def test_an_order_is_completed_when_all_of_it_arrived() -> None:
    order = shipped(shipped(confirmed(), "1", li_1=2), "2", li_2=1)
    order = heard(order, ShipmentStatus.DELIVERED, "1")
    with pytest.raises(Conflict):
        order.complete(BLACK_FRIDAY, "workflow")
    order = heard(order, ShipmentStatus.DELIVERED, "2")
    done, (event,) = order.complete(BLACK_FRIDAY, "workflow")
    assert (done.status, event.type) == (OrderStatus.COMPLETED, "OrderCompleted")


def test_an_order_of_which_nothing_arrived_is_returned_and_owes_nothing() -> None:
    order = heard(shipped(confirmed()), ShipmentStatus.LOST)
    assert order.all_delivered_or_lost
    back, (event,) = order.mark_returned("lost", BLACK_FRIDAY, "carrier")
    assert (back.status, back.due, event.type) == (OrderStatus.RETURNED, 0, "OrderReturned")
    assert [line.returned for line in back.lines] == [2, 1]


def test_an_order_of_which_some_arrived_is_completed_with_that() -> None:
    order = shipped(shipped(confirmed(), "1", li_1=2), "2", li_2=1)
    order = heard(order, ShipmentStatus.DELIVERED, "1")
    assert not order.all_delivered_or_lost
    order = heard(order, ShipmentStatus.LOST, "2")
    assert order.all_delivered_or_lost
    back, events = order.mark_returned("lost", BLACK_FRIDAY, "carrier")
    assert (back.status, names(events)) == (
        OrderStatus.COMPLETED,
        ["OrderReturned", "OrderCompleted"],
    )
    assert back.due == order.total - 1080
    assert back.delivered


def test_what_arrived_and_is_sent_back_is_paid_back_and_no_more_than_that() -> None:
    done, _ = heard(shipped(confirmed()), ShipmentStatus.DELIVERED).complete(
        BLACK_FRIDAY, "workflow"
    )
    back, (event,) = done.with_return({"li_1": 1}, "too small", BLACK_FRIDAY, "wanda")
    assert (back.status, event.type, event.data["due"]) == (
        OrderStatus.COMPLETED,
        "OrderReturned",
        done.due - 1080,
    )
    assert [(line.delivered, line.returned) for line in back.lines] == [(1, 1), (1, 0)]
    assert back.delivered
    for pieces in ({"li_1": 2}, {"li_9": 1}):
        with pytest.raises((InvalidRequest, NotFound)):
            back.with_return(pieces, "again", BLACK_FRIDAY, "wanda")
    with pytest.raises(Conflict):
        heard(shipped(confirmed()), ShipmentStatus.DELIVERED).with_return(
            {"li_1": 1}, "early", BLACK_FRIDAY, "wanda"
        )
    nothing, _ = back.with_return({"li_1": 1, "li_2": 1}, "all of it", BLACK_FRIDAY, "wanda")
    assert nothing.due == 0, "with the last piece the shipping goes back as well"


def test_what_has_not_left_cannot_come_back() -> None:
    with pytest.raises(Conflict):
        shipped(confirmed(), li_1=1).mark_returned("lost", BLACK_FRIDAY, "carrier")


def test_where_parcels_end_is_where_the_way_ends() -> None:
    assert {
        ShipmentStatus.DELIVERED,
        ShipmentStatus.RETURNED,
        ShipmentStatus.LOST,
    } == FINAL_STATUSES


# Money due


@given(
    total=st.integers(0, 10**6),
    tax=st.integers(0, 10**5),
    quantity=st.integers(1, 40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    included=st.booleans(),
)
def test_any_sequence_of_pieces_given_back_sums_to_the_line(
    total: int, tax: int, quantity: int, cuts: list[int], included: bool
) -> None:
    line = OrderLine("li_1", "p", "v", "A", "t", 1, quantity, total, 0, tax, total)
    order = replace(make_order(), lines=(line,), tax_included=included)
    steps = sorted({0, *(min(cut, quantity) for cut in cuts), quantity})
    parts = [
        order.value_of(line, after) - order.value_of(line, before)
        for before, after in pairwise(steps)
    ]
    assert sum(parts) == (total if included else total + tax)
    assert all(part >= 0 for part in parts)


def test_pieces_are_worth_what_the_quote_says_each_came_to() -> None:
    from shop.kernel.money import Money
    from shop.places.model.destination import Destination
    from shop.pricing.actions.quotes import quote
    from shop.pricing.model.basket import Basket, BasketLine
    from shop.pricing.model.rule_set import RuleSet

    basket = Basket(
        (BasketLine("li_1", "p", "v", "A", "t", Money(999, "USD"), 3),),
        "USD",
        destination=Destination("US", "CA"),
        shipping=Money(599, "USD"),
    )
    priced = quote(basket, rules=RuleSet(version="1"), at=BLACK_FRIDAY)
    line = priced.line("li_1")
    sold = OrderLine("li_1", "p", "v", "A", "t", 999, 3, 2997, 0, line.tax.amount.minor, 2997)
    order = replace(make_order(), lines=(sold,), quote=priced.to_dict(), total=priced.total.minor)
    assert order.value_of(sold, 3) == line.payable.minor
    assert order.due == order.total
    assert order.value_without({"li_1": 1}) == order.total - line.refund_next(0, 1).minor
    assert order.value_without({"li_1": 3}) == 0
