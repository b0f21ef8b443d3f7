"""Notices to the buyer about an order: which change of the order is worth an email."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shop.kernel.frozen import frozen
from shop.orders.model.order import Order
from shop.orders.model.order_state import OrderStatus
from shop.orders.model.returns import OrderRefund
from shop.orders.model.shipments import Shipment, ShipmentStatus


class NoticeKind(StrEnum):
    """What happened to the order."""

    SHIPPED = "shipped"
    FAILED_ATTEMPT = "failed_attempt"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    PARTIALLY_CANCELLED = "partially_cancelled"
    RETURNED = "returned"
    DELAYED = "delayed"
    NOT_DELIVERED = "not_delivered"
    REFUNDED = "refunded"


@frozen(slots=False)
class Notice:
    """One notice, with the shipment or the refund that it is about, if it is about one."""

    kind: NoticeKind
    shipment: Shipment | None = None
    refund: OrderRefund | None = None


_OF_ORDER: Mapping[str, NoticeKind] = {
    "OrderCancelled": NoticeKind.CANCELLED,
    "OrderPartiallyCancelled": NoticeKind.PARTIALLY_CANCELLED,
    "OrderReturned": NoticeKind.RETURNED,
}
_OF_SHIPMENT: Mapping[ShipmentStatus, NoticeKind] = {
    ShipmentStatus.FAILED_ATTEMPT: NoticeKind.FAILED_ATTEMPT,
    ShipmentStatus.DELIVERED: NoticeKind.DELIVERED,
}


def notice_of(order: Order, event_type: str, data: Mapping[str, Any]) -> Notice | None:
    """Return the notice that an event calls for; ``None`` if the buyer need not know.

    Events arrive late and in any order, so the state of the order decides. An order that was never
    confirmed was never announced, so its end is not announced either. A parcel's status that a
    newer one has replaced is no news.
    """
    if not order.was_confirmed:
        return None
    if event_type == "OrderDelayed":
        waits = order.status is OrderStatus.CONFIRMED and order.promised_pieces
        return Notice(NoticeKind.DELAYED) if waits else None
    if event_type == "OrderReturned" and not data.get("sent_back", True):
        return Notice(NoticeKind.NOT_DELIVERED)
    if event_type in _OF_ORDER:
        return Notice(_OF_ORDER[event_type])
    if event_type == "OrderRefunded":
        return Notice(NoticeKind.REFUNDED, refund=order.refunds[data["refund"] - 1])
    shipment = next((each for each in order.shipments if each.id == data["shipment_id"]), None)
    if shipment is None:
        return None
    if event_type == "OrderShipped":
        return Notice(NoticeKind.SHIPPED, shipment)
    kind = _OF_SHIPMENT.get(ShipmentStatus(data["to"]))
    if kind is None or shipment.status.value != data["to"]:
        return None
    return Notice(kind, shipment)
