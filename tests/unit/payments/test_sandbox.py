"""The sandbox provider: test tokens, challenges, settlements, and its exclusion from production."""

import pytest

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
from tests.kit.shop import mock_aws
from tests.unit.payments.conftest import ProviderCase

pytestmark = pytest.mark.slow

AMOUNT = Money(3839, "USD")


def pay(case: ProviderCase, token: str) -> ProviderPaymentState:
    report: ProviderPaymentState = case.provider.authorize(
        "ord_1", AMOUNT, Credential("sandbox", "token", token), key="ord_1"
    )
    return report


sandbox_only = pytest.mark.parametrize("case", ["sandbox"], indirect=True)


def test_the_advertised_tokens_are_exactly_the_known_ones() -> None:
    assert {*sandbox.TOKENS, sandbox.PROVIDER_DOWN_TOKEN} == set(SANDBOX_TOKENS)
    (offered,) = payment_handlers("sandbox", "http://shop.test")["dev.doorbuster.sandbox"]
    assert offered["config"]["test_tokens"] == list(SANDBOX_TOKENS)
    assert "no money" in offered["config"]["environment"]


@sandbox_only
def test_the_down_token_is_unavailable_and_stores_no_payment(case: ProviderCase) -> None:
    with pytest.raises(Unavailable):
        pay(case, "tok_down")
    assert case.provider.find_by_order("ord_1", AMOUNT) is None


@sandbox_only
def test_an_approved_challenge_authorizes_once(case: ProviderCase) -> None:
    reference = pay(case, "tok_challenge").reference
    report = case.provider.resolve_challenge(reference, approved=True)
    assert (report.status, report.authorized) == (PaymentStatus.AUTHORIZED, 3839)
    assert case.provider.resolve_challenge(reference, approved=True) == report
    with pytest.raises(Conflict):
        case.provider.resolve_challenge(reference, approved=False)


@sandbox_only
def test_a_declined_challenge_fails_the_payment(case: ProviderCase) -> None:
    reference = pay(case, "tok_challenge").reference
    report = case.provider.resolve_challenge(reference, approved=False)
    assert (report.status, report.reason) == (PaymentStatus.FAILED, "challenge_failed")
    with pytest.raises(Conflict):
        case.provider.resolve_challenge(reference, approved=True)


@sandbox_only
def test_a_cancelled_payment_cannot_be_approved(case: ProviderCase) -> None:
    reference = pay(case, "tok_challenge").reference
    case.provider.cancel(reference, key="c")
    with pytest.raises(Conflict):
        case.provider.resolve_challenge(reference, approved=True)


@sandbox_only
def test_the_never_token_stays_in_processing(case: ProviderCase) -> None:
    reference = pay(case, "tok_never").reference
    assert case.scheduled == []
    assert case.provider.settle(reference).status is PaymentStatus.PROCESSING


def test_a_challenge_page_has_buttons_only_while_action_is_required() -> None:
    page = challenge_page(ProviderPaymentState("pay_1", PaymentStatus.REQUIRES_ACTION))
    assert "Approve" in page
    assert "No money moves here" in page
    done = challenge_page(ProviderPaymentState("pay_1", PaymentStatus.AUTHORIZED))
    assert "Approve" not in done


def test_a_challenge_page_escapes_the_reference() -> None:
    page = challenge_page(ProviderPaymentState("<script>", PaymentStatus.REQUIRES_ACTION))
    assert "<script>," not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("create", [create_payment_provider, create_sandbox_provider])
def test_production_rejects_the_sandbox(create: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    with pytest.raises(RuntimeError):
        create()  # type: ignore[operator]


def test_another_provider_rejects_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    with pytest.raises(RuntimeError):
        create_sandbox_provider()
    monkeypatch.setenv("PAYMENT_PROVIDER", "cash")
    with pytest.raises(RuntimeError):
        create_payment_provider()


@pytest.mark.parametrize("setting", ["PAYMENT_PROVIDER", "STAGE", "SHOP_URL"])
def test_a_missing_setting_fails_the_start(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(setting)
    with mock_aws(), pytest.raises(KeyError):
        create_payment_provider()


def test_the_sandbox_stage_creates_a_sandbox_provider() -> None:
    with mock_aws():
        assert isinstance(create_payment_provider(), SandboxProvider)
