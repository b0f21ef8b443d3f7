"""Event handlers of orders; each may receive an event twice."""

import base64
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.ses import ses_backends  # type: ignore[attr-defined]

from functions.event_handlers import (
    advance_workflow,
    publish_business_metrics,
    publish_events,
    refund_excess_payment,
    send_order_confirmation,
    start_workflow,
)
from functions.event_handlers.manifest import FEATURE
from shop.entrypoints.http import log
from shop.kernel.errors import Unavailable
from shop.orders.model import Order, OrderStatus
from tests.kit.order_fixtures import order_fixture, order_placed_today
from tests.kit.shop import ENVIRONMENT, Context

pytestmark = pytest.mark.usefixtures("cloud")


def deliver(handler: Any, kind: str, order: Order | None = None, **data: Any) -> None:
    detail = {
        "id": f"ord_1.2.{kind}",
        "subject": "ord_1" if order is None else order.id,
        "at": datetime.now(UTC).isoformat(),
        "data": data,
    }
    event = {"detail-type": kind, "source": "doorbuster", "detail": detail}
    assert kind in next(
        line.event_types for line in LINES if handler.__name__.endswith(line.module)
    )
    handler.handler(event, Context())


LINES: Any = [line for line in FEATURE.functions if hasattr(line, "event_types")]


# The outbox


class RecordingBus:
    """EventBridge as far as the publisher calls it."""

    def __init__(self) -> None:
        self.published_ids: list[str] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert {entry["EventBusName"] for entry in Entries} == {ENVIRONMENT["BUS_NAME"]}
        self.published_ids += [json.loads(entry["Detail"])["id"] for entry in Entries]
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


def stream_of(order_id: str) -> list[dict[str, Any]]:
    """Return the order's item as the stream record of its last write."""
    client = boto3.client("dynamodb")
    key = {"PK": {"S": f"ORDER#{order_id}"}, "SK": {"S": "HEAD#guest"}}
    item = client.get_item(TableName="orders", Key=key)["Item"]
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }
    return [{"dynamodb": {"SequenceNumber": "1", "Keys": key, "NewImage": image}}]


def test_events_of_a_write_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = RecordingBus()
    monkeypatch.setattr(publish_events.publisher, "_client", bus)
    fixture = order_fixture()
    order = fixture.place(order_placed_today())
    records = stream_of("ord_1")
    fixture.pay(order)
    (after,) = stream_of("ord_1")
    after["dynamodb"]["OldImage"] = records[0]["dynamodb"]["NewImage"]
    after["dynamodb"]["SequenceNumber"] = "2"
    response = publish_events.handler({"Records": [*records, after]}, Context())
    assert response == {"batchItemFailures": []}
    assert bus.published_ids == ["ord_1.1.OrderPlaced", "ord_1.2.OrderConfirmed"]


def test_items_without_events_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = RecordingBus()
    monkeypatch.setattr(publish_events.publisher, "_client", bus)
    wait = {"PK": {"S": "ORDER#ord_1"}, "SK": {"S": "WAIT#payment"}, "token": {"S": "t"}}
    record = {"dynamodb": {"SequenceNumber": "1", "NewImage": wait}}
    assert publish_events.handler({"Records": [record]}, Context())["batchItemFailures"] == []
    assert bus.published_ids == []


def test_publisher_imports_only_what_it_needs() -> None:
    program = "import sys, functions.event_handlers.publish_events; print(*sys.modules)"
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    completed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=path
    )
    assert not {"pynamodb", "stripe", "shop.orders", "shop.inventory"} & set(
        completed.stdout.split()
    )


# The workflow


