"""The parcels' way, and how it ends: arrived, come back, or never heard of again."""

from datetime import datetime

from shop.kernel.errors import Conflict
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import Order, OrderStatus, ShipmentStatus, TrackingEvent
from shop.orders.ports import OrderRepository


def record_tracking_event(
    carrier: str,
    tracking_number: str,
    event: TrackingEvent,
    *,
    at: datetime,
    orders: OrderRepository,
) -> Order:
    """Take note of what a carrier says of a parcel. Raises NotFound for one that is not ours.

    Raises Invalid for a report that cannot be true: it will not be truer later.
    """
    order_id, parcel_id = orders.find_shipment(carrier, tracking_number)

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        after, events = order.with_tracking(parcel_id, event, at, f"carrier {carrier}")
        return order if after == order else orders.save(order, after, events)

    return retry_on_conflict(attempt)


def complete_order(order_id: str, *, at: datetime, orders: OrderRepository) -> Order:
    """Close an order that has arrived. Closed before, it stays as it is."""

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        if order.status is OrderStatus.COMPLETED:
            return order
        after, events = order.complete(at, "workflow")
        return orders.save(order, after, events)

    return retry_on_conflict(attempt)


def abandon_delivery(order_id: str, *, late: bool, at: datetime, orders: OrderRepository) -> Order:
    """Parcels came back, were lost, or (``late``) were never heard of again.

    The refund follows from the event. Raises Conflict while parcels are on their way in time:
    whatever broke, it was not the delivery.
    """

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        if order.status is not OrderStatus.CONFIRMED or order.delivered:
            return order
        if not (late or order.all_delivered_or_lost):
            raise Conflict("the parcels are on their way", code="order_state")
        ends = {parcel.status for parcel in order.shipments} & {
            ShipmentStatus.LOST,
            ShipmentStatus.RETURNED,
        }
        reason = min(ends).value if ends else "not_delivered"
        after, events = order.mark_returned(reason, at, "deadline" if late else "carrier")
        return orders.save(order, after, events)

    return retry_on_conflict(attempt)
