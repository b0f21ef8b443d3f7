"""Goods that were awaited are here: each order that waits gets its own, the oldest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop.inventory.actions.terms import put_aside_for_who_waits
from shop.inventory.model import Hold
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Holds, Stock
from shop.kernel.errors import NotFound
from shop.kernel.transactions import Clash, Ledger
from shop.orders.model import AT_ONCE, Order
from shop.orders.ports import Orders


def cover_orders(
    *, at: datetime, orders: Orders, book: Stock, stock: Holds[Any], ledger: Ledger
) -> tuple[int, int]:
    """Give what came to who waits for it. Returns how many orders wait, and how many got goods.

    An article of an order is covered whole or not yet; who comes later is served meanwhile with
    what does not reach for the one before. May run twice at once: each promise moves once.
    """
    waiting = []
    for order_id in orders.awaiting():
        try:
            waiting.append(orders.by_id(order_id))
        except NotFound:
            continue
    wanted = [(hold.sku, hold.location) for order in waiting for hold in _awaited(order)]
    aside = put_aside_for_who_waits(wanted, at=at, stock=book)
    covered = 0
    for order in waiting:
        here = _reached(order, aside)
        if here and _cover(order, here, at, orders, stock, ledger):
            covered += 1
    return len(waiting), covered


def _awaited(order: Order) -> Sequence[Hold]:
    return [hold for hold in order.holds if hold.shard == AWAITED]


def _reached(order: Order, aside: dict[tuple[str, str], int]) -> list[Hold]:
    """The awaited holds that what is put aside reaches for; it is taken off that."""
    here = []
    for hold in _awaited(order)[: AT_ONCE // 2]:  # two rows each
        if aside.get((hold.sku, hold.location), 0) >= hold.quantity:
            aside[hold.sku, hold.location] -= hold.quantity
            here.append(hold)
    return here


def _cover(
    order: Order,
    here: Sequence[Hold],
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
) -> bool:
    def moving(writes: Any) -> None:
        stock.cover(writes, here)

    after, events = order.covered(here, at, "shop")
    try:
        ledger.commit(orders.changing(order, after, events), moving)
    except Clash:
        return False  # the order or its goods moved just now: next time
    return True
