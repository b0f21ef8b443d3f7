"""Purchases with a card at Stripe, through the checkout handlers and a stand-in over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.checkout import cancel_checkout, complete_checkout, create_checkout
from functions.scheduled import expire_unpaid_orders
from shop.checkout.schemas.views import CheckoutPageSettings
from shop.inventory.store import DynamoStockRepository
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from tests.doubles.stripe_server import StripeAccount, StripeServer
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp
from tests.unit.payments.conftest import gateway

CREATE = "POST /checkout-sessions"
COMPLETE = "POST /checkout-sessions/{id}/complete"
CANCEL = "POST /checkout-sessions/{id}/cancel"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeAccount]:
    """Use Stripe as the payment provider of the checkout handlers."""
    server = StripeServer()
    provider = gateway(server)
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    monkeypatch.setenv("PAYMENT_PUBLIC_KEY", "pk_test_1")
    monkeypatch.setattr(
        complete_checkout, "deps", replace(complete_checkout.deps, provider=provider)
    )
    monkeypatch.setattr(complete_checkout, "settings", CheckoutPageSettings.from_environment())
    monkeypatch.setattr(expire_unpaid_orders, "provider", provider)
    yield server.account
    server.close()


def begin(pieces: int = 1) -> str:
    publish_with_stock(mug(), pieces=1)
    response = call(create_checkout.handler, CREATE, checkout_body(("mug.1", pieces)))
    return str(response.json["id"])


def pay(checkout: str, card: str = "pm_card_visa", key: str | None = None) -> ApiResponse:
    body = payment_body(card)
    body["payment"]["instruments"][0] |= {"handler_id": "stripe", "type": "card"}
    return call(complete_checkout.handler, COMPLETE, body, key=key, id=checkout)


def available() -> int:
    return DynamoStockRepository().level("MUG-RED").available


def test_guest_pays_with_a_card(stripe: StripeAccount) -> None:
    response = pay(begin())
    assert (response.status, response.json["status"]) == (200, "completed")
    assert_valid_ucp("checkout", response.json)
    order = DynamoOrderRepository().get_by_id(response.json["order"]["id"])
    ((reference, intent),) = stripe.intents.items()
    assert (order.status, order.payment.reference) == (OrderStatus.CONFIRMED, reference)
    assert (intent["metadata"]["order_id"], intent["amount"]) == (order.id, order.total)
    assert intent["status"] == "requires_capture"


def test_checkout_names_the_payment_handler_for_cards(
    stripe: StripeAccount,
) -> None:
    handlers = [
        each
        for several in pay(begin()).json["ucp"]["payment_handlers"].values()
        for each in several
    ]
    (handler,) = [each for each in handlers if each["id"] == "stripe"]
    assert (handler["id"], handler["config"]["publishable_key"]) == ("stripe", "pk_test_1")
    assert handler["config"]["environment"] == "sandbox"


def test_declined_card_releases_stock_and_allows_another(
    stripe: StripeAccount,
) -> None:
    checkout = begin()
    response = pay(checkout, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert (response.status, response.json["status"]) == (200, "incomplete")
    (message,) = response.json["messages"]
    assert message["code"] == "payment_failed"
    assert available() == 1
    assert pay(checkout).json["status"] == "completed"
    assert len(stripe.intents) == 2


def test_required_challenge_redirects_the_buyer_to_the_bank(
    stripe: StripeAccount,
) -> None:
    response = pay(begin(), "pm_card_authenticationRequired")
    assert response.json["status"] == "requires_escalation"
    assert_valid_ucp("checkout", response.json)
    assert response.json["continue_url"].startswith("https://hooks.stripe.test/redirect/pi_")
    assert available() == 0


def test_lost_response_returns_503_and_the_retry_pays_once(
    stripe: StripeAccount,
) -> None:
    checkout = begin()
    stripe.faults.extend([None, "lost", "lost"])
    response = pay(checkout, key="one")
    assert (response.status, response.json["messages"][0]["code"]) == (503, "payment_provider_down")
    repeated = pay(checkout, key="one")
    assert (repeated.status, repeated.json["status"]) == (200, "completed")
    assert (len(stripe.intents), len(stripe.charges)) == (1, 1)


@pytest.mark.parametrize("token", ["tok_success", "4242424242424242", "pm_", "cus_1"])
def test_invalid_payment_method_is_rejected_before_placement(
    stripe: StripeAccount, token: str
) -> None:
    response = pay(begin(), token)
    assert (response.status, response.json["messages"][0]["code"]) == (400, "payment_token_unknown")
    assert (available(), stripe.requests) == (1, [])


def test_unknown_card_releases_stock_at_once(
    stripe: StripeAccount,
) -> None:
    checkout = begin()
    assert pay(checkout, "pm_nobodys").status == 400
    assert available() == 1
    assert pay(checkout).json["status"] == "completed"


def test_checkout_cancelled_during_a_challenge_takes_no_money(
    stripe: StripeAccount,
) -> None:
    from shop.orders.actions.payments import refund_excess_payment

    checkout = begin()
    pay(checkout, "pm_card_authenticationRequired")
    assert call(cancel_checkout.handler, CANCEL, id=checkout).json["status"] == "canceled"
    ((reference, intent),) = stripe.intents.items()
    provider = complete_checkout.deps.provider
    order_id, _ = provider.get_payment(reference)
    order = DynamoOrderRepository().get_by_id(order_id)
    at = order.history[-1].at
    refund_excess_payment(order_id, at=at, orders=DynamoOrderRepository(), provider=provider)
    assert intent["status"] == "canceled"
    stripe.settle(reference)
    assert stripe.charges == {}
    assert available() == 1


def test_unpaid_order_and_its_payment_expire(
    stripe: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime, timedelta

    from shop.entrypoints import scheduler

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(minutes=31)

    pay(begin(), "pm_card_authenticationRequired")
    monkeypatch.setattr(scheduler, "datetime", Later)
    assert expire_unpaid_orders.handler({}, Context()) == {"overdue": 1, "expired": 1}
    (intent,) = stripe.intents.values()
    assert (intent["status"], available()) == ("canceled", 1)
