"""The repositories that one transaction on an order writes through."""

from typing import Any

from shop.inventory.ports import StockReservations
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import UnitOfWork
from shop.orders.ports import OrderRepository, UsageRelease


@frozen(slots=False)
class OrderStockWrites:
    """Orders and stock reservations, and the unit of work that commits both together."""

    orders: OrderRepository
    stock: StockReservations[Any]
    uow: UnitOfWork


@frozen(slots=False)
class OrderWrites(OrderStockWrites):
    """Also the usage counters, which an order that is cancelled as a whole releases."""

    usage: UsageRelease
