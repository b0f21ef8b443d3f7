"""Late orders: the buyer is told once that the promised date has passed."""

from datetime import datetime, timedelta

from shop.kernel.errors import VersionConflict
from shop.orders.model import OrderStatus
from shop.orders.ports import OrderRepository

DELAY_GRACE = timedelta(hours=12)
"""Time after the promised arrival in which a carrier's last report may still be under way."""


def announce_delays(
    *, at: datetime, orders: OrderRepository, max_results: int = 1_000
) -> tuple[int, int]:
    """Publish ``OrderDelayed`` for every order that is late, oldest first, once per order.

    The event's handler sends the email. May run twice at the same time: each write states the
    version that was read. Returns the number of late orders found, and of those announced.
    """
    late = orders.list_late(at - DELAY_GRACE, max_results)
    announced = 0
    for order_id in late:
        order = orders.get_by_id(order_id)
        # The list may lag behind the order: its last parcel may have arrived.
        if order.delay_announced or order.status is not OrderStatus.CONFIRMED:
            continue
        if not order.promised_pieces:
            continue
        after, events = order.announce_delay(at, "shop")
        try:
            orders.save(order, after, events)
        except VersionConflict:
            continue  # another writer was faster; the next run decides on the newer order
        announced += 1
    return len(late), announced
