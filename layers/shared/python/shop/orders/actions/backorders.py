"""Goods that were awaited are here: each order that waits gets its own, the oldest first."""

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
    *,
    at: datetime,
    book: StockRepository,
    writes: OrderStockWrites,
) -> tuple[int, int]:
    """Give what came to who waits for it. Returns how many orders wait, and how many got goods.

    An article of an order is covered whole or not yet; who comes later is served meanwhile with
    what does not reach for the one before. May run twice at once: each promise moves once.
    """
    waiting = []
    for order_id in writes.orders.list_awaiting_stock():
        try:
            waiting.append(writes.orders.get_by_id(order_id))
        except NotFound:
            continue
    wanted = [(hold.sku, hold.location) for order in waiting for hold in _awaited(order)]
    aside = earmark_for_backorders(wanted, at=at, stock=book)
    covered = 0
    for order in waiting:
        here = _reached(order, aside)
        if here and _cover(order, here, at, writes):
            covered += 1
    return len(waiting), covered


def _awaited(order: Order) -> Sequence[Reservation]:
    return [hold for hold in order.reservations if hold.shard == INBOUND_SHARD]


def _reached(order: Order, aside: dict[tuple[str, str], int]) -> list[Reservation]:
    """The awaited holds that what is put aside reaches for; it is taken off that."""
    here = []
    for hold in _awaited(order)[: MAX_RESERVATIONS_PER_BATCH // 2]:  # two rows each
        if aside.get((hold.sku, hold.location), 0) >= hold.quantity:
            aside[hold.sku, hold.location] -= hold.quantity
            here.append(hold)
    return here


def _cover(
    order: Order,
    available: Sequence[Reservation],
    at: datetime,
    writes: OrderStockWrites,
) -> bool:
    def cover(transaction: Any) -> None:
        writes.stock.cover_backorder(transaction, available)

    after, events = order.with_backorder_allocated(available, at, "shop")
    try:
        writes.uow.commit(
            writes.orders.update_op(order, after, events),
            cover,
        )
    except ConditionFailed:
        return False  # the order or its goods moved just now: next time
    return True
