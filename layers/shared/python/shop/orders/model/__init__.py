"""The domain model of orders."""

from shop.orders.model.lines import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_RESTOCKED_PER_BATCH,
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
    OrderCredit,
    OrderStatus,
    PlacedQuote,
)
from shop.orders.model.returns import (
    Condition,
    OrderRefund,
    OrderReturn,
    ReturnedPieces,
    TaxShare,
)
from shop.orders.model.shipments import (
    FINAL_STATUSES,
    MANUAL_CARRIER,
    MAX_TRACKING_EVENTS,
    OrderShippingOption,
    ParkedEvent,
    Shipment,
    ShipmentInput,
    ShipmentStatus,
    TrackingEvent,
    validate_event_time,
)

__all__ = [
    "FINAL_STATUSES",
    "GUEST_OWNER",
    "MANUAL_CARRIER",
    "MAX_RESERVATIONS_PER_BATCH",
    "MAX_RESTOCKED_PER_BATCH",
    "MAX_SHIPPED_PER_BATCH",
    "MAX_TRACKING_EVENTS",
    "MAY_BECOME",
    "TERMINATED",
    "Condition",
    "HistoryEntry",
    "Order",
    "OrderCredit",
    "OrderLine",
    "OrderRefund",
    "OrderReturn",
    "OrderShippingOption",
    "OrderStatus",
    "ParkedEvent",
    "PlacedQuote",
    "ReservationBatch",
    "ReturnedPieces",
    "Shipment",
    "ShipmentInput",
    "ShipmentStatus",
    "TaxShare",
    "TrackingEvent",
    "split_into_batches",
    "take_from_reservations",
    "validate_event_time",
]
