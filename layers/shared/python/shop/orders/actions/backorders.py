"""Allocation of received stock to orders that wait for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop.inventory.actions.backorders import earmark_for_backorders
from shop.inventory.model import Reservation
from shop.inventory.model.shards import INBOUND_SHARD
from shop.inventory.ports import StockRepository
from shop.kernel.errors import NotFound
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.model import MAX_RESERVATIONS_PER_BATCH, Order


def allocate_backorders(
    *, at: datetime, stock: StockRepository, writes: OrderStockWrites
) -> tuple[int, int]:
    """Allocate received stock to waiting orders, oldest first.

    A reservation is allocated whole or not at all. A later order may be served before an earlier
    one if the received stock is too little for the earlier one. Two runs at the same time allocate
    each reservation once. Returns the number of waiting orders, and of orders that received stock.
    """
    waiting = []
    for order_id in writes.orders.list_awaiting_stock():
        try:
            waiting.append(writes.orders.get_by_id(order_id))
        except NotFound:
            continue  # one entry without an order must not stop the others
    demand = [(each.sku, each.location) for order in waiting for each in _inbound(order)]
    # Earmarked units are not for sale, so new orders cannot take them in between.
    earmarked = earmark_for_backorders(demand, at=at, stock=stock)
    allocated = 0
    for order in waiting:
        received = _take_earmarked(order, earmarked)
        if received and _allocate(order, received, at, writes):
            allocated += 1
    return len(waiting), allocated


def _inbound(order: Order) -> Sequence[Reservation]:
    return [each for each in order.reservations if each.shard == INBOUND_SHARD]


def _take_earmarked(order: Order, earmarked: dict[tuple[str, str], int]) -> list[Reservation]:
    """Return the inbound reservations that earmarked units suffice for, and subtract them."""
    received = []
    # Each reservation writes two items: its inbound row and its row on hand. The rest of a large
    # order is allocated by the next run.
    for reservation in _inbound(order)[: MAX_RESERVATIONS_PER_BATCH // 2]:
        key = (reservation.sku, reservation.location)
        if earmarked.get(key, 0) >= reservation.quantity:
            earmarked[key] -= reservation.quantity
            received.append(reservation)
    return received


def _allocate(
    order: Order, received: Sequence[Reservation], at: datetime, writes: OrderStockWrites
) -> bool:
    def move_to_on_hand(transaction: Any) -> None:
        writes.stock.cover_backorder(transaction, received)

    after, events = order.with_backorder_allocated(received, at, "shop")
    try:
        writes.uow.commit(writes.orders.update_op(order, after, events), move_to_on_hand)
    except ConditionFailed:
        return False  # another writer changed the order or its stock; the next run tries again
    return True
