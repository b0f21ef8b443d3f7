"""What an order is and may become."""

from shop.orders.model.goods import AT_ONCE, SHIPPED_AT_ONCE, Batch, OrderLine, drawn, in_batches
from shop.orders.model.order import Order
from shop.orders.model.parcels import (
    ENDS,
    MOST_TRACKING,
    SLACK,
    STICKY,
    Parcel,
    ParcelStatus,
    Tracking,
    refuse_implausible,
)
from shop.orders.model.record import CALLED_OFF, GUEST, MAY_BECOME, Moment, Status, held

__all__ = [
    "AT_ONCE",
    "CALLED_OFF",
    "ENDS",
    "GUEST",
    "MAY_BECOME",
    "MOST_TRACKING",
    "SHIPPED_AT_ONCE",
    "SLACK",
    "STICKY",
    "Batch",
    "Moment",
    "Order",
    "OrderLine",
    "Parcel",
    "ParcelStatus",
    "Status",
    "Tracking",
    "drawn",
    "held",
    "in_batches",
    "refuse_implausible",
]
