"""The Stripe gateway over HTTP, with the real library, against a fake server.

Not covered: real declines, real challenges, and how long Stripe stores an idempotency key.
"""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.money import Money
from shop.payments.gateway.stripe import API_VERSION, DECLINE_REASONS, StripeGateway
from shop.payments.gateway.stripe_amounts import from_stripe, stripe_decimals, to_stripe
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState
from tests.doubles.stripe_server import (
    DECLINES,
    KEY,
    ApiError,
    StripeAccount,
    StripeServer,
    decoded,
    validate_parameters,
)
from tests.kit.shop import ENVIRONMENT
from tests.unit.payments.conftest import gateway

pytestmark = pytest.mark.slow

AMOUNT = Money(3839, "USD")


@pytest.fixture
def account(stripe_server: StripeServer) -> StripeAccount:
    stripe_server.account = StripeAccount()
    return stripe_server.account


@pytest.fixture
def stripe(account: StripeAccount, stripe_server: StripeServer) -> StripeGateway:
    return gateway(stripe_server)


def pay(
    stripe: StripeGateway, card: str = "pm_card_visa", order_id: str = "ord_1"
) -> ProviderPaymentState:
    credential = Credential("stripe", "payment_method", card)
    return stripe.authorize(order_id, AMOUNT, credential, key=order_id)


def keys(account: StripeAccount) -> list[str]:
    return [h["Idempotency-Key"] for method, _, _, h in account.requests if method == "POST"]


# ---------------------------------------------------------------- requests


def test_create_depends_on_the_order_alone_and_confirm_sends_the_token(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    pay(stripe)
    opened, paid = account.requests
    assert opened[1:3] == (
        "/v1/payment_intents",
        {
            "amount": "3839",
            "currency": "usd",
            "automatic_payment_methods": {"enabled": "true"},
            "allowed_payment_method_types": ["card"],
            "payment_method_options": {"card": {"capture_method": "manual"}},
            "metadata": {"order_id": "ord_1"},
        },
    )
    assert paid[2]["payment_method"] == "pm_card_visa"
    assert paid[2]["return_url"] == "http://shop.test/orders/ord_1"
    assert keys(account) == ["open:ord_1", "confirm:ord_1"]
    assert opened[3]["Stripe-Version"] == API_VERSION


def test_a_confirmation_token_is_accepted(stripe: StripeGateway, account: StripeAccount) -> None:
    assert pay(stripe, "ctoken_visa").status is PaymentStatus.AUTHORIZED
    assert account.requests[-1][2]["confirmation_token"] == "ctoken_visa"


@pytest.mark.parametrize(
    "form", ["payment_method_types[0]=card&amount=1&currency=usd", "amount=1", "amount=x"]
)
def test_the_fake_rejects_parameters_unknown_to_stripes_types(form: str) -> None:
    with pytest.raises(ApiError):
        validate_parameters("PaymentIntentCreateParams", decoded(form))


# ---------------------------------------------------------------- responses


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ],
)
def test_decline_codes_map_to_reasons_of_the_shop(
    stripe: StripeGateway, card: str, reason: str
) -> None:
    report = pay(stripe, card)
    assert (report.status, report.reason) == (PaymentStatus.FAILED, reason)
    assert stripe.get_payment(report.reference) == ("ord_1", report)
    assert pay(stripe, card) == report


def test_all_fake_declines_are_covered_and_fraud_codes_stay_hidden() -> None:
    assert len(DECLINES) == 5
    assert not {"stolen_card", "lost_card", "fraudulent", "pickup_card"} & set(DECLINE_REASONS)


