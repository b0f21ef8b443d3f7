"""Refunds by amount: never more than is left, over all instruments, with the tax of each rate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.errors import Conflict, VersionConflict
from shop.orders.model import Order, OrderCredit, OrderStatus, TaxShare
from shop.orders.model.notices import notice_of
from shop.orders.schemas.emails import order_notice_email
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.ucp import order_view
from tests.kit.orders import BLACK_FRIDAY, authorized, captured, make_order, sent_back
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.orders.test_documents import round_trip
from tests.unit.orders.test_price_calculation import stored_order


def paid(order: Order) -> Order:
    """Return the order, paid and captured."""
    return order.with_payment(captured(order), BLACK_FRIDAY, "memory")[0]


def refunded(order: Order, amount: int) -> Order:
    return order.with_refund(amount, "late", BLACK_FRIDAY, "wanda")[0]


def test_refund_is_stored_and_published(order_fixture: OrderFixture) -> None:
    order = order_fixture.place_allocated()
    after = order_fixture.refund(order, 500, "late")
    assert (after.status, after.due, after.refundable) == (
        OrderStatus.CONFIRMED,
        order.total - 500,
        order.total - 500,
    )
    assert order_fixture.orders.get_by_id(order.id) == after
    assert (after.history[-1].event, after.history[-1].reason) == (
        "refund granted",
        "5.00 USD: late",
    )


def test_refund_is_at_most_what_is_left() -> None:
    order = refunded(paid(make_order()), 1_000)
    with pytest.raises(Conflict) as failure:
        refunded(order, order.total - 999)
    assert failure.value.code == "refund_too_high"
    assert "28.39 USD" in failure.value.detail
    assert refunded(order, order.total - 1_000).due == 0


def test_unpaid_and_cancelled_orders_have_nothing_to_refund() -> None:
    cancelled, _ = paid(make_order()).cancel("ordered twice", BLACK_FRIDAY, "wanda")
    for order in (make_order(), cancelled):
        assert order.refundable == 0
        with pytest.raises(Conflict) as failure:
            refunded(order, 1)
        assert failure.value.code == "order_state"


def test_of_two_refunds_at_once_the_second_sees_the_first(order_fixture: OrderFixture) -> None:
    order = order_fixture.place_allocated()
    before = order_fixture.orders.get_by_id(order.id)
    first, second = (
        before.with_refund(2_000, f"late {n}", BLACK_FRIDAY, "wanda") for n in range(2)
    )
    order_fixture.orders.save(before, *first)
    with pytest.raises(VersionConflict):
        order_fixture.orders.save(before, *second)
    with pytest.raises(Conflict):
        order_fixture.refund(order, 2_000)
    assert order_fixture.orders.get_by_id(order.id).due == order.total - 2_000


def test_money_is_refunded_before_credits_and_the_last_credit_first() -> None:
    used = (OrderCredit("points/ann", 500, "i1"), OrderCredit("card/USD/1", 1_000, "i2"))
    order = make_order(credits=used)
    money = order.total - 1_500
    state = replace(captured(order), authorized=money, captured=money)
    order, _ = order.with_payment(state, BLACK_FRIDAY, "memory")
    assert order.refundable == order.total
    part = refunded(order, money)
    assert (part.due, part.excess_credits) == (0, ())
    more = refunded(part, 1_200)
    assert more.excess_credits == (("points/ann", 200), ("card/USD/1", 1_000))
    assert refunded(more, 300).excess_credits == (("points/ann", 500), ("card/USD/1", 1_000))
    with pytest.raises(Conflict):
        refunded(more, 301)


def test_refund_outside_the_shop_reduces_what_is_left() -> None:
    order = paid(make_order())
    order, _ = order.with_payment(captured(order, refunded=3_000), BLACK_FRIDAY, "memory")
    assert order.refundable == order.total - 3_000
    after = refunded(order, 300)
    assert after.payment.net_captured - after.due == 300, "the refund is paid on top"
    view = order_view(after, "")
    assert sum(each["totals"][0]["amount"] for each in view["adjustments"]) == -3_300


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3_000)), max_size=8))
def test_refunds_and_returns_in_any_order_never_exceed_the_price(
    steps: list[tuple[bool, int]],
) -> None:
    order = paid(make_order(pieces=(2, 2)))
    order = replace(
        order,
        status=OrderStatus.COMPLETED,
        lines=tuple(replace(line, shipped=2, delivered=2) for line in order.lines),
    )
    for is_return, amount in steps:
        before = order
        line = order.lines[amount % 2]
        if is_return and line.delivered:
            order, _ = order.with_return(sent_back("too small", **{line.id: 1}), "wanda")
        elif not is_return and amount <= order.refundable:
            order = refunded(order, amount)
            assert before.due - order.due == amount
        assert 0 <= order.due <= before.due
        adjusted = sum(each["totals"][0]["amount"] for each in order_view(order, "")["adjustments"])
        assert order.total + adjusted == order.due
    assert round_trip(order) == order


# Tax


def test_tax_of_a_refund_follows_the_rates_of_the_goods() -> None:
    # 20.00 at 19 %, 20.00 at 7 %, and shipping of 4.95 half at each
    order = paid(stored_order("DE"))
    (refund,) = refunded(order, 1_000).refunds
    assert refund.taxes == (TaxShare("MwSt 19 %", 500, 80), TaxShare("MwSt 7 %", 500, 33))


@given(st.lists(st.integers(1, 2_000), max_size=6))
def test_tax_of_all_refunds_is_the_tax_of_the_order(amounts: list[int]) -> None:
    order = paid(stored_order("DE"))
    for amount in amounts:
        if amount < order.refundable:
            order = refunded(order, amount)
    order = refunded(order, order.refundable)
    shares = [share for refund in order.refunds for share in refund.taxes]
    assert sum(share.amount for share in shares) == order.total
    assert sum(share.tax for share in shares) == order.tax
    assert all(0 <= share.tax <= share.amount for share in shares)
    for refund in order.refunds:
        assert sum(share.amount for share in refund.taxes) == refund.amount


def test_refund_after_a_return_has_only_the_rates_that_the_buyer_keeps() -> None:
    order = paid(stored_order("DE"))
    lines = tuple(replace(line, shipped=2, delivered=2) for line in order.lines)
    order = replace(order, status=OrderStatus.COMPLETED, lines=lines)
    order, _ = order.with_return(sent_back(li_2=2), "wanda")
    # The goods at 7 % are back; their part of the shipping, 2.47 of 4.95, is not.
    (refund,) = refunded(order, 300).refunds
    assert refund.taxes == (TaxShare("MwSt 19 %", 270, 43), TaxShare("MwSt 7 %", 30, 2))


def test_reverse_charge_has_no_tax_to_refund() -> None:
    assert refunded(paid(stored_order("FR", "FR40303265045")), 300).refunds[0].taxes == ()


# What staff and buyers read


def test_buyer_and_staff_read_amount_tax_and_reason() -> None:
    order, (event,) = paid(stored_order("DE")).with_refund(1_000, "late", BLACK_FRIDAY, "wanda")
    view = order_view(order, "https://shop.example")
    (adjustment,) = view["adjustments"]
    assert (adjustment["id"], adjustment["type"], adjustment["description"]) == (
        "adj_refund_1",
        "refund",
        "late",
    )
    assert adjustment["totals"] == [
        {
            "type": "total",
            "amount": -1_000,
            "display_text": "Refund (includes MwSt 19 % 0.80 EUR, MwSt 7 % 0.33 EUR)",
        }
    ]
    notice = notice_of(order, event.type, event.data)
    assert notice is not None
    email = order_notice_email(order, notice, "https://shop.example")
    for text in ("Amount: 10.00 EUR", "incl. MwSt 19 % 0.80 EUR", "Reason: late"):
        assert text in email.text
    staff = StaffOrder.of(order)
    assert staff.refundable == order.total - 1_000
    assert [share.tax for share in staff.refunds[0].taxes] == [80, 33]


def test_authorized_payment_is_captured_for_less() -> None:
    order = make_order()
    order, _ = order.with_payment(authorized(order), BLACK_FRIDAY, "memory")
    assert refunded(order, order.total).due == 0
