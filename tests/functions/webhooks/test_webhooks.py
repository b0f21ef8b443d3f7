"""Webhooks of the payment provider and carriers: received, queued and applied."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.event_handlers import apply_parked_events
from functions.sandbox import receive_payment_event
from functions.staff_orders import list_parked_events
from functions.webhooks import apply_carrier_event, apply_payment_event, receive_carrier_event
from shop.entrypoints.webhook import BODY_LIMIT, decode_signing_key, sign
from shop.orders.model import Order, OrderStatus
from shop.payments.model import PaymentStatus
from tests.kit.order_fixtures import (
    NEW_KEY,
    OLD_KEY,
    WEBHOOK_KEY,
    messages,
    order_fixture,
    order_placed_today,
    put_secrets,
    receive_all,
    signed_in,
)
from tests.kit.shop import ApiResponse, Context, call
from tests.unit.orders.order_fixture import OrderFixture

PAYMENTS = "POST /webhooks/payments/sandbox"
CARRIERS = "POST /webhooks/carriers/{carrier}"
PAID = {"type": "payment.authorized", "reference": "pay_1"}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _webhook_access(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "webhook")
    put_secrets()
    receive_payment_event.secret._read_at = None
    receive_carrier_event.secret._read_at = None


def event_of(order: Order | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "tracking_number": "1Z999",
        "status": "delivered",
        "occurred_at": datetime.now(UTC).isoformat(),
        "description": "Left at the door",
        **more,
    }


def send(
    body: Any,
    *,
    to: str = "payments",
    name: str = "sandbox",
    key: str = WEBHOOK_KEY,
    clock_offset: timedelta = timedelta(),
    replaced_headers: Mapping[str, str] | None = None,
    text: str | None = None,
) -> ApiResponse:
    raw = json.dumps(body).encode() if not isinstance(body, bytes) else body
    headers = sign(decode_signing_key(key), "msg_1", datetime.now(UTC) + clock_offset, raw)
    route, handler = (
        (PAYMENTS, receive_payment_event.handler)
        if to == "payments"
        else (CARRIERS, receive_carrier_event.handler)
    )
    path: dict[str, Any] = {} if to == "payments" else {"carrier": name}
    return call(
        handler,
        route,
        raw=raw.decode() if text is None else text,
        headers={**headers, **(replaced_headers or {})},
        key="",
        **path,
    )


def queued() -> list[dict[str, Any]]:
    return receive_all("QUEUE_PAYMENT_EVENTS") + receive_all("QUEUE_CARRIER_EVENTS")


def apply(consumer: Any, *bodies: dict[str, Any]) -> list[str]:
    response = consumer.handler(messages(*bodies), Context())
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


# Receiving


def test_payment_webhook_is_verified_and_queued() -> None:
    response = send(PAID)
    assert (response.status, response.text) == (202, "")
    assert queued() == [{"provider": "sandbox", "reference": "pay_1"}]


def test_carrier_webhook_is_verified_and_queued() -> None:
    event = event_of(weight=3)
    assert send(event, to="carriers", name="ups").status == 202
    (message,) = queued()
    assert message["carrier"] == "ups"
    assert message["tracking_number"] == "1Z999"
    assert datetime.fromisoformat(message["occurred_at"]) == datetime.fromisoformat(
        event["occurred_at"]
    )
    assert "weight" not in message


def test_base64_body_is_verified_as_its_bytes() -> None:
    raw = json.dumps(PAID).encode()
    headers = sign(decode_signing_key(WEBHOOK_KEY), "msg_1", datetime.now(UTC), raw)
    event = {
        "headers": headers,
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
        "rawPath": "/webhooks/payments/sandbox",
        "rawQueryString": "",
        "requestContext": {
            "requestId": "r",
            "http": {"method": "POST", "path": "/", "sourceIp": "127.0.0.1"},
        },
    }
    assert receive_payment_event.handler(event, Context())["statusCode"] == 202
    assert len(queued()) == 1


FORGERIES: dict[str, dict[str, Any]] = {
    "another key": {"key": base64.b64encode(b"x" * 33).decode()},
    "too old": {"clock_offset": -timedelta(minutes=6)},
    "in the future": {"clock_offset": timedelta(minutes=6)},
    "another id": {"replaced_headers": {"webhook-id": "msg_2"}},
    "another time": {
        "replaced_headers": {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 7)}
    },
    "no signature": {"replaced_headers": {"webhook-signature": ""}},
    "malformed signature": {"replaced_headers": {"webhook-signature": "v1,\u00d8"}},
    "an altered body": {"text": json.dumps({**PAID, "reference": "pay_2"})},
    "no body": {"text": ""},
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("to", ["payments", "carriers"])
def test_forged_or_stale_webhook_is_not_queued(to: str, forgery: dict[str, Any]) -> None:
    name = "sandbox" if to == "payments" else "ups"
    response = send(PAID if to == "payments" else event_of(), to=to, name=name, **forgery)
    assert (response.status, response.json["code"]) == (401, "signature_invalid")
    assert queued() == []


@pytest.mark.parametrize("name", ["fedex", "UPS", "a#b", "x", "-ups", "u" * 41])
def test_unknown_carrier_returns_404(name: str) -> None:
    assert send(event_of(), to="carriers", name=name).status == 404
    assert queued() == []


@pytest.mark.parametrize(("name", "key"), [("dhl", WEBHOOK_KEY), ("ups", NEW_KEY)])
def test_carrier_cannot_sign_for_another(name: str, key: str) -> None:
    response = send(event_of(), to="carriers", name=name, key=key)
    assert (response.status, response.json["code"]) == (401, "signature_invalid")
    assert queued() == []


@pytest.mark.parametrize("key", [NEW_KEY, OLD_KEY])
def test_carrier_has_two_keys_during_rotation(key: str) -> None:
    assert send(event_of(), to="carriers", name="dhl", key=key).status == 202


@pytest.mark.parametrize(
    "when",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1999-12-31T23:59:59+01:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_carrier_event_with_implausible_time_is_rejected(when: str) -> None:
    response = send(event_of(occurred_at=when), to="carriers", name="ups")
    assert (response.status, response.json["code"]) == (400, "event_time_implausible")
    assert response.json["errors"][0]["path"] == "$.occurred_at"
    assert queued() == []


@pytest.mark.parametrize(("ahead", "status"), [(23, 202), (25, 400)])
def test_carrier_clock_may_be_one_day_ahead(ahead: int, status: int) -> None:
    when = (datetime.now(UTC) + timedelta(hours=ahead)).isoformat()
    assert send(event_of(occurred_at=when), to="carriers", name="ups").status == status


def test_carrier_description_is_stored_without_markup() -> None:
    description = "Left <b onclick='x()'>at</b> the  door\n<script src=//x"
    assert send(event_of(description=description), to="carriers", name="ups").status == 202
    (message,) = queued()
    assert message["description"] == "Left at the door"


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 300 * 1024, 1024 * 1024])
def test_too_large_body_is_rejected(size: int) -> None:
    assert send(b"x" * size).status == 413
    assert queued() == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"7", b"{}", b'{"reference": 7}', b'{"reference": "a b"}']
)
def test_signed_invalid_payment_webhook_is_rejected(body: bytes) -> None:
    assert send(body).status == 400
    assert queued() == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": "eaten"},
        {"occurred_at": "soon"},
        {"id": ""},
        {"tracking_number": "#"},
        {"description": "a\x00b"},
        {"description": "a\u202eb"},
    ],
)
def test_signed_invalid_carrier_webhook_is_rejected(change: dict[str, Any]) -> None:
    response = send(event_of(**change), to="carriers", name="ups")
    assert (response.status, response.json["errors"][0]["path"]) == (400, f"$.{next(iter(change))}")
    assert queued() == []


# Applying payment events


def pending(fixture: OrderFixture) -> Order:
    order: Order = fixture.pay(fixture.place(order_placed_today()), "tok_pending")
    return order


def payment_message(fixture: OrderFixture) -> dict[str, Any]:
    state = fixture.provider.find_by_order("ord_1", order_placed_today().amount)
    return {"provider": "sandbox", "reference": state.reference}


def test_settled_payment_confirms_its_order() -> None:
    fixture = order_fixture()
    pending(fixture)
    fixture.provider.settle(payment_message(fixture)["reference"])
    assert apply(apply_payment_event, payment_message(fixture)) == []
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED


def test_provider_state_counts_and_not_the_webhook_body() -> None:
    fixture = order_fixture()
    order = pending(fixture)
    body = {
        **payment_message(fixture),
        "status": "captured",
        "captured": 10**9,
        "type": "payment.captured",
    }
    assert apply(apply_payment_event, body) == []
    assert fixture.orders.get_by_id("ord_1") == order


def test_failed_payment_cancels_order_and_releases_stock() -> None:
    fixture = order_fixture()
    fixture.pay(fixture.place(order_placed_today()), "tok_pending_declined")
    fixture.provider.settle(payment_message(fixture)["reference"])
    assert apply(apply_payment_event, payment_message(fixture)) == []
    order = fixture.orders.get_by_id("ord_1")
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "card_declined")
    assert fixture.reserved() == (0, 0)


def test_replayed_payment_webhook_changes_nothing() -> None:
    fixture = order_fixture()
    pending(fixture)
    fixture.provider.settle(payment_message(fixture)["reference"])
    assert apply(apply_payment_event, *[payment_message(fixture)] * 5) == []
    order = fixture.orders.get_by_id("ord_1")
    assert apply(apply_payment_event, payment_message(fixture)) == []
    assert fixture.orders.get_by_id("ord_1") == order
    assert order.payment.total_of("authorized") == order.total


def test_unknown_payment_is_retried_until_the_dead_letter_queue() -> None:
    fixture = order_fixture()
    pending(fixture)
    fixture.provider.settle(payment_message(fixture)["reference"])
    unknown = {"provider": "sandbox", "reference": "pay_unknown"}
    assert apply(apply_payment_event, unknown, payment_message(fixture)) == ["m0"]
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED


def test_payment_before_its_order_is_retried() -> None:
    fixture = order_fixture()
    order = order_placed_today("ord_9", (1,))
    fixture.provider.authorize(order.id, order.amount, _credential(), key=order.id)
    state = fixture.provider.find_by_order("ord_9", order.amount)
    body = {"provider": "sandbox", "reference": state.reference}
    assert apply(apply_payment_event, body) == ["m0"]
    fixture.place(order)
    assert apply(apply_payment_event, body) == []
    assert fixture.orders.get_by_id("ord_9").payment.status is PaymentStatus.AUTHORIZED


def _credential() -> Any:
    from shop.payments.model import Credential

    return Credential("sandbox", "token", "tok_success")


# Applying carrier events


def shipped() -> OrderFixture:
    fixture = order_fixture()
    fixture.ship(fixture.place_allocated(order_placed_today()))
    return fixture


def carrier_message(**more: Any) -> dict[str, Any]:
    return {"carrier": "ups", **event_of(**more)}


def test_carrier_events_are_ordered_by_their_own_time() -> None:
    fixture = shipped()
    now = datetime.now(UTC)
    hours = {"in_transit": 3, "out_for_delivery": 2, "delivered": 1}
    bodies = [
        carrier_message(
            id=status, status=status, occurred_at=(now - timedelta(hours=ago)).isoformat()
        )
        for status, ago in hours.items()
    ]
    assert apply(apply_carrier_event, *reversed(bodies)) == []
    order = fixture.orders.get_by_id("ord_1")
    assert order.delivered
    assert len(order.shipments[0].tracking) == 3


def test_replayed_carrier_event_changes_nothing() -> None:
    fixture = shipped()
    body = carrier_message()
    assert apply(apply_carrier_event, body, body) == []
    order = fixture.orders.get_by_id("ord_1")
    assert apply(apply_carrier_event, {**body, "status": "lost"}) == []
    assert fixture.orders.get_by_id("ord_1") == order


def parked() -> list[tuple[str, str, str]]:
    """Return carrier, tracking number and event of each parked event, as staff list them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,fulfilment")
        route, wanda = "GET /staff/parked-events", signed_in("wanda", "fulfilment")
        listed = call(list_parked_events.handler, route, claims=wanda)
    assert listed.status == 200, listed.text
    return [
        (each["carrier"], each["tracking_number"], each["id"]) for each in listed.json["events"]
    ]


