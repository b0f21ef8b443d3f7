"""Orders in and out: UCP's words for shoppers, plain ones for staff, a carrier's, and letters."""

from shop.orders.wire.carrier import CarrierEvent
from shop.orders.wire.staff import CancelRequest, OrderList, ParcelRequest, StaffOrder
from shop.orders.wire.ucp import order_view

__all__ = [
    "CancelRequest",
    "CarrierEvent",
    "OrderList",
    "ParcelRequest",
    "StaffOrder",
    "order_view",
]