def test_a_challenge_returns_the_url_of_the_bank(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    report = pay(stripe, "pm_card_authenticationRequired")
    assert report.status is PaymentStatus.REQUIRES_ACTION
    assert report.action_url == f"https://hooks.stripe.test/redirect/{report.reference}"
    account.settle(report.reference, approved=False)
    _, after = stripe.get_payment(report.reference)
    assert (after.status, after.reason) == (PaymentStatus.FAILED, "challenge_failed")
    assert after.action_url is None


def test_an_unknown_card_is_rejected(stripe: StripeGateway) -> None:
    with pytest.raises(InvalidRequest) as raised:
        pay(stripe, "pm_unknown")
    assert raised.value.code == "payment_token_unknown"
    assert pay(stripe).status is PaymentStatus.AUTHORIZED


def test_an_amount_below_stripes_minimum_is_rejected(stripe: StripeGateway) -> None:
    with pytest.raises(InvalidRequest) as raised:
        stripe.authorize(
            "ord_1", Money(49, "USD"), Credential("stripe", "pm", "pm_card_visa"), key="ord_1"
        )
    assert raised.value.code == "payment_amount_unsupported"


def test_a_payment_with_immediate_capture_is_captured(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    report = pay(stripe, "pm_card_authenticationRequired")
    account.intents[report.reference]["payment_method_options"] = {}
    account.settle(report.reference)
    _, after = stripe.get_payment(report.reference)
    assert (after.status, after.authorized, after.captured) == (
        PaymentStatus.CAPTURED,
        3839,
        3839,
    )


def test_capture_without_capturable_amount_is_a_conflict(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    report = pay(stripe)
    account.intents[report.reference]["amount_capturable"] = 0
    with pytest.raises(Conflict):
        stripe.capture(report.reference, AMOUNT, key="c")


def test_charge_and_refund_references_resolve_to_their_payment(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    report = stripe.capture(pay(stripe).reference, AMOUNT, key="c")
    stripe.refund(report.reference, Money(1000, "USD"), key="r")
    (charge,), (refund,) = account.charges, account.refunds
    for part in (charge, refund):
        order_id, found = stripe.get_payment(part)
        assert (order_id, found.reference, found.refunded) == ("ord_1", report.reference, 1000)


@pytest.mark.parametrize("reference", ["pi_000", "ch_000", "re_000", "pay_1", "pi_../x", ""])
def test_an_unknown_reference_is_not_found(stripe: StripeGateway, reference: str) -> None:
    with pytest.raises(NotFound):
        stripe.get_payment(reference)


def test_a_payment_without_an_order_of_the_shop_is_not_found(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    report = pay(stripe)
    account.intents[report.reference]["metadata"] = {}
    with pytest.raises(NotFound):
        stripe.get_payment(report.reference)


# ---------------------------------------------------------------- faults


def test_a_lost_response_is_retried_with_the_same_idempotency_key(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    account.faults.extend(["lost", None, "lost"])
    assert pay(stripe).status is PaymentStatus.AUTHORIZED
    assert len(account.intents) == len(account.charges) == 1
    assert keys(account) == ["open:ord_1"] * 2 + ["confirm:ord_1"] * 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failing_stripe_is_unavailable_after_bounded_retries(
    stripe: StripeGateway, account: StripeAccount, status: int
) -> None:
    account.faults.extend([status] * 10)
    with pytest.raises(Unavailable) as raised:
        pay(stripe)
    assert raised.value.code == "payment_provider_down"
    assert len(account.faults) >= 8
    assert account.intents == {}


def test_a_timeout_is_unavailable(account: StripeAccount, stripe_server: StripeServer) -> None:
    # Given a server that answers only after the client has timed out, twice
    client_timed_out = threading.Event()
    account.faults.extend([client_timed_out, client_timed_out])
    try:
        # When the client waits for its answer, then the outcome is unknown
        with pytest.raises(Unavailable):
            pay(gateway(stripe_server, timeout=(60.0, 0.05)))
    finally:
        client_timed_out.set()


def test_a_refused_connection_is_unavailable() -> None:
    server = StripeServer()
    server.close()
    with pytest.raises(Unavailable):
        pay(gateway(server))


def test_a_payment_with_a_lost_outcome_is_found(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    account.faults.extend([None, "lost", "lost"])
    with pytest.raises(Unavailable):
        pay(stripe)
    account.indexed = False  # the search index lags behind
    found = stripe.find_by_order("ord_1", AMOUNT)
    assert found is not None
    assert (found.status, found.authorized) == (PaymentStatus.AUTHORIZED, 3839)
    assert pay(stripe) == found


def test_a_payment_is_found_after_its_idempotency_key_expired(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    report = pay(stripe)
    account.forget_keys()
    assert stripe.find_by_order("ord_1", AMOUNT) == report


def test_a_payment_that_was_never_opened_is_none(
    stripe: StripeGateway, account: StripeAccount
) -> None:
    account.faults.extend([500, 500])
    assert stripe.find_by_order("ord_1", AMOUNT) is None
    account.faults.extend([500] * 4)
    with pytest.raises(Unavailable):
        stripe.find_by_order("ord_1", AMOUNT)


def test_a_payment_cancelled_before_confirmation_moves_no_money(stripe: StripeGateway) -> None:
    opened = stripe.find_by_order("ord_1", AMOUNT)
    assert opened is not None
    assert stripe.cancel(opened.reference, key="c").status is PaymentStatus.CANCELLED
    assert pay(stripe).status is PaymentStatus.CANCELLED


# ---------------------------------------------------------------- the secret key


def test_a_rotated_secret_key_is_read_again(
    account: StripeAccount, stripe_server: StripeServer
) -> None:
    secrets = ["sk_test_old"]
    stripe = gateway(stripe_server, key=lambda: secrets[-1])
    with pytest.raises(Unavailable):
        pay(stripe)
    secrets.append(KEY)
    assert pay(stripe).status is PaymentStatus.AUTHORIZED


def test_the_secret_key_appears_in_no_log_or_error(
    account: StripeAccount, stripe_server: StripeServer, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk_live_verysecret"
    stripe = gateway(stripe_server, key=lambda: secret)
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable) as raised:
        pay(stripe)
    account.key = secret
    with caplog.at_level(logging.DEBUG):
        pay(stripe)
    shown = f"{caplog.text}{stripe!r}{vars(stripe)!r}{raised.value!r}{raised.value.__context__!r}"
    assert account.requests
    assert "verysecret" not in shown


def test_the_stripe_library_is_imported_with_the_first_payment() -> None:
    settings = {
        **ENVIRONMENT,
        "PAYMENT_PROVIDER": "stripe",
        "SECRET_STRIPE_KEY": "stripe-key",
        "PAYMENT_PUBLIC_KEY": "pk_test_1",
    }
    shop = Path(__file__).resolve().parents[3] / "layers/shared/python"
    program = (
        "import sys\n"
        "from shop.payments.gateway.factory import create_payment_provider\n"
        "assert create_payment_provider().name == 'stripe'\n"
        "assert 'stripe' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", program], env={**settings, "PYTHONPATH": str(shop)}, check=True
    )


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(1099, "USD"), 1099),
        (Money(500, "JPY"), 500),
        (Money(5, "ISK"), 500),
        (Money(5, "UGX"), 500),
        (Money(700, "MGA"), 7),
        (Money(5120, "KWD"), 5120),
        (Money(1, "KRW"), 1),
        (Money(1099, "HUF"), 1099),
    ],
)
def test_amounts_convert_to_stripes_units_and_back(amount: Money, units: int) -> None:
    assert to_stripe(amount) == units
    assert from_stripe(units, amount.currency) == amount.minor


@pytest.mark.parametrize("amount", [Money(5124, "KWD"), Money(750, "MGA"), Money(1, "TND")])
def test_an_inexact_amount_is_rejected_not_rounded(amount: Money) -> None:
    with pytest.raises(InvalidRequest) as raised:
        to_stripe(amount)
    assert raised.value.code == "payment_amount_unsupported"


def test_currencies_without_decimals_match_stripes_list() -> None:
    """Source: https://docs.stripe.com/currencies; ISK and UGX are its special cases."""
    listed = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()
    assert [stripe_decimals(currency) for currency in listed] == [0] * len(listed)
    assert (
        stripe_decimals("ISK"),
        stripe_decimals("UGX"),
        stripe_decimals("TWD"),
        stripe_decimals("BHD"),
    ) == (2, 2, 2, 3)
