"""What a provider reports, in any order and any number of times, comes to one payment."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.orders.model import Order, OrderStatus
from shop.payments.model import STATUS_RANK, Payment, PaymentStatus, ProviderPaymentState
from tests.kit.orders import make_order

THEN = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
TOTAL = make_order().total


def report(status: PaymentStatus, **amounts: int) -> ProviderPaymentState:
    asks = status is PaymentStatus.REQUIRES_ACTION
    return ProviderPaymentState(
        "pay_1",
        status,
        action_url="/challenge" if asks else None,
        reason="card_declined" if status is PaymentStatus.FAILED else None,
        **amounts,
    )


CREATED = report(PaymentStatus.CREATED)
ASKED = report(PaymentStatus.REQUIRES_ACTION)
PROCESSING = report(PaymentStatus.PROCESSING)
AUTHORISED = report(PaymentStatus.AUTHORISED, authorised=TOTAL)
CAPTURED = report(PaymentStatus.CAPTURED, authorised=TOTAL, captured=TOTAL)
AT_ONCE = report(PaymentStatus.CAPTURED, captured=TOTAL)
PART_BACK = replace(CAPTURED, refunded=500)
ALL_BACK = replace(CAPTURED, refunded=TOTAL)
FAILED = report(PaymentStatus.FAILED)
VOIDED = report(PaymentStatus.CANCELLED, authorised=TOTAL)
GIVEN_UP = report(PaymentStatus.CANCELLED)

HISTORIES: dict[str, tuple[ProviderPaymentState, ...]] = {
    "card": (CREATED, PROCESSING, AUTHORISED, CAPTURED),
    "challenge": (CREATED, ASKED, PROCESSING, AUTHORISED, CAPTURED),
    "wallet, taken at once": (CREATED, ASKED, PROCESSING, AT_ONCE),
    "declined": (CREATED, PROCESSING, FAILED),
    "challenge failed": (CREATED, ASKED, FAILED),
    "voided": (CREATED, PROCESSING, AUTHORISED, VOIDED),
    "cancelled before the money": (CREATED, ASKED, PROCESSING, GIVEN_UP),
    "refunded": (CREATED, AUTHORISED, CAPTURED, PART_BACK, ALL_BACK),
}
"""What a provider can truly say of one payment, from first to last."""


def after(reports: Sequence[ProviderPaymentState]) -> Payment:
    payment = Payment("memory")
    for minute, heard in enumerate(reports):
        payment = payment.with_provider_state(heard, THEN + timedelta(minutes=minute))
    return payment


def state(payment: Payment) -> tuple[object, ...]:
    kinds = ("authorised", "captured", "refunded")
    balances = tuple(payment.total_of(kind) for kind in kinds)
    return (payment.status, payment.reference, payment.action_url, payment.reason, *balances)


def ended(reports: Sequence[ProviderPaymentState]) -> Order:
    """An order that hears these reports, and is called off when its payment is lost."""
    order, _ = make_order().place()
    for minute, heard in enumerate(reports):
        at = THEN + timedelta(minutes=minute)
        order, _ = order.with_payment(heard, at, "memory")
        lost = order.payment.status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED)
        if lost and order.status in (OrderStatus.PLACED, OrderStatus.CONFIRMED):
            order, _ = order.cancel("payment", at, "memory")
    return order


@pytest.mark.slow
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_every_order_of_arrival_with_a_duplicate_gives_one_payment(
    history: tuple[ProviderPaymentState, ...],
) -> None:
    wanted = state(after(history))
    for again in history:
        for arrival in set(permutations([*history, again])):
            assert state(after(arrival)) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_every_order_of_arrival_gives_the_order_one_end(
    history: tuple[ProviderPaymentState, ...],
) -> None:
    wanted = ended(history)
    for arrival in permutations([*history, history[-1]]):
        order = ended(arrival)
        assert order.status is wanted.status
        assert state(order.payment) == state(wanted.payment)
        assert order.settled is wanted.settled


def scrambled(
    history: tuple[ProviderPaymentState, ...],
) -> st.SearchStrategy[list[ProviderPaymentState]]:
    """All of a history and up to twelve repetitions, in any order."""
    more = st.lists(st.sampled_from(history), max_size=12)
    return more.flatmap(lambda again: st.permutations([*history, *again]))


arrivals = st.sampled_from(list(HISTORIES)).flatmap(
    lambda name: st.tuples(st.just(name), scrambled(HISTORIES[name]))
)


@given(arrivals)
def test_scrambled_reports_give_one_end(drawn: tuple[str, list[ProviderPaymentState]]) -> None:
    name, arrival = drawn
    assert state(after(arrival)) == state(after(HISTORIES[name]))
    assert ended(arrival).status is ended(HISTORIES[name]).status


def pairs() -> Iterator[tuple[PaymentStatus, PaymentStatus]]:
    for low in PaymentStatus:
        for high in PaymentStatus:
            if STATUS_RANK[low] < STATUS_RANK[high]:
                yield low, high


@pytest.mark.parametrize(("low", "high"), list(pairs()))
def test_a_lower_rank_never_replaces_a_higher_one(low: PaymentStatus, high: PaymentStatus) -> None:
    assert after([report(high), report(low)]).status is high
    assert after([report(low), report(high)]).status is high


def test_every_status_has_a_rank_of_its_own() -> None:
    assert set(STATUS_RANK) == set(PaymentStatus)
    assert len(set(STATUS_RANK.values())) == len(STATUS_RANK)


def test_the_ledger_grows_by_what_is_new_and_keeps_when() -> None:
    payment = after([AUTHORISED, CAPTURED, PART_BACK, PART_BACK, ALL_BACK])
    assert [(e.kind, e.amount) for e in payment.entries] == [
        ("authorised", TOTAL),
        ("captured", TOTAL),
        ("refunded", 500),
        ("refunded", TOTAL - 500),
    ]
    assert [e.at for e in payment.entries] == sorted(e.at for e in payment.entries)
    assert payment.net_captured == 0


def test_where_to_prove_oneself_is_told_only_while_it_is_asked() -> None:
    assert after([ASKED]).action_url == "/challenge"
    assert after([ASKED, AUTHORISED]).action_url is None
    assert after([ASKED, FAILED]).action_url is None


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_a_payment_reads_as_it_was_written(history: tuple[ProviderPaymentState, ...]) -> None:
    for n in range(len(history) + 1):
        payment = after(history[:n])
        assert Payment.from_dict(payment.to_dict()) == payment


def test_a_ledger_of_two_references_reads_as_it_was_written() -> None:
    payment = after([AUTHORISED, replace(CAPTURED, reference="pay_2")])
    assert {entry.reference for entry in payment.entries} == {"pay_1", "pay_2"}
    assert Payment.from_dict(payment.to_dict()) == payment
