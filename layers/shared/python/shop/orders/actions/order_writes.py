"""The repositories that a transaction on an order writes through."""

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
    """Also the usage counters, which the cancellation of a whole order releases."""

    usage: UsageRelease