def test_event_of_unknown_parcel_is_parked_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    fixture = shipped()
    bodies = (
        carrier_message(tracking_number="1Z000"),
        carrier_message(),
        {**carrier_message(), "carrier": "dhl"},
    )
    assert apply(apply_carrier_event, *bodies) == []
    assert fixture.orders.get_by_id("ord_1").delivered
    assert parked() == [("dhl", "1Z999", "evt_1"), ("ups", "1Z000", "evt_1")]
    assert capsys.readouterr().out.count('"TrackingEventsParked":1') == 2
    # A repetition is parked once.
    assert apply(apply_carrier_event, *bodies) == []
    assert len(parked()) == 2


def test_parked_events_count_when_staff_create_the_parcel() -> None:
    # Given two events before the parcel, and one of another carrier with the same number
    fixture = order_fixture()
    order = fixture.place_allocated(order_placed_today())
    bodies = [
        carrier_message(id="e1", status="in_transit"),
        carrier_message(id="e2"),
        {**carrier_message(id="e3"), "carrier": "dhl"},
    ]
    assert apply(apply_carrier_event, *bodies) == []

    # When the parcel is created, and its event is delivered twice
    fixture.ship(order)
    for _ in range(2):
        deliver_shipped("ups", "1Z999")

    # Then its events are recorded, and no other one
    shipment = fixture.orders.get_by_id("ord_1").shipments[0]
    assert {event.id for event in shipment.tracking} == {"e1", "e2"}
    assert parked() == [("dhl", "1Z999", "e3")]


