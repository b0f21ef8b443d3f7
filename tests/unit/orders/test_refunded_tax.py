"""The tax of refunds, returns and cancellations in any mixture: never more than was charged."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.money import Rounding
from shop.orders.model import Order, OrderStatus, Shipment, TaxShare
from shop.orders.model.tax_shares import split_by_tax
from shop.orders.schemas.staff import StaffOrder
from tests.kit.orders import BLACK_FRIDAY, captured, sent_back
from tests.unit.orders.test_documents import round_trip
from tests.unit.orders.test_price_calculation import stored_order

GOODS_19, GOODS_7 = "li_1", "li_2"
CHARGED = {"MwSt 19 %": (2_248, 359), "MwSt 7 %": (2_247, 147)}
"""Value with tax, and tax, of two mugs at 19 %, two books at 7 %, and shipping of 4.95."""


def delivered_order(country: str = "DE", *, shipped: int = 2) -> Order:
    """Return a paid order of which some pieces of each line have arrived."""
    order = stored_order(country)
    order, _ = order.with_payment(captured(order), BLACK_FRIDAY, "memory")
    lines = tuple(replace(line, shipped=shipped, delivered=shipped) for line in order.lines)
    return replace(order, status=OrderStatus.CONFIRMED, lines=lines)


def refunded(order: Order, amount: int) -> Order:
    return order.with_refund(amount, "late", BLACK_FRIDAY, "wanda")[0]


def returned(order: Order, **pieces: int) -> Order:
    return order.with_return(sent_back("too small", **pieces), "wanda")[0]


def paid_back_outside(order: Order, amount: int) -> Order:
    """Record a refund that staff made at the provider."""
    report = captured(order, refunded=order.payment.total_of("refunded") + amount)
    return order.with_payment(report, BLACK_FRIDAY, "memory")[0]


def settle(order: Order) -> Order:
    """Pay what is to be refunded, as the event's handler does."""
    excess = order.payment.net_captured - order.due
    return paid_back_outside(order, excess) if excess > 0 else order


def refunded_by_rate(order: Order) -> dict[str, tuple[int, int]]:
    amounts: Counter[str] = Counter()
    taxes: Counter[str] = Counter()
    for share in order.refunded_taxes:
        amounts[share.name] += share.amount
        taxes[share.name] += share.tax
    return {name: (amounts[name], taxes[name]) for name in amounts}


def check_taxes(order: Order) -> None:
    """Assert that no rate refunds more than was charged, and that all shares sum up."""
    for name, (amount, tax) in refunded_by_rate(order).items():
        assert 0 <= amount <= CHARGED[name][0]
        assert 0 <= tax <= CHARGED[name][1]
    shares = order.refunded_taxes
    assert all(0 <= share.tax <= share.amount for share in shares)
    assert sum(share.amount for share in shares) == order.total - order.current_value


# Examples


def test_return_of_one_rate_after_goodwill_takes_the_tax_that_is_left_of_it() -> None:
    order = refunded(delivered_order(), 1_000)
    assert order.refunds[0].taxes == (TaxShare("MwSt 19 %", 500, 80), TaxShare("MwSt 7 %", 500, 33))
    # The books cost 20.00, and 17.47 are left at 7 %. The rest was granted at 7 % before.
    order = returned(order, li_2=2)
    assert order.returns[0].taxes == (
        TaxShare("MwSt 19 %", 253, 40),
        TaxShare("MwSt 7 %", 1_747, 114),
    )
    order = refunded(order, order.refundable)
    assert refunded_by_rate(order) == CHARGED


def test_returned_goods_have_the_tax_that_they_were_sold_with() -> None:
    order = returned(delivered_order(), li_1=1)
    order = returned(order, li_1=1)
    shares = [share for each in order.returns for share in each.taxes]
    assert [share.name for share in shares] == ["MwSt 19 %"] * 2
    assert [share.amount for share in shares] == [1_000, 1_000]
    assert sum(share.tax for share in shares) == order.lines[0].tax == 319


def test_cancelled_pieces_have_their_tax() -> None:
    order, _ = delivered_order(shipped=1).with_unshipped_cancelled(BLACK_FRIDAY, "wanda")
    assert [(share.name, share.amount) for share in order.cancelled_taxes] == [
        ("MwSt 19 %", 1_000),
        ("MwSt 7 %", 1_000),
    ]
    assert round_trip(order) == order
    check_taxes(order)


def test_lost_pieces_have_the_tax_of_their_parcels() -> None:
    # A book is in each of two lost parcels, a mug in the first, and the other mug has arrived.
    order = refunded(delivered_order(), 700)
    lines = (replace(order.lines[0], delivered=1), replace(order.lines[1], delivered=0))
    shipments = tuple(
        Shipment(f"par_{n}", "ups", f"1Z{n}", pieces, BLACK_FRIDAY)
        for n, pieces in enumerate([{GOODS_19: 1, GOODS_7: 1}, {GOODS_7: 1}])
    )
    order = replace(order, lines=lines, shipments=shipments)
    order, _ = order.mark_returned("lost", BLACK_FRIDAY, "workflow")
    assert [sum(share.amount for share in each.taxes) for each in order.returns] == [3_000]
    assert order.active_goods_value == 1_000
    check_taxes(order)


