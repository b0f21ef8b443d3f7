"""What an order is and may become."""

from shop.orders.model.lines import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_SHIPPED_PER_BATCH,
    OrderLine,
    ReservationBatch,
    split_into_batches,
    take_from_reservations,
)
from shop.orders.model.order import Order
from shop.orders.model.order_state import (
    GUEST_OWNER,
    MAY_BECOME,
    TERMINATED,
    HistoryEntry,
    OrderStatus,
    held_amount,
)
from shop.orders.model.shipments import (
    ALLOWED_AFTER,
    CLOCK_TOLERANCE,
    FINAL_STATUSES,
    MAX_TRACKING_EVENTS,
    Shipment,
    ShipmentStatus,
    TrackingEvent,
    validate_event_time,
)

__all__ = [
    "ALLOWED_AFTER",
    "CLOCK_TOLERANCE",
    "FINAL_STATUSES",
    "GUEST_OWNER",
    "MAX_RESERVATIONS_PER_BATCH",
    "MAX_SHIPPED_PER_BATCH",
    "MAX_TRACKING_EVENTS",
    "MAY_BECOME",
    "TERMINATED",
    "HistoryEntry",
    "Order",
    "OrderLine",
    "OrderStatus",
    "ReservationBatch",
    "Shipment",
    "ShipmentStatus",
    "TrackingEvent",
    "held_amount",
    "split_into_batches",
    "take_from_reservations",
    "validate_event_time",
]
