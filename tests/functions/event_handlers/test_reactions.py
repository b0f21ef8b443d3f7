"""What follows from events, through the doors: each bears to hear an event twice."""

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
from shop.kernel.errors import Unavailable
from shop.orders.model import Order, OrderStatus
from tests.kit.order_fixtures import order_fixture, order_placed_today
from tests.kit.shop import ENVIRONMENT, Context

pytestmark = pytest.mark.usefixtures("cloud")


def tell(door: Any, kind: str, order: Order | None = None, **data: Any) -> None:
    detail = {
        "id": f"ord_1.2.{kind}",
        "subject": "ord_1" if order is None else order.id,
        "at": datetime.now(UTC).isoformat(),
        "data": data,
    }
    event = {"detail-type": kind, "source": "doorbuster", "detail": detail}
    assert kind in next(line.event_types for line in LINES if door.__name__.endswith(line.module))
    door.handler(event, Context())


LINES: Any = [line for line in FEATURE.functions if hasattr(line, "event_types")]


# The outbox


class Bus:
    """EventBridge, as far as it is spoken to."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert {entry["EventBusName"] for entry in Entries} == {ENVIRONMENT["BUS_NAME"]}
        self.told += [json.loads(entry["Detail"])["id"] for entry in Entries]
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


def stream_of(order_id: str) -> list[dict[str, Any]]:
    """The order's row as a stream record of its last write."""
    client = boto3.client("dynamodb")
    key = {"PK": {"S": f"ORDER#{order_id}"}, "SK": {"S": "HEAD#guest"}}
    item = client.get_item(TableName="orders", Key=key)["Item"]
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }
    return [{"dynamodb": {"SequenceNumber": "1", "Keys": key, "NewImage": image}}]


def test_what_an_orders_write_carries_is_put_on_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    monkeypatch.setattr(publish_events.publisher, "_client", bus)
    room = order_fixture()
    order = room.place(order_placed_today())
    records = stream_of("ord_1")
    room.pay(order)
    (after,) = stream_of("ord_1")
    after["dynamodb"]["OldImage"] = records[0]["dynamodb"]["NewImage"]
    after["dynamodb"]["SequenceNumber"] = "2"
    answer = publish_events.handler({"Records": [*records, after]}, Context())
    assert answer == {"batchItemFailures": []}
    assert bus.told == ["ord_1.1.OrderPlaced", "ord_1.2.OrderConfirmed"]


def test_rows_that_are_no_orders_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    monkeypatch.setattr(publish_events.publisher, "_client", bus)
    wait = {"PK": {"S": "ORDER#ord_1"}, "SK": {"S": "WAIT#payment"}, "token": {"S": "t"}}
    record = {"dynamodb": {"SequenceNumber": "1", "NewImage": wait}}
    assert publish_events.handler({"Records": [record]}, Context())["batchItemFailures"] == []
    assert bus.told == []


def test_the_publisher_starts_without_what_it_does_not_need() -> None:
    asked = "import sys, functions.event_handlers.publish_events; print(*sys.modules)"
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=path
    )
    assert not {"pynamodb", "stripe", "shop.orders", "shop.inventory"} & set(done.stdout.split())


# The workflow


class Machine:
    """Step Functions, as far as it is spoken to."""

    def __init__(self) -> None:
        self.said: list[tuple[str, ...]] = []

    def start(self, order_id: str) -> None:
        self.said.append(("start", order_id))

    def resume(self, token: str, result: dict[str, Any]) -> None:
        self.said.append(("resume", token))

    def abort(self, token: str, error: str, cause: str) -> None:
        self.said.append(("abort", token, error, cause))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    for door in (start_workflow, advance_workflow):
        monkeypatch.setattr(door, "workflow", machine)
    return machine


def test_an_order_that_is_placed_starts_its_workflow(machine: Machine) -> None:
    tell(start_workflow, "OrderPlaced")
    assert machine.said == [("start", "ord_1")]


def test_a_step_that_waits_for_the_payment_goes_on(machine: Machine) -> None:
    room = order_fixture()
    order = room.place(order_placed_today())
    room.waits.save("ord_1", "payment", "t1", room.now)
    tell(advance_workflow, "OrderConfirmed")
    assert machine.said == []
    room.pay(order)
    tell(advance_workflow, "OrderConfirmed")
    assert machine.said == [("resume", "t1")]


