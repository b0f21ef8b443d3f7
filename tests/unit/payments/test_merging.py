"""Merging of provider states: any order and any repetition give the same payment."""

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


def make_state(status: PaymentStatus, **amounts: int) -> ProviderPaymentState:
    challenged = status is PaymentStatus.REQUIRES_ACTION
    return ProviderPaymentState(
        "pay_1",
        status,
        action_url="/challenge" if challenged else None,
        reason="card_declined" if status is PaymentStatus.FAILED else None,
        **amounts,
    )


CREATED = make_state(PaymentStatus.CREATED)
CHALLENGED = make_state(PaymentStatus.REQUIRES_ACTION)
PROCESSING = make_state(PaymentStatus.PROCESSING)
AUTHORIZED = make_state(PaymentStatus.AUTHORIZED, authorized=TOTAL)
CAPTURED = make_state(PaymentStatus.CAPTURED, authorized=TOTAL, captured=TOTAL)
CAPTURED_IMMEDIATELY = make_state(PaymentStatus.CAPTURED, captured=TOTAL)
PARTLY_REFUNDED = replace(CAPTURED, refunded=500)
FULLY_REFUNDED = replace(CAPTURED, refunded=TOTAL)
FAILED = make_state(PaymentStatus.FAILED)
VOIDED = make_state(PaymentStatus.CANCELLED, authorized=TOTAL)
CANCELLED_UNPAID = make_state(PaymentStatus.CANCELLED)

HISTORIES: dict[str, tuple[ProviderPaymentState, ...]] = {
    "card": (CREATED, PROCESSING, AUTHORIZED, CAPTURED),
    "challenge": (CREATED, CHALLENGED, PROCESSING, AUTHORIZED, CAPTURED),
    "wallet with immediate capture": (CREATED, CHALLENGED, PROCESSING, CAPTURED_IMMEDIATELY),
    "declined": (CREATED, PROCESSING, FAILED),
    "challenge failed": (CREATED, CHALLENGED, FAILED),
    "voided": (CREATED, PROCESSING, AUTHORIZED, VOIDED),
    "cancelled before authorization": (CREATED, CHALLENGED, PROCESSING, CANCELLED_UNPAID),
    "refunded": (CREATED, AUTHORIZED, CAPTURED, PARTLY_REFUNDED, FULLY_REFUNDED),
}
"""Possible states of one payment at a provider, from first to last."""


def merge(states: Sequence[ProviderPaymentState]) -> Payment:
    payment = Payment("memory")
    for minute, reported in enumerate(states):
        payment = payment.with_provider_state(reported, THEN + timedelta(minutes=minute))
    return payment


def state(payment: Payment) -> tuple[object, ...]:
    kinds = ("authorized", "captured", "refunded")
    balances = tuple(payment.total_of(kind) for kind in kinds)
    return (payment.status, payment.reference, payment.action_url, payment.reason, *balances)


def apply_to_order(states: Sequence[ProviderPaymentState]) -> Order:
    """Apply states to an order, which is cancelled when its payment fails."""
    order, _ = make_order().place()
    for minute, reported in enumerate(states):
        at = THEN + timedelta(minutes=minute)
        order, _ = order.with_payment(reported, at, "memory")
        lost = order.payment.status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED)
        if lost and order.status in (OrderStatus.PLACED, OrderStatus.CONFIRMED):
            order, _ = order.cancel("payment", at, "memory")
    return order


@pytest.mark.slow
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_any_arrival_order_with_a_duplicate_gives_the_same_payment(
    history: tuple[ProviderPaymentState, ...],
) -> None:
    expected = state(merge(history))
    for again in history:
        for arrival in set(permutations([*history, again])):
            assert state(merge(arrival)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_any_arrival_order_gives_the_same_final_order(
    history: tuple[ProviderPaymentState, ...],
) -> None:
    expected = apply_to_order(history)
    for arrival in permutations([*history, history[-1]]):
        order = apply_to_order(arrival)
        assert order.status is expected.status
        assert state(order.payment) == state(expected.payment)
        assert order.settled is expected.settled


def shuffled(
    history: tuple[ProviderPaymentState, ...],
) -> st.SearchStrategy[list[ProviderPaymentState]]:
    """A history with up to twelve repetitions, in any order."""
    more = st.lists(st.sampled_from(history), max_size=12)
    return more.flatmap(lambda again: st.permutations([*history, *again]))


arrivals = st.sampled_from(list(HISTORIES)).flatmap(
    lambda name: st.tuples(st.just(name), shuffled(HISTORIES[name]))
)


@given(arrivals)
def test_shuffled_and_repeated_states_give_the_same_result(
    drawn: tuple[str, list[ProviderPaymentState]],
) -> None:
    name, arrival = drawn
    assert state(merge(arrival)) == state(merge(HISTORIES[name]))
    assert apply_to_order(arrival).status is apply_to_order(HISTORIES[name]).status


def pairs() -> Iterator[tuple[PaymentStatus, PaymentStatus]]:
    for low in PaymentStatus:
        for high in PaymentStatus:
            if STATUS_RANK[low] < STATUS_RANK[high]:
                yield low, high


@pytest.mark.parametrize(("low", "high"), list(pairs()))
def test_a_lower_rank_never_replaces_a_higher_one(low: PaymentStatus, high: PaymentStatus) -> None:
    assert merge([make_state(high), make_state(low)]).status is high
    assert merge([make_state(low), make_state(high)]).status is high


def test_every_status_has_a_unique_rank() -> None:
    assert set(STATUS_RANK) == set(PaymentStatus)
    assert len(set(STATUS_RANK.values())) == len(STATUS_RANK)


def test_entries_record_each_difference_with_its_time() -> None:
    payment = merge([AUTHORIZED, CAPTURED, PARTLY_REFUNDED, PARTLY_REFUNDED, FULLY_REFUNDED])
    assert [(e.kind, e.amount) for e in payment.entries] == [
        ("authorized", TOTAL),
        ("captured", TOTAL),
        ("refunded", 500),
        ("refunded", TOTAL - 500),
    ]
    assert [e.at for e in payment.entries] == sorted(e.at for e in payment.entries)
    assert payment.net_captured == 0


def test_the_action_url_exists_only_while_action_is_required() -> None:
    assert merge([CHALLENGED]).action_url == "/challenge"
    assert merge([CHALLENGED, AUTHORIZED]).action_url is None
    assert merge([CHALLENGED, FAILED]).action_url is None


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_a_payment_survives_serialization(history: tuple[ProviderPaymentState, ...]) -> None:
    for n in range(len(history) + 1):
        payment = merge(history[:n])
        assert Payment.from_dict(payment.to_dict()) == payment


def test_entries_with_two_references_survive_serialization() -> None:
    payment = merge([AUTHORIZED, replace(CAPTURED, reference="pay_2")])
    assert {entry.reference for entry in payment.entries} == {"pay_1", "pay_2"}
    assert Payment.from_dict(payment.to_dict()) == payment
