"""The history of an order in words that a person uses."""

import re
from collections.abc import Mapping

from shop.kernel.money import Money
from shop.orders.model import HistoryEntry, Order
from shop.orders.schemas.ucp import reason_text

TEXTS: Mapping[str, str] = {
    "placed": "Order placed",
    "abandoned": "Order not placed",
    "allocated": "Assigned to a location",
    "back-order allocated": "Back-ordered goods assigned",
    "group completed": "Group buy complete",
    "shipped": "Parcel handed over to the carrier",
    "delay announced": "Delay announced to the buyer",
    "cancelled": "Order cancelled",
    "partially cancelled": "Unshipped pieces cancelled",
    "completed": "Order completed",
    "returned": "Goods returned by the buyer",
    "not delivered": "Goods not delivered",
    "restocked": "Returned goods in stock again",
    "refund granted": "Refund granted",
    "payment created": "Payment begun",
    "payment requires_action": "Payment waits for the buyer",
    "payment processing": "Payment in progress",
    "payment authorized": "Payment authorized",
    "payment captured": "Payment captured",
    "payment refunded": "Money refunded",
    "payment failed": "Payment failed",
    "payment cancelled": "Payment voided",
    "parcel shipped": "Parcel shipped",
    "parcel in_transit": "Parcel on its way",
    "parcel out_for_delivery": "Parcel out for delivery",
    "parcel failed_attempt": "Delivery attempt failed",
    "parcel delivered": "Parcel delivered",
    "parcel returned_to_sender": "Parcel returned to the sender",
    "parcel lost": "Parcel lost",
}
"""Text of each event of a history."""

_REASON_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
_UNDELIVERED_REASONS = frozenset({"lost", "returned_to_sender", "not_delivered"})


def text_of(entry: HistoryEntry, order: Order) -> str:
    """Return what happened, with the amount of money that moved and the reason."""
    event = entry.event
    if event == "returned" and entry.reason in _UNDELIVERED_REASONS:
        event = "not delivered"  # an older order recorded both by one event
    text = TEXTS.get(event, event.replace("_", " ").capitalize())
    kind = event.removeprefix("payment ")
    moved = sum(
        payment.amount
        for payment in order.payment.entries
        if payment.kind == kind and payment.at == entry.at and event != kind
    )
    details = [str(Money(moved, order.currency))] if moved else []
    if entry.reason:
        is_code = _REASON_CODE.fullmatch(entry.reason) is not None
        details.append(reason_text(entry.reason) if is_code else entry.reason)
    return ": ".join([text, *details])
