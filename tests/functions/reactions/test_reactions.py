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

from functions.reactions import (
    advance_workflow,
    confirm_by_mail,
    measure,
    publish_events,
    settle_payment,
    start_workflow,
)
from functions.reactions.manifest import FEATURE
from shop.kernel.errors import Unavailable
from shop.orders.model import Order, Status
from tests.kit.backroom import back_room, todays
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
    assert kind in next(line.on for line in LINES if door.__name__.endswith(line.module))
    door.handler(event, Context())


LINES: Any = [line for line in FEATURE.functions if hasattr(line, "on")]


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
    room = back_room()
    order = room.place(todays())
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
    asked = "import sys, functions.reactions.publish_events; print(*sys.modules)"
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
    room = back_room()
    order = room.place(todays())
    room.waits.wait("ord_1", "payment", "t1", room.now)
    tell(advance_workflow, "OrderConfirmed")
    assert machine.said == []
    room.pay(order)
    tell(advance_workflow, "OrderConfirmed")
    assert machine.said == [("resume", "t1")]


def test_an_order_that_is_called_off_leaves_whichever_step_it_waits_in(machine: Machine) -> None:
    room = back_room()
    order = room.sold(todays())
    room.waits.wait("ord_1", "payment", "t1", room.now)
    room.waits.wait("ord_1", "shipment", "t2", room.now)
    room.cancel(order, "ordered twice")
    tell(advance_workflow, "OrderCancelled")
    assert machine.said == [
        ("abort", "t1", "CalledOff", "ordered twice"),
        ("abort", "t2", "CalledOff", "ordered twice"),
    ]


def test_a_parcel_that_moves_wakes_nobody_until_all_has_landed(machine: Machine) -> None:
    room = back_room()
    order = room.ship(room.sold(todays()), "1Z1", lines={"li_1": 2})
    room.ship(order, "1Z2")
    room.waits.wait("ord_1", "delivery", "t3", room.now)
    room.hear("lost", "1Z1")
    tell(advance_workflow, "ParcelMoved")
    assert machine.said == []
    room.hear("delivered", "1Z2")
    tell(advance_workflow, "ParcelMoved")
    assert [said[:3] for said in machine.said] == [("abort", "t3", "CalledOff")]


# The letter


@pytest.fixture
def post() -> list[Any]:
    ses = boto3.client("sesv2")
    ses.create_email_identity(EmailIdentity="shop@shop.test")
    backend = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    sent: list[Any] = backend.sent_messages
    return sent


def test_the_buyer_is_written_to_once_however_often_it_is_told(post: list[Any]) -> None:
    room = back_room()
    room.pay(room.place(todays()))
    tell(confirm_by_mail, "OrderConfirmed")
    tell(confirm_by_mail, "OrderConfirmed")
    (letter,) = post
    assert letter.destinations["ToAddresses"] == ["jane@example.com"]
    assert letter.source == "shop@shop.test"
    assert "38.39 USD" in letter.subject


def test_a_letter_that_another_writes_just_now_is_left_to_it(post: list[Any]) -> None:
    room = back_room()
    room.pay(room.place(todays()))
    room.letters.taken("ord_1", "confirmation", datetime.now(UTC))
    with pytest.raises(Unavailable):
        tell(confirm_by_mail, "OrderConfirmed")
    assert post == []


def test_nobody_is_written_to_about_an_order_called_off(post: list[Any]) -> None:
    room = back_room()
    room.cancel(room.place(todays()))
    tell(confirm_by_mail, "OrderConfirmed")
    assert post == []


# Money back


@pytest.mark.parametrize("kind", ["OrderCancelled", "PaymentArrivedLate"])
def test_money_of_an_order_called_off_goes_back_once(kind: str) -> None:
    room = back_room()
    room.cancel(room.sold(todays()))
    tell(settle_payment, kind)
    order = room.orders.by_id("ord_1")
    assert order.settled
    tell(settle_payment, kind)
    assert room.orders.by_id("ord_1") == order


def test_money_for_what_was_not_shipped_goes_back() -> None:
    from shop.orders.actions.calling_off import release_allocation

    room = back_room()
    order = room.capture(room.ship(room.sold(todays()), lines={"li_1": 1}))
    order = release_allocation(order.id, at=room.now, **room.books)
    tell(settle_payment, "OrderShortened")
    order = room.orders.by_id("ord_1")
    assert (order.status, order.payment.kept) == (Status.CONFIRMED, order.due)


def test_an_order_that_stands_keeps_its_money() -> None:
    room = back_room()
    order = room.capture(room.ship(room.sold(todays())))
    tell(settle_payment, "OrderReturned")
    assert room.orders.by_id("ord_1").payment == order.payment


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
    tell(measure, kind, **data)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(name, line[name]) for line in lines for name, _ in numbers if name in line] == numbers
    assert all(line["Stage"] == "test" for line in lines)
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Doorbuster" for line in lines)
