"""Contract of the payment provider port, run against memory, sandbox and Stripe."""

from contextlib import suppress

import pytest

from shop.kernel.errors import Conflict, InvalidRequest, NotFound
from shop.kernel.money import Money
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState
from tests.unit.payments.conftest import ProviderCase

AMOUNT = Money(3839, "USD")


def pay(
    case: ProviderCase, token: str = "tok_success", order_id: str = "ord_1"
) -> ProviderPaymentState:
    report: ProviderPaymentState = case.provider.authorize(
        order_id,
        AMOUNT,
        Credential(case.handler, "token", case.tokens.get(token, token)),
        key=order_id,
    )
    return report


def has_no_payment(case: ProviderCase, order_id: str) -> bool:
    """Return whether no money can move for an order."""
    report = case.provider.find_by_order(order_id, AMOUNT)
    return report is None or report.status is PaymentStatus.CREATED


def capture_payment(case: ProviderCase) -> ProviderPaymentState:
    report: ProviderPaymentState = case.provider.capture(pay(case).reference, AMOUNT, key="capture")
    return report


def amounts(state: ProviderPaymentState) -> tuple[int, int, int]:
    return (state.authorized, state.captured, state.refunded)


def test_a_valid_credential_authorizes_the_amount(case: ProviderCase) -> None:
    report = pay(case)
    assert (report.status, amounts(report)) == (PaymentStatus.AUTHORIZED, (3839, 0, 0))


def test_a_repeated_authorization_of_an_order_has_no_effect(case: ProviderCase) -> None:
    first = pay(case)
    assert pay(case) == first
    assert pay(case, "tok_declined") == first
    assert pay(case, order_id="ord_2").reference != first.reference


def test_a_decline_is_a_failed_state_with_a_reason(case: ProviderCase) -> None:
    report = pay(case, "tok_declined")
    assert (report.status, report.reason) == (PaymentStatus.FAILED, "card_declined")
    assert amounts(report) == (0, 0, 0)


def test_a_challenge_has_an_action_url(case: ProviderCase) -> None:
    report = pay(case, "tok_challenge")
    assert report.status is PaymentStatus.REQUIRES_ACTION
    assert report.action_url
    assert amounts(report) == (0, 0, 0)


@pytest.mark.parametrize("token", ["", "tok_other", "4242424242424242"])
def test_an_unknown_credential_is_rejected(case: ProviderCase, token: str) -> None:
    with pytest.raises(InvalidRequest):
        case.provider.validate_credential(Credential(case.handler, "token", token))
    with pytest.raises(InvalidRequest):
        pay(case, token)
    assert has_no_payment(case, "ord_1")


def test_an_authorized_amount_is_captured_once(case: ProviderCase) -> None:
    report = capture_payment(case)
    assert (report.status, amounts(report)) == (PaymentStatus.CAPTURED, (3839, 3839, 0))
    assert case.provider.capture(report.reference, AMOUNT, key="capture") == report


def test_a_capture_may_be_partial_and_is_limited_to_the_authorized_amount(
    case: ProviderCase,
) -> None:
    part = case.provider.capture(pay(case).reference, Money(1000, "USD"), key="c")
    assert part.captured == 1000
    more = pay(case, order_id="ord_2").reference
    assert case.provider.capture(more, Money(9999, "USD"), key="c").captured == 3839


@pytest.mark.parametrize("token", ["tok_declined", "tok_challenge", "tok_pending"])
def test_capture_without_authorization_is_a_conflict(case: ProviderCase, token: str) -> None:
    reference = pay(case, token).reference
    with pytest.raises(Conflict) as raised:
        case.provider.capture(reference, AMOUNT, key="capture")
    assert raised.value.code == "payment_state"


@pytest.mark.parametrize("token", ["tok_success", "tok_challenge", "tok_pending"])
def test_cancel_before_capture_releases_the_payment(case: ProviderCase, token: str) -> None:
    reference = pay(case, token).reference
    report = case.provider.cancel(reference, key="cancel")
    assert (report.status, report.captured) == (PaymentStatus.CANCELLED, 0)
    assert case.provider.cancel(reference, key="cancel") == report
    with pytest.raises(Conflict):
        case.provider.capture(reference, AMOUNT, key="capture")


def test_cancel_after_capture_refunds_once(case: ProviderCase) -> None:
    reference = capture_payment(case).reference
    report = case.provider.cancel(reference, key="cancel")
    assert amounts(report) == (3839, 3839, 3839)
    assert case.provider.cancel(reference, key="cancel") == report


def test_a_payment_that_failed_stays_failed(case: ProviderCase) -> None:
    report = pay(case, "tok_declined")
    assert case.provider.cancel(report.reference, key="cancel") == report


def test_a_partial_refund_happens_once_per_key(case: ProviderCase) -> None:
    reference = capture_payment(case).reference
    states = [case.provider.refund(reference, Money(1000, "USD"), key=k) for k in "aab"]
    assert [report.refunded for report in states] == [1000, 1000, 2000]


def test_a_key_refunds_once_whatever_its_amount(case: ProviderCase) -> None:
    reference = capture_payment(case).reference
    case.provider.refund(reference, Money(1000, "USD"), key="a")
    # Some providers reject the second call, others repeat the first result.
    with suppress(Conflict):
        assert case.provider.refund(reference, Money(1300, "USD"), key="a").refunded == 1000
    assert case.provider.get_payment(reference)[1].refunded == 1000


def test_refunds_never_exceed_the_captured_amount(case: ProviderCase) -> None:
    reference = capture_payment(case).reference
    case.provider.refund(reference, Money(3000, "USD"), key="a")
    with pytest.raises(Conflict) as raised:
        case.provider.refund(reference, Money(840, "USD"), key="b")
    assert raised.value.code == "refund_exceeds_payment"
    assert case.provider.cancel(reference, key="cancel").refunded == 3839
    with pytest.raises(Conflict):
        case.provider.refund(reference, Money(1, "USD"), key="c")


def test_refund_before_capture_is_a_conflict(case: ProviderCase) -> None:
    with pytest.raises(Conflict):
        case.provider.refund(pay(case).reference, Money(1, "USD"), key="a")


def test_a_payment_is_found_by_order_and_by_reference(case: ProviderCase) -> None:
    report = pay(case)
    assert case.provider.find_by_order("ord_1", AMOUNT) == report
    assert case.provider.get_payment(report.reference) == ("ord_1", report)


def test_an_unknown_payment_is_not_found(case: ProviderCase) -> None:
    assert has_no_payment(case, "ord_9")
    for reference in ("pay_ord_9", ""):
        with pytest.raises(NotFound):
            case.provider.get_payment(reference or "pay_")
    for call in (
        case.provider.cancel,
        lambda r, key: case.provider.capture(r, AMOUNT, key=key),
    ):
        with pytest.raises(NotFound):
            call("pay_ord_9", key="k")


@pytest.mark.parametrize(("approved", "status"), [(True, "authorized"), (False, "failed")])
def test_a_pending_payment_settles_once(case: ProviderCase, approved: bool, status: str) -> None:
    token = "tok_pending" if approved else "tok_pending_declined"
    if case.handler == "sandbox":
        reference = pay(case, token).reference
        assert case.scheduled == [reference]
        first = case.provider.settle(reference)
        assert case.provider.settle(reference) == first
    else:
        reference = pay(case, "tok_pending").reference
        ends = case.stripe or case.provider
        for _ in range(2):
            ends.settle(reference, approved)
        _, first = case.provider.get_payment(reference)
    assert first.status == status