def test_parked_event_with_a_time_before_the_order_is_rejected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fixture = order_fixture()
    order = fixture.place_allocated(order_placed_today())
    early = (order.placed_at - timedelta(hours=25)).isoformat()
    bodies = [carrier_message(id="early", occurred_at=early), carrier_message(id="e1")]
    assert apply(apply_carrier_event, *bodies) == []
    fixture.ship(order)
    deliver_shipped("ups", "1Z999")
    shipment = fixture.orders.get_by_id("ord_1").shipments[0]
    assert [event.id for event in shipment.tracking] == ["e1"]
    assert parked() == []
    assert '"MessagesRejected":1' in capsys.readouterr().out


def deliver_shipped(carrier: str, number: str) -> None:
    data = {"shipment_id": "par_1", "carrier": carrier, "tracking_number": number, "whole": True}
    now = datetime.now(UTC).isoformat()
    detail = {"id": "ord_1.3.OrderShipped", "subject": "ord_1", "at": now, "data": data}
    apply_parked_events.handler({"detail-type": "OrderShipped", "detail": detail}, Context())


@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane"), 403)])
def test_only_staff_may_list_parked_events(
    claims: Any, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")
    response = call(list_parked_events.handler, "GET /staff/parked-events", claims=claims)
    assert response.status == status


def test_event_before_the_order_fails_without_retry(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    fixture = shipped()
    before = fixture.orders.get_by_id("ord_1")
    early = (before.placed_at - timedelta(hours=25)).isoformat()
    bodies = (
        carrier_message(id="early", occurred_at=early),
        carrier_message(id="late", status="in_transit"),
    )
    assert apply(apply_carrier_event, *bodies) == []
    assert [t.id for t in fixture.orders.get_by_id("ord_1").shipments[0].tracking] == ["late"]
    assert "event_time_implausible" in [vars(record).get("code") for record in caplog.records]
    assert '"MessagesRejected":1' in capsys.readouterr().out


@pytest.mark.parametrize(
    "invalid", [{}, {"carrier": "ups"}, {**carrier_message(), "status": "eaten"}]
)
def test_invalid_message_is_retried_alone(invalid: dict[str, Any]) -> None:
    fixture = shipped()
    assert apply(apply_carrier_event, invalid, carrier_message()) == ["m0"]
    assert fixture.orders.get_by_id("ord_1").delivered


def test_webhook_passes_from_endpoint_to_order() -> None:
    fixture = shipped()
    assert send(event_of(), to="carriers", name="ups").status == 202
    assert apply(apply_carrier_event, *receive_all("QUEUE_CARRIER_EVENTS")) == []
    assert fixture.orders.get_by_id("ord_1").delivered
