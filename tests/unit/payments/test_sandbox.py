"""The sandbox is a provider in all but the money, and it is never in production."""

import pytest
from moto import mock_aws

from shop.kernel.errors import Conflict, Unavailable
from shop.kernel.money import Money
from shop.payments.gateway import sandbox
from shop.payments.gateway.factory import (
    create_payment_provider,
    create_sandbox_provider,
)
from shop.payments.gateway.sandbox import SandboxProvider
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState
from shop.payments.schemas import SANDBOX_TOKENS, challenge_page, payment_handlers
from tests.unit.payments.conftest import Counter

pytestmark = pytest.mark.slow

AMOUNT = Money(3839, "USD")


def pay(counter: Counter, token: str) -> ProviderPaymentState:
    report: ProviderPaymentState = counter.provider.authorise(
        "ord_1", AMOUNT, Credential("sandbox", "token", token), key="ord_1"
    )
    return report


sandboxed = pytest.mark.parametrize("counter", ["sandbox"], indirect=True)


def test_every_token_that_is_advertised_is_known_and_no_other() -> None:
    assert {*sandbox.TOKENS, sandbox.PROVIDER_DOWN_TOKEN} == set(SANDBOX_TOKENS)
    (offered,) = payment_handlers("sandbox", "http://shop.test")["dev.doorbuster.sandbox"]
    assert offered["config"]["test_tokens"] == list(SANDBOX_TOKENS)
    assert "no money" in offered["config"]["environment"]


@sandboxed
def test_a_provider_that_is_down_says_so_and_remembers_nothing(counter: Counter) -> None:
    with pytest.raises(Unavailable):
        pay(counter, "tok_down")
    assert counter.provider.find_by_order("ord_1", AMOUNT) is None


@sandboxed
def test_the_buyer_answers_a_challenge_once(counter: Counter) -> None:
    reference = pay(counter, "tok_challenge").reference
    report = counter.provider.resolve_challenge(reference, approved=True)
    assert (report.status, report.authorised) == (PaymentStatus.AUTHORISED, 3839)
    assert counter.provider.resolve_challenge(reference, approved=True) == report
    with pytest.raises(Conflict):
        counter.provider.resolve_challenge(reference, approved=False)


@sandboxed
def test_the_buyer_may_decline(counter: Counter) -> None:
    reference = pay(counter, "tok_challenge").reference
    report = counter.provider.resolve_challenge(reference, approved=False)
    assert (report.status, report.reason) == (PaymentStatus.FAILED, "challenge_failed")
    with pytest.raises(Conflict):
        counter.provider.resolve_challenge(reference, approved=True)


@sandboxed
def test_a_challenge_is_over_once_the_payment_is_cancelled(counter: Counter) -> None:
    reference = pay(counter, "tok_challenge").reference
    counter.provider.cancel(reference, key="c")
    with pytest.raises(Conflict):
        counter.provider.resolve_challenge(reference, approved=True)


@sandboxed
def test_what_never_settles_never_settles(counter: Counter) -> None:
    reference = pay(counter, "tok_never").reference
    assert counter.told == []
    assert counter.provider.settle(reference).status is PaymentStatus.PROCESSING


def test_a_page_offers_buttons_only_while_there_is_something_to_answer() -> None:
    asked = challenge_page(ProviderPaymentState("pay_1", PaymentStatus.REQUIRES_ACTION))
    assert "Approve" in asked
    assert "No money moves here" in asked
    done = challenge_page(ProviderPaymentState("pay_1", PaymentStatus.AUTHORISED))
    assert "Approve" not in done


def test_a_page_shows_a_reference_as_text() -> None:
    page = challenge_page(ProviderPaymentState("<script>", PaymentStatus.REQUIRES_ACTION))
    assert "<script>," not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("choose", [create_payment_provider, create_sandbox_provider])
def test_production_has_no_sandbox(choose: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    with pytest.raises(RuntimeError):
        choose()  # type: ignore[operator]


def test_a_stage_with_another_provider_has_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    with pytest.raises(RuntimeError):
        create_sandbox_provider()
    monkeypatch.setenv("PAYMENT_PROVIDER", "cash")
    with pytest.raises(RuntimeError):
        create_payment_provider()


@pytest.mark.parametrize("setting", ["PAYMENT_PROVIDER", "STAGE", "SHOP_URL"])
def test_a_missing_setting_stops_the_start(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(setting)
    with mock_aws(), pytest.raises(KeyError):
        create_payment_provider()


def test_the_stages_sandbox_is_one() -> None:
    with mock_aws():
        assert isinstance(create_payment_provider(), SandboxProvider)
