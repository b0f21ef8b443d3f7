"""Stripe webhooks: verified by signature, queued by payment, applied by asking Stripe."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest
from stripe import Webhook, WebhookSignature

from functions.webhooks import apply_payment_event
from shop.orders.model import Order, OrderStatus
from shop.payments.model import Credential
from tests.doubles.stripe_server import StripeServer
from tests.kit.order_fixtures import messages, order_fixture, order_placed_today, receive_all
from tests.kit.shop import ENVIRONMENT, ApiResponse, Context, call
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.payments.conftest import gateway

pytestmark = pytest.mark.usefixtures("cloud")

SECRET, OLD = "whsec_test_secret", "whsec_test_before"
PI = "pi_000000000000000000000001"


@pytest.fixture
def handler(cloud: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ACCESS", "webhook")
    monkeypatch.setenv("SECRET_STRIPE_WEBHOOK", "stripe-webhook")
    client = boto3.client("secretsmanager", region_name="us-east-1")
    client.create_secret(Name="stripe-webhook", SecretString=OLD)
    client.put_secret_value(SecretId="stripe-webhook", SecretString=SECRET)
    from functions.stripe_webhook import receive_event

    receive_event.secret._read_at = None
    return receive_event


def event(kind: str = "payment_intent", **more: Any) -> dict[str, Any]:
    payment = {"id": PI, "object": kind, "metadata": {"order_id": "ord_1"}, **more}
    return {
        "id": "evt_1",
        "object": "event",
        "type": f"{kind}.updated",
        "data": {"object": payment},
    }


def thin(name: str = PI, kind: str = "payment_intent") -> dict[str, Any]:
    related = {"id": name, "type": kind, "url": f"/v1/{name}"}
    return {"id": "evt_1", "object": "v2.core.event", "type": "v1.x", "related_object": related}


def send(
    handler: ModuleType,
    body: Any,
    *,
    secret: str = SECRET,
    clock_offset: timedelta = timedelta(),
    text: str | None = None,
    header: str | None = None,
) -> ApiResponse:
    raw = body if isinstance(body, str) else json.dumps(body)
    at = int((datetime.now(UTC) + clock_offset).timestamp())
    signed = WebhookSignature.generate_signature_header(raw, secret, timestamp=at)
    return call(
        handler.handler,
        "POST /webhooks/payments/stripe",
        raw=raw if text is None else text,
        headers={"stripe-signature": signed if header is None else header},
        key="",
    )


def queued() -> list[dict[str, Any]]:
    return receive_all("QUEUE_PAYMENT_EVENTS")


def test_event_signed_by_the_stripe_library_is_accepted(handler: ModuleType) -> None:
    raw = json.dumps(event())
    header = WebhookSignature.generate_signature_header(raw, SECRET)
    Webhook.construct_event(raw, header, SECRET)  # Stripe's own library accepts it
    assert send(handler, raw, header=header).status == 202
    assert queued() == [{"provider": "stripe", "reference": PI}]


@pytest.mark.parametrize("secret", [SECRET, OLD])
def test_previous_secret_is_valid_during_rotation(handler: ModuleType, secret: str) -> None:
    assert send(handler, event(), secret=secret).status == 202


def test_one_valid_signature_of_several_is_enough(handler: ModuleType) -> None:
    raw = json.dumps(event())
    header = WebhookSignature.generate_signature_header(raw, SECRET)
    stamp, good = header.split(",")[:2]
    assert send(handler, raw, header=f"{stamp},v1={'0' * 64},{good},v0=abc").status == 202


@pytest.mark.parametrize(
    "forgery",
    [
        {"secret": "whsec_other"},
        {"clock_offset": timedelta(minutes=-6)},
        {"clock_offset": timedelta(minutes=6)},
        {"text": json.dumps(event(id="pi_2"))},
        {"header": ""},
        {"header": "t=1,v1=x"},
        {"header": "v1=\u00d8,t="},
    ],
)
def test_forged_or_stale_event_is_rejected(handler: ModuleType, forgery: dict[str, Any]) -> None:
    response = send(handler, event(), **forgery)
    assert (response.status, response.json["code"]) == (401, "signature_invalid")
    assert queued() == []


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        (event(), PI),
        (event("charge", id="ch_1", payment_intent=PI), PI),
        (event("refund", id="re_1", payment_intent=PI, metadata={}), PI),
        (event("dispute", id="dp_1", payment_intent=PI, metadata={}), PI),
        (thin(), PI),
        (thin("ch_1", "charge"), "ch_1"),
    ],
)
def test_event_is_queued_with_its_payment(
    handler: ModuleType, body: dict[str, Any], reference: str
) -> None:
    assert send(handler, body).status == 202
    assert queued() == [{"provider": "stripe", "reference": reference}]


@pytest.mark.parametrize(
    "body",
    [
        event(metadata={}),
        event("charge", payment_intent=PI, metadata={}),
        event("customer", id="cus_1"),
        thin("cus_1", "customer"),
        {"object": "event", "type": "x"},
        {"object": "event", "type": "x", "data": {"object": 7}},
    ],
)
def test_event_of_another_payment_is_accepted_and_ignored(
    handler: ModuleType, body: dict[str, Any]
) -> None:
    assert send(handler, body).status == 202
    assert queued() == []


@pytest.mark.parametrize("body", ["{", "null", "[]", '{"object": "invoice", "type": "x"}', "{}"])
def test_invalid_input_is_rejected(handler: ModuleType, body: str) -> None:
    assert send(handler, body).status == 400
    assert queued() == []


# From the webhook to the order


@pytest.fixture
def server() -> Iterator[StripeServer]:
    server = StripeServer()
    yield server
    server.close()


@pytest.fixture
def webhook_fixture(server: StripeServer, monkeypatch: pytest.MonkeyPatch) -> OrderFixture:
    fixture = order_fixture()
    fixture.provider = gateway(server)
    monkeypatch.setattr(apply_payment_event, "provider", fixture.provider)
    return fixture


def placed(fixture: OrderFixture, card: str) -> tuple[Order, str]:
    order = fixture.place(order_placed_today())
    credential = Credential("stripe", "payment_method", card)
    state = fixture.provider.authorize(order.id, order.amount, credential, key=order.id)
    return fixture.record(order, state), state.reference


def apply() -> list[str]:
    response = apply_payment_event.handler(messages(*queued()), Context())
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def test_passed_challenge_confirms_the_order(
    handler: ModuleType, webhook_fixture: OrderFixture, server: StripeServer
) -> None:
    _, reference = placed(webhook_fixture, "pm_card_authenticationRequired")
    server.account.settle(reference)
    for _ in range(3):
        send(handler, event(id=reference))
    assert apply() == []
    order = webhook_fixture.orders.get_by_id("ord_1")
    assert (order.status, order.payment.total_of("authorized")) == (
        OrderStatus.CONFIRMED,
        order.total,
    )


def test_events_in_any_order_lead_to_the_same_state(
    handler: ModuleType, webhook_fixture: OrderFixture, server: StripeServer
) -> None:
    order, reference = placed(webhook_fixture, "pm_card_visa")
    assert order.status is OrderStatus.CONFIRMED
    webhook_fixture.provider.capture(reference, order.amount, key="c")
    for body in (thin(reference), event(id=reference, status="requires_action"), thin(reference)):
        send(handler, body)
    assert apply() == []
    order = webhook_fixture.orders.get_by_id("ord_1")
    assert order.payment.status.value == "captured"
    assert order.payment.net_captured == order.total


def test_manual_refund_at_stripe_is_recorded(
    handler: ModuleType, webhook_fixture: OrderFixture, server: StripeServer
) -> None:
    order, reference = placed(webhook_fixture, "pm_card_visa")
    webhook_fixture.provider.capture(reference, order.amount, key="c")
    account = server.account
    account._refund({"payment_intent": reference, "amount": "500"})
    (refund,) = account.refunds.values()
    send(handler, event("refund", id=refund["id"], payment_intent=reference, metadata={}))
    assert apply() == []
    assert webhook_fixture.orders.get_by_id("ord_1").payment.total_of("refunded") == 500


def test_sandbox_stage_needs_no_stripe_setting() -> None:
    assert "SECRET_STRIPE_WEBHOOK" not in ENVIRONMENT
