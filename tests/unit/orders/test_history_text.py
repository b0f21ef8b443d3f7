"""The history of an order as a person reads it: words, amounts, reasons and names."""

import re
from pathlib import Path

import pytest

from shop.orders.actions.delivery import abandon_delivery, complete_order
from shop.orders.model import HistoryEntry, Order, ShipmentStatus
from shop.orders.schemas.history_text import TEXTS, text_of
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.ucp import order_view
from shop.payments.model import PaymentStatus
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.order_fixture import OrderFixture


def texts(order: Order) -> list[str]:
    return [entry.text for entry in StaffOrder.of(order).history]


def test_every_event_of_the_model_has_a_text() -> None:
    model = Path(__file__).parents[3] / "layers/shared/python/shop/orders/model"
    source = "".join(path.read_text("utf-8") for path in model.glob("*.py"))
    written = set(re.findall(r'_with_history\([^")]*"([^"{]+)"', source))
    assert {"placed", "shipped", "returned", "restocked", "refund granted"} <= written
    named = set(re.findall(r'^[A-Z_]+ = "([a-z ]+)"$', source, re.MULTILINE))
    payments = {f"payment {status}" for status in (*PaymentStatus, "refunded")}
    parcels = {f"parcel {status}" for status in ShipmentStatus}
    events = (written | payments | parcels | (named - {"guest", "manual"})) - {""}
    assert events <= set(TEXTS)


def test_refunds_and_returns_show_amounts_and_reasons(memory: OrderFixture) -> None:
    order = memory.place_allocated()
    memory.ship(order)
    memory.capture(order)
    memory.track("delivered")
    complete_order(order.id, at=memory.advance(minutes=1), orders=memory.orders)
    memory.return_goods(order, {"li_1": 1}, "lost interest", restock=True)
    memory.refund_excess(order)
    memory.advance(minutes=1)
    memory.refund(order, 500, "two days late")
    shown = texts(memory.refund_excess(order))
    assert shown[1:] == [
        "Payment authorized: 38.39 USD",
        "Assigned to a location: main",
        "Parcel handed over to the carrier: 1Z999",
        "Payment captured: 38.39 USD",
        "Parcel delivered",
        "Order completed",
        "Goods returned by the buyer: lost interest",
        "Returned goods in stock again: 1 of MUG-RED at main",
        "Money refunded: 10.80 USD",
        "Refund granted: 5.00 USD: two days late",
        "Money refunded: 5.00 USD",
    ]


def test_undelivered_and_returned_pieces_read_differently(memory: OrderFixture) -> None:
    order = memory.place_allocated()
    memory.ship(order, "1Z1", lines={"li_1": 2})
    memory.ship(order, "1Z2")
    memory.track("delivered", "1Z1")
    memory.return_goods(order, {"li_1": 1}, "too small")
    memory.track("lost", "1Z2")
    after = abandon_delivery(order.id, late=False, at=memory.now, orders=memory.orders)
    shown = texts(after)
    assert "Goods returned by the buyer: too small" in shown
    assert "Goods not delivered: Lost in transit" in shown
    events = order_view(after, "")["fulfillment"]["events"]
    (returned,) = [each for each in events if each["type"] == "returned"]
    assert (returned["description"], returned["line_items"]) == (
        "Returned: too small",
        [{"id": "li_1", "quantity": 1}],
    )
    assert [each["type"] for each in events].count("lost") == 1


def test_parcel_without_a_report_is_shown_as_not_delivered(memory: OrderFixture) -> None:
    order = memory.ship(memory.place_allocated())
    after = abandon_delivery(order.id, late=True, at=memory.advance(days=45), orders=memory.orders)
    event = order_view(after, "")["fulfillment"]["events"][-1]
    assert (event["type"], event["description"]) == ("undeliverable", "Not delivered in time")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("lost", "Goods not delivered: Lost in transit"),
        ("too small", "Goods returned by the buyer: too small"),
        ("LOST", "Goods returned by the buyer: LOST"),
    ],
)
def test_older_orders_recorded_both_by_one_event(reason: str, text: str) -> None:
    assert text_of(HistoryEntry(BLACK_FRIDAY, "returned", "x", reason), make_order()) == text


def test_codes_are_shown_in_words() -> None:
    cancelled = HistoryEntry(BLACK_FRIDAY, "cancelled", "deadline", "payment_expired")
    assert text_of(cancelled, make_order()) == "Order cancelled: Not paid in time"
    declined = HistoryEntry(BLACK_FRIDAY, "payment failed", "stripe", "card_declined")
    assert text_of(declined, make_order()) == "Payment failed: card declined"


def test_refunded_payment_is_shown_as_refunded(memory: OrderFixture) -> None:
    order = memory.capture(memory.ship(memory.place_allocated()))
    assert StaffOrder.of(order).payment.status == "captured"
    memory.refund(order, 500)
    order = memory.refund_excess(order)
    assert StaffOrder.of(order).payment.status == "partially_refunded"
    memory.refund(order, order.refundable)
    assert StaffOrder.of(memory.refund_excess(order)).payment.status == "refunded"