def test_an_order_that_is_called_off_leaves_whichever_step_it_waits_in(machine: Machine) -> None:
    room = order_fixture()
    order = room.sold(order_placed_today())
    room.waits.save("ord_1", "payment", "t1", room.now)
    room.waits.save("ord_1", "shipment", "t2", room.now)
    room.cancel(order, "ordered twice")
    tell(advance_workflow, "OrderCancelled")
    assert machine.said == [
        ("abort", "t1", "OrderTerminated", "ordered twice"),
        ("abort", "t2", "OrderTerminated", "ordered twice"),
    ]


def test_a_parcel_that_moves_wakes_nobody_until_all_has_landed(machine: Machine) -> None:
    room = order_fixture()
    order = room.ship(room.sold(order_placed_today()), "1Z1", lines={"li_1": 2})
    room.ship(order, "1Z2")
    room.waits.save("ord_1", "delivery", "t3", room.now)
    room.hear("lost", "1Z1")
    tell(advance_workflow, "ShipmentUpdated")
    assert machine.said == []
    room.hear("delivered", "1Z2")
    tell(advance_workflow, "ShipmentUpdated")
    assert [said[:3] for said in machine.said] == [("abort", "t3", "OrderTerminated")]


# The letter


@pytest.fixture
def sent_email() -> list[Any]:
    ses = boto3.client("sesv2")
    ses.create_email_identity(EmailIdentity="shop@shop.test")
    backend = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    sent: list[Any] = backend.sent_messages
    return sent


def test_the_buyer_is_written_to_once_however_often_it_is_told(sent_email: list[Any]) -> None:
    room = order_fixture()
    room.pay(room.place(order_placed_today()))
    tell(send_order_confirmation, "OrderConfirmed")
    tell(send_order_confirmation, "OrderConfirmed")
    (letter,) = sent_email
    assert letter.destinations["ToAddresses"] == ["jane@example.com"]
    assert letter.source == "shop@shop.test"
    assert "38.39 USD" in letter.subject


def test_a_letter_that_another_writes_just_now_is_left_to_it(sent_email: list[Any]) -> None:
    room = order_fixture()
    room.pay(room.place(order_placed_today()))
    room.letters.claim("ord_1", "confirmation", datetime.now(UTC))
    with pytest.raises(Unavailable):
        tell(send_order_confirmation, "OrderConfirmed")
    assert sent_email == []


def test_nobody_is_written_to_about_an_order_called_off(sent_email: list[Any]) -> None:
    room = order_fixture()
    room.cancel(room.place(order_placed_today()))
    tell(send_order_confirmation, "OrderConfirmed")
    assert sent_email == []


# Money back


@pytest.mark.parametrize("kind", ["OrderCancelled", "PaymentReceivedLate"])
def test_money_of_an_order_called_off_goes_back_once(kind: str) -> None:
    room = order_fixture()
    room.cancel(room.sold(order_placed_today()))
    tell(refund_excess_payment, kind)
    order = room.orders.get_by_id("ord_1")
    assert order.settled
    tell(refund_excess_payment, kind)
    assert room.orders.get_by_id("ord_1") == order


def test_money_for_what_was_not_shipped_goes_back() -> None:
    from shop.orders.actions.cancellation import cancel_unshipped

    room = order_fixture()
    order = room.capture(room.ship(room.sold(order_placed_today()), lines={"li_1": 1}))
    order = cancel_unshipped(order.id, at=room.now, writes=room.writes)
    tell(refund_excess_payment, "OrderPartiallyCancelled")
    order = room.orders.get_by_id("ord_1")
    assert (order.status, order.payment.net_captured) == (OrderStatus.CONFIRMED, order.due)


def test_an_order_that_stands_keeps_its_money() -> None:
    room = order_fixture()
    order = room.capture(room.ship(room.sold(order_placed_today())))
    tell(refund_excess_payment, "OrderReturned")
    assert room.orders.get_by_id("ord_1").payment == order.payment


# The numbers


@pytest.mark.parametrize(
    ("kind", "data", "numbers"),
    [
        ("OrderPlaced", {}, [("OrdersPlaced", 1)]),
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
def test_the_business_is_counted(
    kind: str,
    data: dict[str, Any],
    numbers: list[tuple[str, float]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(publish_business_metrics, kind, **data)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(name, line[name]) for line in lines for name, _ in numbers if name in line] == numbers
    assert all(line["Stage"] == "test" for line in lines)
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Doorbuster" for line in lines)
