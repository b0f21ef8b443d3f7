"""The parcels' way, and how it ends: arrived, come back, or never heard of again."""

from datetime import datetime

from shop.kernel.errors import Conflict
from shop.orders.actions.writing import insist
from shop.orders.model import Order, ParcelStatus, Status, Tracking
from shop.orders.ports import Orders


def move_parcel(
    carrier: str,
    tracking_number: str,
    heard: Tracking,
    *,
    at: datetime,
    orders: Orders,
) -> Order:
    """Take note of what a carrier says of a parcel. Raises NotFound for one that is not ours.

    Raises Invalid for a report that cannot be true: it will not be truer later.
    """
    order_id, parcel_id = orders.parcel(carrier, tracking_number)

    def attempt() -> Order:
        order = orders.by_id(order_id)
        after, events = order.tracked(parcel_id, heard, at, f"carrier {carrier}")
        return order if after == order else orders.save(order, after, events)

    return insist(attempt)


def complete_order(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """Close an order that has arrived. Closed before, it stays as it is."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is Status.COMPLETED:
            return order
        after, events = order.completed(at, "workflow")
        return orders.save(order, after, events)

    return insist(attempt)


def give_up_delivery(order_id: str, *, late: bool, at: datetime, orders: Orders) -> Order:
    """Parcels came back, were lost, or (``late``) were never heard of again.

    The refund follows from the event. Raises Conflict while parcels are on their way in time:
    whatever broke, it was not the delivery.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is not Status.CONFIRMED or order.delivered:
            return order
        if not (late or order.landed):
            raise Conflict("the parcels are on their way", code="order_state")
        ends = {parcel.status for parcel in order.parcels} & {
            ParcelStatus.LOST,
            ParcelStatus.RETURNED,
        }
        reason = min(ends).value if ends else "not_delivered"
        after, events = order.returned(reason, at, "deadline" if late else "carrier")
        return orders.save(order, after, events)

    return insist(attempt)
