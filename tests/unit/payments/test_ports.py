"""What every payment provider must do, in memory, in the sandbox, at Stripe: the port's suite."""

import pytest

from shop.kernel.errors import Conflict, InvalidRequest, NotFound
from shop.kernel.money import Money
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState
from tests.unit.payments.conftest import Counter

AMOUNT = Money(3839, "USD")


def pay(
    counter: Counter, token: str = "tok_success", order_id: str = "ord_1"
) -> ProviderPaymentState:
    report: ProviderPaymentState = counter.provider.authorise(
        order_id,
        AMOUNT,
        Credential(counter.handler, "token", counter.tokens.get(token, token)),
        key=order_id,
    )
    return report


def unheard(counter: Counter, order_id: str) -> bool:
    """Whether no money can come for an order."""
    report = counter.provider.find_by_order(order_id, AMOUNT)
    return report is None or report.status is PaymentStatus.CREATED


def taken(counter: Counter) -> ProviderPaymentState:
    report: ProviderPaymentState = counter.provider.capture(
        pay(counter).reference, AMOUNT, key="capture"
    )
    return report


def amounts(state: ProviderPaymentState) -> tuple[int, int, int]:
    return (state.authorised, state.captured, state.refunded)


def test_good_credentials_set_the_amount_aside(counter: Counter) -> None:
    report = pay(counter)
    assert (report.status, amounts(report)) == (PaymentStatus.AUTHORISED, (3839, 0, 0))


def test_asked_again_for_the_same_order_nothing_new_is_done(counter: Counter) -> None:
    first = pay(counter)
    assert pay(counter) == first
    assert pay(counter, "tok_declined") == first
    assert pay(counter, order_id="ord_2").reference != first.reference


def test_a_decline_is_an_answer_with_a_reason(counter: Counter) -> None:
    report = pay(counter, "tok_declined")
    assert (report.status, report.reason) == (PaymentStatus.FAILED, "card_declined")
    assert amounts(report) == (0, 0, 0)


def test_a_challenge_says_where_it_is_answered(counter: Counter) -> None:
    report = pay(counter, "tok_challenge")
    assert report.status is PaymentStatus.REQUIRES_ACTION
    assert report.action_url
    assert amounts(report) == (0, 0, 0)


@pytest.mark.parametrize("token", ["", "tok_other", "4242424242424242"])
def test_a_credential_that_is_nobodys_is_refused(counter: Counter, token: str) -> None:
    with pytest.raises(InvalidRequest):
        counter.provider.validate_credential(Credential(counter.handler, "token", token))
    with pytest.raises(InvalidRequest):
        pay(counter, token)
    assert unheard(counter, "ord_1")


def test_what_was_set_aside_is_taken_once(counter: Counter) -> None:
    report = taken(counter)
    assert (report.status, amounts(report)) == (PaymentStatus.CAPTURED, (3839, 3839, 0))
    assert counter.provider.capture(report.reference, AMOUNT, key="capture") == report


def test_a_part_may_be_taken_and_never_more_than_was_set_aside(counter: Counter) -> None:
    part = counter.provider.capture(pay(counter).reference, Money(1000, "USD"), key="c")
    assert part.captured == 1000
    more = pay(counter, order_id="ord_2").reference
    assert counter.provider.capture(more, Money(9999, "USD"), key="c").captured == 3839


@pytest.mark.parametrize("token", ["tok_declined", "tok_challenge", "tok_pending"])
def test_what_was_not_set_aside_is_not_taken(counter: Counter, token: str) -> None:
    reference = pay(counter, token).reference
    with pytest.raises(Conflict):
        counter.provider.capture(reference, AMOUNT, key="capture")


@pytest.mark.parametrize("token", ["tok_success", "tok_challenge", "tok_pending"])
def test_what_was_not_taken_is_released(counter: Counter, token: str) -> None:
    reference = pay(counter, token).reference
    report = counter.provider.cancel(reference, key="cancel")
    assert (report.status, report.captured) == (PaymentStatus.CANCELLED, 0)
    assert counter.provider.cancel(reference, key="cancel") == report
    with pytest.raises(Conflict):
        counter.provider.capture(reference, AMOUNT, key="capture")


def test_what_was_taken_is_given_back_once(counter: Counter) -> None:
    reference = taken(counter).reference
    report = counter.provider.cancel(reference, key="cancel")
    assert amounts(report) == (3839, 3839, 3839)
    assert counter.provider.cancel(reference, key="cancel") == report


def test_a_payment_that_failed_stays_failed(counter: Counter) -> None:
    report = pay(counter, "tok_declined")
    assert counter.provider.cancel(report.reference, key="cancel") == report


def test_a_part_is_given_back_once_for_a_key(counter: Counter) -> None:
    reference = taken(counter).reference
    back = [counter.provider.refund(reference, Money(1000, "USD"), key=k) for k in "aab"]
    assert [report.refunded for report in back] == [1000, 1000, 2000]


def test_never_more_is_given_back_than_was_taken(counter: Counter) -> None:
    reference = taken(counter).reference
    counter.provider.refund(reference, Money(3000, "USD"), key="a")
    with pytest.raises(Conflict):
        counter.provider.refund(reference, Money(840, "USD"), key="b")
    assert counter.provider.cancel(reference, key="cancel").refunded == 3839
    with pytest.raises(Conflict):
        counter.provider.refund(reference, Money(1, "USD"), key="c")


def test_nothing_is_given_back_of_what_was_only_set_aside(counter: Counter) -> None:
    with pytest.raises(Conflict):
        counter.provider.refund(pay(counter).reference, Money(1, "USD"), key="a")


def test_a_payment_is_found_by_order_and_by_reference(counter: Counter) -> None:
    report = pay(counter)
    assert counter.provider.find_by_order("ord_1", AMOUNT) == report
    assert counter.provider.get_payment(report.reference) == ("ord_1", report)


def test_a_payment_nobody_made_is_not_found(counter: Counter) -> None:
    assert unheard(counter, "ord_9")
    for reference in ("pay_ord_9", ""):
        with pytest.raises(NotFound):
            counter.provider.get_payment(reference or "pay_")
    for call in (
        counter.provider.cancel,
        lambda r, key: counter.provider.capture(r, AMOUNT, key=key),
    ):
        with pytest.raises(NotFound):
            call("pay_ord_9", key="k")


@pytest.mark.parametrize(("approved", "status"), [(True, "authorised"), (False, "failed")])
def test_a_pending_payment_comes_to_an_end_once(
    counter: Counter, approved: bool, status: str
) -> None:
    token = "tok_pending" if approved else "tok_pending_declined"
    if counter.handler == "sandbox":
        reference = pay(counter, token).reference
        assert counter.told == [reference]
        first = counter.provider.settle(reference)
        assert counter.provider.settle(reference) == first
    else:
        reference = pay(counter, "tok_pending").reference
        ends = counter.stripe or counter.provider
        for _ in range(2):
            ends.settle(reference, approved)
        _, first = counter.provider.get_payment(reference)
    assert first.status == status
