"""What an order is and may become."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.inventory.model import Hold
from shop.kernel.errors import Conflict, Invalid, NotFound
from shop.orders.model import (
    ENDS,
    MAY_BECOME,
    MOST_TRACKING,
    Order,
    OrderLine,
    Parcel,
    ParcelStatus,
    Status,
    Tracking,
    drawn,
)
from shop.payments.model import PaymentStatus, Report
from tests.kit.sold import THEN, an_order, authorised


def names(events: Any) -> list[str]:
    return [event.type for event in events]


def confirmed(**changes: Any) -> Order:
    order, _ = an_order(**changes).placed()
    return order.with_payment(authorised(order), THEN, "memory")[0]


def parcel(order: Order, number: str = "1", **lines: int) -> Parcel:
    pieces = lines or {line.id: line.wanted - line.shipped for line in order.lines}
    return Parcel(f"par_{number}", "ups", number, pieces, THEN)


def shipped(order: Order, number: str = "1", **lines: int) -> Order:
    return order.with_parcel(parcel(order, number, **lines), "wanda")[0]


def heard(order: Order, status: ParcelStatus, number: str = "1", minutes: int = 1) -> Order:
    at = THEN + timedelta(minutes=minutes)
    return order.tracked(f"par_{number}", Tracking(f"e{minutes}", at, status), at, "ups")[0]


def test_an_order_ends_in_three_ways_and_stays_there() -> None:
    ends = {status for status, after in MAY_BECOME.items() if not after}
    assert ends == {Status.COMPLETED, Status.CANCELLED, Status.RETURNED}
    assert set(MAY_BECOME) == set(Status)


def test_placing_tells_it_and_notes_who() -> None:
    order, (event,) = an_order().placed()
    assert (event.id, event.type, event.subject) == ("ord_1.1.OrderPlaced", "OrderPlaced", "ord_1")
    assert event.data["pay_by"] == order.pay_by.isoformat()
    assert [(m.what, m.who) for m in order.history] == [("placed", "guest")]


def test_events_carry_no_name_and_no_address() -> None:
    order = confirmed()
    told = [*an_order().placed()[1], *order.cancelled("r", THEN, "w")[1]]
    told += order.with_parcel(parcel(order), "w")[1]
    for event in told:
        assert not {"jane@example.com", "Jane", "123 Main St"} & set(map(str, event.data.values()))


# Payment


def test_certain_money_confirms_the_order() -> None:
    order, events = an_order().placed()[0].with_payment(authorised(an_order()), THEN, "memory")
    assert (order.status, names(events)) == (Status.CONFIRMED, ["OrderConfirmed"])


def test_money_taken_at_once_confirms_it_as_well() -> None:
    placed, _ = an_order().placed()
    report = Report("pay", PaymentStatus.CAPTURED, captured=placed.total)
    order, events = placed.with_payment(report, THEN, "memory")
    assert (order.status, names(events)) == (Status.CONFIRMED, ["OrderConfirmed"])


def test_money_for_a_part_of_it_confirms_nothing() -> None:
    placed, _ = an_order().placed()
    report = Report("pay", PaymentStatus.AUTHORISED, authorised=placed.total - 1)
    order, events = placed.with_payment(report, THEN, "memory")
    assert (order.status, events) == (Status.PLACED, ())
    order, events = order.with_payment(authorised(order), THEN, "memory")
    assert (order.status, names(events)) == (Status.CONFIRMED, ["OrderConfirmed"])


@pytest.mark.parametrize(
    "status", [PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING]
)
def test_money_under_way_confirms_nothing(status: PaymentStatus) -> None:
    order, events = an_order().placed()[0].with_payment(Report("pay", status), THEN, "memory")
    assert (order.status, events) == (Status.PLACED, ())


def test_the_same_report_twice_changes_nothing() -> None:
    order = confirmed()
    assert order.with_payment(authorised(order), THEN + timedelta(1), "memory") == (order, ())


def test_a_failed_payment_is_told_with_its_reason() -> None:
    placed, _ = an_order().placed()
    failed = Report("pay", PaymentStatus.FAILED, reason="card_declined")
    order, (event,) = placed.with_payment(failed, THEN, "memory")
    assert (event.type, event.data["reason"]) == ("PaymentFailed", "card_declined")
    assert order.status is Status.PLACED


def test_money_for_an_order_called_off_is_told_to_be_late() -> None:
    order, _ = an_order().placed()[0].cancelled("payment_expired", THEN, "deadline")
    order, events = order.with_payment(authorised(order), THEN, "memory")
    assert (order.status, names(events)) == (Status.CANCELLED, ["PaymentArrivedLate"])
    captured = Report("pay", PaymentStatus.CAPTURED, order.total, captured=order.total)
    order, events = order.with_payment(captured, THEN, "memory")
    assert names(events) == []
    refunded = replace(captured, refunded=order.total)
    order, events = order.with_payment(refunded, THEN, "memory")
    assert (names(events), order.settled) == ([], True)


# Calling off


def test_an_order_is_called_off_whole() -> None:
    order, (event,) = confirmed().cancelled("why", THEN, "wanda")
    assert (order.status, order.due, order.holds) == (Status.CANCELLED, 0, ())
    assert [line.active for line in order.lines] == [0, 0]
    assert (event.type, event.data["reason"]) == ("OrderCancelled", "why")
    assert order.history[-1].why == "why"


def test_what_was_shipped_is_not_called_off() -> None:
    with pytest.raises(Conflict) as refused:
        shipped(confirmed(), li_1=1).cancelled("why", THEN, "wanda")
    assert refused.value.code == "order_shipped"


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.COMPLETED, Status.RETURNED])
def test_an_order_at_its_end_is_not_called_off(status: Status) -> None:
    with pytest.raises(Conflict):
        an_order(status=status).cancelled("why", THEN, "wanda")


def test_what_has_not_left_is_called_off_and_what_has_stays_sold() -> None:
    order = shipped(confirmed(), li_1=1)
    short, (event,) = order.shortened(THEN, "deadline")
    assert [(n.quantity, n.cancelled, n.shipped) for n in short.lines] == [(2, 1, 1), (1, 1, 0)]
    assert (short.status, short.holds, short.shipped) == (Status.CONFIRMED, (), True)
    assert event.data["due"] == short.due == order.total - 2 * 1080
    assert short.shortened(THEN, "deadline") == (short, ())


def test_an_order_of_which_nothing_left_is_not_shortened() -> None:
    with pytest.raises(Conflict):
        confirmed().shortened(THEN, "deadline")


# Shipping


def test_stock_is_allocated_where_it_is_held() -> None:
    order = confirmed(holds=(Hold("MUG-RED", 2, "north"), Hold("MUG-BLUE", 1, "south")))
    order, (event,) = order.allocated(THEN, "workflow")
    assert order.allocation == {"li_1": "north", "li_2": "south"}
    assert event.data["locations"] == ["north", "south"]
    assert order.allocated(THEN, "workflow") == (order, ())


def test_an_unpaid_order_is_neither_allocated_nor_shipped() -> None:
    order, _ = an_order().placed()
    with pytest.raises(Conflict):
        order.allocated(THEN, "workflow")
    with pytest.raises(Conflict):
        order.with_parcel(parcel(order), "wanda")


def test_a_parcel_takes_its_pieces_out_of_the_holds() -> None:
    order = shipped(confirmed(), "1", li_1=1)
    assert order.holds == (Hold("MUG-RED", 1), Hold("MUG-BLUE", 1))
    assert not order.shipped
    order = shipped(order, "2")
    assert (order.holds, order.shipped) == ((), True)


def test_lines_of_one_sku_share_a_hold() -> None:
    order = confirmed(pieces=(1, 1, 2))
    assert order.holds == (Hold("MUG-RED", 3), Hold("MUG-BLUE", 1))
    order = shipped(order, li_3=2)
    assert order.holds == (Hold("MUG-RED", 1), Hold("MUG-BLUE", 1))


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ({"li_1": 3}, Invalid),
        ({"li_1": -1}, Invalid),
        ({"li_9": 1}, NotFound),
        ({"li_1": 1, "li_2": 2}, Invalid),
    ],
)
def test_a_parcel_never_holds_what_is_not_left(lines: Any, refusal: type[Exception]) -> None:
    order = confirmed()
    with pytest.raises(refusal):
        order.with_parcel(Parcel("par_1", "ups", "1", lines, THEN), "wanda")


def test_an_empty_parcel_is_none() -> None:
    with pytest.raises(Invalid):
        confirmed().with_parcel(Parcel("par_1", "ups", "1", {}, THEN), "wanda")


def test_nothing_is_drawn_that_is_not_held() -> None:
    holds = (Hold("A", 2, "north"), Hold("A", 2, "south"))
    taken, left = drawn(holds, {"A": 3})
    assert taken == (Hold("A", 2, "north"), Hold("A", 1, "south"))
    assert left == (Hold("A", 1, "south"),)
    with pytest.raises(Conflict):
        drawn(holds, {"A": 5})
    with pytest.raises(Conflict):
        drawn(holds, {"B": 1})


# Tracking


@pytest.mark.slow
def test_a_parcels_status_is_the_newest_by_event_time_in_any_order_of_arrival() -> None:
    reports = [
        Tracking("a", THEN + timedelta(hours=1), ParcelStatus.IN_TRANSIT),
        Tracking("b", THEN + timedelta(hours=9), ParcelStatus.OUT_FOR_DELIVERY),
        Tracking("c", THEN + timedelta(hours=9), ParcelStatus.FAILED_ATTEMPT),
        Tracking("d", THEN + timedelta(hours=20), ParcelStatus.DELIVERED),
        Tracking("e", THEN + timedelta(hours=21), ParcelStatus.IN_TRANSIT),
    ]
    at = THEN + timedelta(days=2)
    ends = set()
    for arrival in permutations([*reports, reports[3]]):
        order = shipped(confirmed())
        for report in arrival:
            order, _ = order.tracked("par_1", report, at, "ups")
        (box,) = order.parcels
        ends.add((box.status, order.lines, frozenset(box.tracking)))
    assert {status for status, _, _ in ends} == {ParcelStatus.DELIVERED}
    assert len(ends) == 1


def test_delivered_is_sticky_but_for_what_came_back_or_was_lost() -> None:
    order = heard(shipped(confirmed()), ParcelStatus.DELIVERED, minutes=5)
    order = heard(order, ParcelStatus.IN_TRANSIT, minutes=9)
    assert order.parcels[0].status is ParcelStatus.DELIVERED
    assert order.delivered
    order = heard(order, ParcelStatus.RETURNED, minutes=10)
    assert order.parcels[0].status is ParcelStatus.RETURNED
    assert not order.delivered


def test_a_carriers_clock_that_is_fast_does_not_win_for_ever() -> None:
    order = shipped(confirmed())
    wrong = Tracking("x", THEN + timedelta(hours=25), ParcelStatus.FAILED_ATTEMPT)
    order, _ = order.tracked("par_1", wrong, THEN + timedelta(hours=1), "ups")
    order = heard(order, ParcelStatus.DELIVERED, minutes=120)
    assert order.delivered


@pytest.mark.parametrize("off", [timedelta(hours=-25), timedelta(hours=26), timedelta(days=900)])
def test_a_report_of_a_time_at_which_it_cannot_have_happened_is_refused(off: timedelta) -> None:
    wrong = Tracking("x", THEN + off, ParcelStatus.DELIVERED)
    with pytest.raises(Invalid) as refused:
        shipped(confirmed()).tracked("par_1", wrong, THEN + timedelta(hours=1), "ups")
    assert refused.value.code == "event_time_implausible"


def test_a_report_that_moves_nothing_is_kept_and_told_to_nobody() -> None:
    order = heard(shipped(confirmed()), ParcelStatus.DELIVERED, minutes=30)
    early = Tracking("early", THEN + timedelta(minutes=2), ParcelStatus.IN_TRANSIT)
    after, events = order.tracked("par_1", early, THEN + timedelta(hours=1), "ups")
    assert (events, len(after.parcels[0].tracking)) == ((), 2)


def test_a_chatty_carrier_does_not_fill_the_order() -> None:
    order = shipped(confirmed())
    for n in range(MOST_TRACKING + 50):
        order = heard(order, ParcelStatus.IN_TRANSIT, minutes=n)
    assert len(order.parcels[0].tracking) == MOST_TRACKING
    order = heard(order, ParcelStatus.DELIVERED, minutes=MOST_TRACKING + 60)
    assert order.delivered


def test_a_parcel_that_is_not_of_this_order_is_not_found() -> None:
    with pytest.raises(NotFound):
        heard(shipped(confirmed()), ParcelStatus.DELIVERED, number="7")


# The end


def test_an_order_is_completed_when_all_of_it_arrived() -> None:
    order = shipped(shipped(confirmed(), "1", li_1=2), "2", li_2=1)
    order = heard(order, ParcelStatus.DELIVERED, "1")
    with pytest.raises(Conflict):
        order.completed(THEN, "workflow")
    order = heard(order, ParcelStatus.DELIVERED, "2")
    done, (event,) = order.completed(THEN, "workflow")
    assert (done.status, event.type) == (Status.COMPLETED, "OrderCompleted")


def test_an_order_of_which_nothing_arrived_is_returned_and_owes_nothing() -> None:
    order = heard(shipped(confirmed()), ParcelStatus.LOST)
    assert order.landed
    back, (event,) = order.returned("lost", THEN, "carrier")
    assert (back.status, back.due, event.type) == (Status.RETURNED, 0, "OrderReturned")
    assert [line.returned for line in back.lines] == [2, 1]


def test_an_order_of_which_some_arrived_is_completed_with_that() -> None:
    order = shipped(shipped(confirmed(), "1", li_1=2), "2", li_2=1)
    order = heard(order, ParcelStatus.DELIVERED, "1")
    assert not order.landed
    order = heard(order, ParcelStatus.LOST, "2")
    assert order.landed
    back, events = order.returned("lost", THEN, "carrier")
    assert (back.status, names(events)) == (Status.COMPLETED, ["OrderReturned", "OrderCompleted"])
    assert back.due == order.total - 1080
    assert back.delivered


def test_what_arrived_and_is_sent_back_is_paid_back_and_no_more_than_that() -> None:
    done, _ = heard(shipped(confirmed()), ParcelStatus.DELIVERED).completed(THEN, "workflow")
    back, (event,) = done.taken_back({"li_1": 1}, "too small", THEN, "wanda")
    assert (back.status, event.type, event.data["due"]) == (
        Status.COMPLETED,
        "OrderReturned",
        done.due - 1080,
    )
    assert [(line.delivered, line.returned) for line in back.lines] == [(1, 1), (1, 0)]
    assert back.delivered
    for pieces in ({"li_1": 2}, {"li_9": 1}):
        with pytest.raises((Invalid, NotFound)):
            back.taken_back(pieces, "again", THEN, "wanda")
    with pytest.raises(Conflict):
        heard(shipped(confirmed()), ParcelStatus.DELIVERED).taken_back(
            {"li_1": 1}, "early", THEN, "wanda"
        )
    nothing, _ = back.taken_back({"li_1": 1, "li_2": 1}, "all of it", THEN, "wanda")
    assert nothing.due == 0, "with the last piece the shipping goes back as well"


def test_what_has_not_left_cannot_come_back() -> None:
    with pytest.raises(Conflict):
        shipped(confirmed(), li_1=1).returned("lost", THEN, "carrier")


def test_where_parcels_end_is_where_the_way_ends() -> None:
    assert {ParcelStatus.DELIVERED, ParcelStatus.RETURNED, ParcelStatus.LOST} == ENDS


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
    order = replace(an_order(), lines=(line,), tax_included=included)
    steps = sorted({0, *(min(cut, quantity) for cut in cuts), quantity})
    parts = [
        order.worth(line, after) - order.worth(line, before) for before, after in pairwise(steps)
    ]
    assert sum(parts) == (total if included else total + tax)
    assert all(part >= 0 for part in parts)


def test_pieces_are_worth_what_the_quote_says_each_came_to() -> None:
    from shop.kernel.money import Money
    from shop.pricing.actions.quoting import quote
    from shop.pricing.model.basket import Basket, BasketLine, Destination
    from shop.pricing.model.rules import Rules

    basket = Basket(
        (BasketLine("li_1", "p", "v", "A", "t", Money(999, "USD"), 3),),
        "USD",
        destination=Destination("US", "CA"),
        shipping=Money(599, "USD"),
    )
    priced = quote(basket, rules=Rules(version="1"), at=THEN)
    line = priced.line("li_1")
    sold = OrderLine("li_1", "p", "v", "A", "t", 999, 3, 2997, 0, line.tax.amount.minor, 2997)
    order = replace(an_order(), lines=(sold,), quote=priced.to_dict(), total=priced.total.minor)
    assert order.worth(sold, 3) == line.payable.minor
    assert order.due == order.total
    assert order.worth_without({"li_1": 1}) == order.total - line.refund_next(0, 1).minor
    assert order.worth_without({"li_1": 3}) == 0