class RecordedCalls:
    """Step Functions as far as the handlers call it: records the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def start(self, order_id: str) -> None:
        self.calls.append(("start", order_id))

    def resume(self, token: str, result: dict[str, Any]) -> None:
        self.calls.append(("resume", token))

    def abort(self, token: str, error: str, cause: str) -> None:
        self.calls.append(("abort", token, error, cause))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> RecordedCalls:
    machine = RecordedCalls()
    for handler in (start_workflow, advance_workflow):
        monkeypatch.setattr(handler, "workflow", machine)
    return machine


def test_placed_order_starts_its_workflow(machine: RecordedCalls) -> None:
    deliver(start_workflow, "OrderPlaced")
    assert machine.calls == [("start", "ord_1")]


def test_confirmed_order_resumes_the_payment_step(machine: RecordedCalls) -> None:
    fixture = order_fixture()
    order = fixture.place(order_placed_today())
    fixture.tokens.save("ord_1", "payment", "t1", fixture.now)
    deliver(advance_workflow, "OrderConfirmed")
    assert machine.calls == []
    fixture.pay(order)
    deliver(advance_workflow, "OrderConfirmed")
    assert machine.calls == [("resume", "t1")]


def test_cancelled_order_aborts_its_waiting_step(machine: RecordedCalls) -> None:
    fixture = order_fixture()
    order = fixture.place_allocated(order_placed_today())
    fixture.tokens.save("ord_1", "payment", "t1", fixture.now)
    fixture.tokens.save("ord_1", "shipment", "t2", fixture.now)
    fixture.cancel(order, "ordered twice")
    deliver(advance_workflow, "OrderCancelled")
    assert machine.calls == [
        ("abort", "t1", "OrderTerminated", "ordered twice"),
        ("abort", "t2", "OrderTerminated", "ordered twice"),
    ]


def test_tracking_resumes_the_workflow_only_after_all_arrived(machine: RecordedCalls) -> None:
    fixture = order_fixture()
    order = fixture.ship(fixture.place_allocated(order_placed_today()), "1Z1", lines={"li_1": 2})
    fixture.ship(order, "1Z2")
    fixture.tokens.save("ord_1", "delivery", "t3", fixture.now)
    fixture.track("lost", "1Z1")
    deliver(advance_workflow, "ShipmentUpdated")
    assert machine.calls == []
    fixture.track("delivered", "1Z2")
    deliver(advance_workflow, "ShipmentUpdated")
    assert [call[:3] for call in machine.calls] == [("abort", "t3", "OrderTerminated")]


# Emails


@pytest.fixture
def sent_email() -> list[Any]:
    ses = boto3.client("sesv2")
    ses.create_email_identity(EmailIdentity="shop@shop.test")
    backend = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    sent: list[Any] = backend.sent_messages
    return sent


def test_confirmation_email_is_sent_once_for_repeated_events(sent_email: list[Any]) -> None:
    fixture = order_fixture()
    fixture.pay(fixture.place(order_placed_today()))
    deliver(send_order_confirmation, "OrderConfirmed")
    deliver(send_order_confirmation, "OrderConfirmed")
    (email,) = sent_email
    assert email.destinations["ToAddresses"] == ["jane@example.com"]
    assert email.source == "shop@shop.test"
    assert "38.39 USD" in email.subject


def test_email_claimed_by_another_process_is_retried_later(sent_email: list[Any]) -> None:
    fixture = order_fixture()
    fixture.pay(fixture.place(order_placed_today()))
    fixture.sent_emails.claim("ord_1", "confirmation", datetime.now(UTC))
    with pytest.raises(Unavailable):
        deliver(send_order_confirmation, "OrderConfirmed")
    assert sent_email == []


def test_cancelled_order_gets_no_email(sent_email: list[Any]) -> None:
    fixture = order_fixture()
    fixture.cancel(fixture.place(order_placed_today()))
    deliver(send_order_confirmation, "OrderConfirmed")
    assert sent_email == []


# Refunds


@pytest.mark.parametrize("kind", ["OrderCancelled", "PaymentReceivedLate"])
def test_payment_of_cancelled_order_is_refunded_once(kind: str) -> None:
    fixture = order_fixture()
    fixture.cancel(fixture.place_allocated(order_placed_today()))
    deliver(refund_excess_payment, kind)
    order = fixture.orders.get_by_id("ord_1")
    assert order.settled
    deliver(refund_excess_payment, kind)
    assert fixture.orders.get_by_id("ord_1") == order


def test_partial_cancellation_is_refunded() -> None:
    from shop.orders.actions.cancellation import cancel_unshipped

    fixture = order_fixture()
    order = fixture.capture(
        fixture.ship(fixture.place_allocated(order_placed_today()), lines={"li_1": 1})
    )
    order = cancel_unshipped(order.id, at=fixture.now, writes=fixture.writes)
    deliver(refund_excess_payment, "OrderPartiallyCancelled")
    order = fixture.orders.get_by_id("ord_1")
    assert (order.status, order.payment.net_captured) == (OrderStatus.CONFIRMED, order.due)


def test_order_that_continues_keeps_its_payment() -> None:
    fixture = order_fixture()
    order = fixture.capture(fixture.ship(fixture.place_allocated(order_placed_today())))
    deliver(refund_excess_payment, "OrderReturned")
    assert fixture.orders.get_by_id("ord_1").payment == order.payment


# Metrics


@pytest.mark.parametrize(
    ("kind", "data", "numbers"),
    [
        ("OrderPlaced", {}, [("OrdersPlaced", 1)]),
        (
            "OrderPlaced",
            {"untaxed_undecided": "GB"},
            [("OrdersPlaced", 1), ("OrdersUntaxedUndecided", 1)],
        ),
        ("PaymentFailed", {"reason": "card_declined"}, [("PaymentsFailed", 1)]),
        (
            "OrderConfirmed",
            {"total": 3839, "currency": "USD"},
            [("OrdersConfirmed", 1), ("Revenue", 38.39)],
        ),
        (
            "OrderConfirmed",
            {"total": 3839, "currency": "JPY"},
            [("OrdersConfirmed", 1), ("Revenue", 3839.0)],
        ),
    ],
)
def test_business_metrics_are_emitted(
    kind: str,
    data: dict[str, Any],
    numbers: list[tuple[str, float]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("WARNING", log.name):
        deliver(publish_business_metrics, kind, **data)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    warned = [vars(record).get("place") for record in caplog.records]
    assert warned == [data[name] for name in data if name == "untaxed_undecided"]
    assert [(name, line[name]) for line in lines for name, _ in numbers if name in line] == numbers
    assert all(line["Stage"] == "test" for line in lines)
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Doorbuster" for line in lines)