@pytest.mark.parametrize("goodwill_first", [True, False])
def test_money_refunded_outside_counts_for_a_return_in_either_order(goodwill_first: bool) -> None:
    # Given 3.00 that staff refunded at the provider
    order = paid_back_outside(delivered_order(), 300)
    # When a refund by amount of 2.00 and a return of 10.00 follow
    if goodwill_first:
        order = returned(settle(refunded(order, 200)), li_1=1)
    else:
        order = refunded(settle(returned(order, li_1=1)), 200)
    # Then the return counts the 3.00, and the refund by amount is paid on top
    order = settle(order)
    assert order.payment.total_of("refunded") == 1_200
    assert order.due == order.total - 1_200
    check_taxes(order)


def test_money_refunded_outside_counts_once() -> None:
    order = settle(refunded(paid_back_outside(delivered_order(), 1_300), 200))
    order = settle(returned(order, li_1=1))
    assert order.payment.total_of("refunded") == 1_500
    order = settle(returned(order, li_1=1))
    assert order.payment.total_of("refunded") == 1_200 + 1_000
    assert order.outside_uncounted == 0
    check_taxes(order)
    assert round_trip(order) == order


def test_money_refunded_outside_counts_for_a_cancellation() -> None:
    order = settle(refunded(paid_back_outside(delivered_order(shipped=1), 300), 200))
    order = settle(order.with_unshipped_cancelled(BLACK_FRIDAY, "wanda")[0])
    assert order.payment.total_of("refunded") == 2_200
    check_taxes(order)
    assert round_trip(order) == order


def test_staff_read_the_taxes_of_returns_and_cancellations() -> None:
    order, _ = delivered_order(shipped=1).with_unshipped_cancelled(BLACK_FRIDAY, "wanda")
    order = returned(refunded(paid_back_outside(settle(order), 300), 200), li_1=1)
    view = StaffOrder.of(order)
    assert sum(share.amount for share in view.cancelled_taxes) == 2_000
    (refund,) = view.refunds
    assert (refund.amount, refund.outside) == (200, 300)
    assert sum(share.amount for share in refund.outside_taxes) == 300
    (sent,) = view.returns
    assert (sum(share.amount for share in sent.taxes), sent.outside) == (700, 300)


# Properties

steps = st.lists(
    st.tuples(
        st.sampled_from(["goodwill", "return", "return", "outside", "settle", "cancel"]),
        st.integers(1, 2_000),
        st.sampled_from([GOODS_19, GOODS_7]),
    ),
    max_size=10,
)


def apply(order: Order, step: tuple[str, int, str]) -> Order:
    name, amount, line = step
    if name == "goodwill":
        return refunded(order, amount)
    if name == "return":
        return returned(order, **{line: 1})
    if name == "outside":
        return paid_back_outside(order, min(amount, order.payment.net_captured))
    if name == "cancel":
        return order.with_unshipped_cancelled(BLACK_FRIDAY, "wanda")[0]
    return settle(order)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(steps=steps, shipped=st.integers(1, 2), goodwill_last=st.booleans())
def test_no_mixture_refunds_more_tax_of_a_rate_than_was_charged(
    steps: list[tuple[str, int, str]], shipped: int, goodwill_last: bool
) -> None:
    order = delivered_order(shipped=shipped)
    at = BLACK_FRIDAY
    for step in steps:
        at += timedelta(seconds=1)
        before = order
        try:
            order = apply(order, step)
        except (Conflict, InvalidRequest):
            continue
        assert order.due <= before.due
        assert order.refundable >= 0
        check_taxes(order)
    # A refund of all that is left contains all the tax that is left.
    if goodwill_last and order.refundable:
        order = refunded(order, order.refundable)
    if not order.shipped:
        order, _ = order.with_unshipped_cancelled(at, "wanda")
    order = returned(order, **{line.id: line.delivered for line in order.lines if line.delivered})
    assert order.current_value == 0
    check_taxes(order)
    assert refunded_by_rate(order) == CHARGED
    assert sum(share.tax for share in order.refunded_taxes) == order.tax
    assert round_trip(order) == order


parts = st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda n: (max(n), min(n)))


@settings(max_examples=300)
@given(
    left=st.lists(parts, min_size=1, max_size=3),
    came_back=st.lists(parts, max_size=3),
    share=st.integers(0, 1_000),
    rounding=st.sampled_from(Rounding),
)
def test_parts_sum_to_the_amount_and_stay_within_what_is_left(
    left: list[tuple[int, int]],
    came_back: list[tuple[int, int]],
    share: int,
    rounding: Rounding,
) -> None:
    names = "abc"
    by_rate = dict(zip(names, left, strict=False))
    amount = sum(value for value, _ in left) * share // 1_000
    goods = dict(zip(names, came_back, strict=False))
    shares = split_by_tax(amount, by_rate, goods, rounding)
    assert sum(each.amount for each in shares) == amount
    for each in shares:
        value, tax = by_rate[each.name]
        assert 0 <= each.tax <= each.amount <= value
        assert each.tax <= tax
        assert tax - each.tax <= value - each.amount
