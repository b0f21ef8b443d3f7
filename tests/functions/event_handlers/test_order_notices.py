"""Emails to the buyer after the confirmation, through their handler."""

from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.ses import ses_backends  # type: ignore[attr-defined]

from functions.event_handlers import send_order_notice
from shop.kernel.errors import Unavailable
from shop.orders.schemas.ucp import order_view
from tests.kit.order_fixtures import order_fixture, order_placed_today
from tests.kit.shop import Context

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def sent() -> list[Any]:
    boto3.client("sesv2").create_email_identity(EmailIdentity="shop@shop.test")
    backend = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    messages: list[Any] = backend.sent_messages
    return messages


def deliver(kind: str, *, number: int = 1, **data: Any) -> None:
    detail = {
        "id": f"ord_1.{number}.{kind}",
        "subject": "ord_1",
        "at": datetime.now(UTC).isoformat(),
        "data": data,
    }
    event = {"detail-type": kind, "source": "doorbuster", "detail": detail}
    send_order_notice.handler(event, Context())


def text_of(message: Any) -> str:
    return f"{message.subject} {message.body}"


def test_shipment_is_announced_once_with_its_pieces_and_tracking_link(sent: list[Any]) -> None:
    fixture = order_fixture()
    link = "https://courier.example/track?n=BIKE-1&lang=en"
    order = fixture.ship(
        fixture.place_allocated(order_placed_today()),
        "BIKE-1",
        carrier="manual",
        tracking_url=link,
        lines={"li_1": 1},
    )
    shipment = order.shipments[0].id
    for _ in range(2):  # the bus may deliver an event twice
        deliver("OrderShipped", shipment_id=shipment)
    (email,) = sent
    assert email.destinations["ToAddresses"] == ["jane@example.com"]
    text = text_of(email)
    assert "Your order is on its way" in text
    assert "BIKE-1" in text
    assert f"1 × {order.lines[0].title}" in text
    # Another shipment is another email
    second = fixture.ship(fixture.orders.get_by_id("ord_1"), "BIKE-2", carrier="manual")
    deliver("OrderShipped", number=2, shipment_id=second.shipments[1].id)
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("stated", "offered", "named"),
    [
        ("manual", "UPS & Co", "UPS & Co"),  # a label bought at the counter
        ("ups", "UPS", "UPS"),
        ("dhl", "UPS", "dhl"),  # staff chose another carrier than the option
        ("manual", "manual", "the carrier"),
        ("manual", " ", "the carrier"),
    ],
)
def test_buyer_reads_the_name_of_the_carrier_and_never_manual(
    sent: list[Any], stated: str, offered: str, named: str
) -> None:
    # Given a parcel by a shipping option of a carrier
    fixture = order_fixture()
    order = order_placed_today()
    option = replace(order.shipping_option, carrier=offered)
    order = fixture.place_allocated(order, shipping_option=option)
    order = fixture.ship(order, carrier=stated)

    # Then its email, its failed delivery and the order name the carrier
    deliver("OrderShipped", shipment_id=order.shipments[0].id)
    order = fixture.track("failed_attempt", carrier=stated)
    deliver("ShipmentUpdated", number=2, shipment_id=order.shipments[0].id, to="failed_attempt")
    text = unescape("".join(map(text_of, sent)))
    assert text.count(f"to {named}.") == text.count(f"by {named} failed") == 1
    for event in order_view(order, "")["fulfillment"]["events"][1:]:
        assert event.get("carrier", "the carrier") == named
    assert f"Handed over to {named}" in str(order_view(order, ""))
    assert "manual" not in f"{text} {order_view(order, '')}"


def test_only_the_newest_status_of_a_parcel_is_announced(sent: list[Any]) -> None:
    fixture = order_fixture()
    order = fixture.ship(fixture.place_allocated(order_placed_today()))
    shipment = order.shipments[0].id
    fixture.track("failed_attempt")
    fixture.track("delivered")
    # The event of the failed attempt arrives after the delivery
    deliver("ShipmentUpdated", number=2, shipment_id=shipment, to="failed_attempt")
    deliver("ShipmentUpdated", number=1, shipment_id=shipment, to="in_transit")
    assert sent == []
    deliver("ShipmentUpdated", number=3, shipment_id=shipment, to="delivered")
    assert ["has arrived" in text_of(email) for email in sent] == [True]


def test_cancellation_is_announced_with_its_reason(sent: list[Any]) -> None:
    fixture = order_fixture()
    fixture.cancel(fixture.place_allocated(order_placed_today()), "<b>ordered_twice</b>")
    deliver("OrderCancelled", reason="ordered twice")
    (email,) = sent
    assert "Your order is cancelled" in text_of(email)
    assert "ordered twice" in text_of(email)


def test_end_of_an_order_that_was_never_confirmed_is_not_announced(sent: list[Any]) -> None:
    fixture = order_fixture()
    fixture.cancel(fixture.place(order_placed_today()), "payment_expired")
    deliver("OrderCancelled", reason="payment_expired")
    assert sent == []


def test_notice_claimed_by_another_process_is_retried_later(sent: list[Any]) -> None:
    fixture = order_fixture()
    order = fixture.ship(fixture.place_allocated(order_placed_today()))
    fixture.sent_emails.claim("ord_1", "shipped.ord_1.1.OrderShipped", datetime.now(UTC))
    with pytest.raises(Unavailable):
        deliver("OrderShipped", shipment_id=order.shipments[0].id)
    assert sent == []


def test_event_of_an_unknown_shipment_sends_nothing(sent: list[Any]) -> None:
    order_fixture().place_allocated(order_placed_today())
    deliver("OrderShipped", shipment_id="par_unknown")
    assert sent == []
