"""Orders called off, whole or in what has not left; stock and uses go back with the write."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.inventory.ports import Holds
from shop.kernel.events import Event
from shop.kernel.transactions import Ledger, Part
from shop.orders.actions.batches import give_up_placing, move_now, owing
from shop.orders.actions.writing import commit, insist
from shop.orders.model import AT_ONCE, Order, Status, in_batches
from shop.orders.ports import Orders, Uses


def cancel_order(
    order_id: str,
    reason: str,
    *,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    owner: str | None = None,
    unless_paid: bool = False,
    rest: bool = False,
) -> Order:
    """Call an order off and give back its stock and its uses; asked for twice, once.

    The money goes back by the event, never from here. Raises Conflict once a piece was shipped.
    ``unless_paid`` leaves an order alone that was confirmed meanwhile, and gives it as it is: the
    write states the version that was looked at, so nobody is told one thing and done another.
    ``rest`` calls off what has not left of an order that has left in part: it goes on with what did
    and keeps its uses, for its prices were made with them.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id) if owner is None else orders.of(owner, order_id)
        if order.status is Status.CANCELLED or (unless_paid and order.was_confirmed):
            return order
        if order.status is Status.PLACING:
            return give_up_placing(
                order,
                reason,
                at=at,
                who=who,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
            )
        if rest and order.was_shortened:
            return order
        if rest and order.status is Status.CONFIRMED and order.left_in_part:
            return _cut_short(order, at, who, reason, orders=orders, stock=stock, ledger=ledger)
        return called_off(
            order, reason, at, who, orders=orders, stock=stock, tallies=tallies, ledger=ledger
        )

    return insist(attempt)


def release_allocation(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
) -> Order:
    """What was not shipped in time is called off and its stock given back; what was stays sold.

    An order of which nothing was shipped is cancelled whole. One that goes on in part keeps its
    uses of coupons and sales: its prices were made with them.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is not Status.CONFIRMED or order.shipped or order.promised_later(at):
            return order
        if not any(line.shipped for line in order.lines):
            return called_off(
                order,
                "not_shipped",
                at,
                "deadline",
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
            )
        return _cut_short(order, at, "deadline", orders=orders, stock=stock, ledger=ledger)

    return insist(attempt)


def _cut_short(
    order: Order,
    at: datetime,
    who: str,
    why: str = "",
    *,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
) -> Order:
    after, events = order.shortened(at, who, why)
    _giving_back(order, after, events, at, orders=orders, stock=stock, ledger=ledger)
    return replace(after, version=order.version + 1)


def called_off(
    order: Order,
    reason: str,
    at: datetime,
    who: str,
    *,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    told: tuple[Event, ...] = (),
    also: tuple[Part, ...] = (),
) -> Order:
    """Write an order off that was looked at just now. Raises Stale where it moved meanwhile."""
    after, events = order.cancelled(reason, at, who)
    _giving_back(
        order,
        after,
        (*told, *events),
        at,
        tallies.giving(order.uses),
        *also,
        orders=orders,
        stock=stock,
        ledger=ledger,
    )
    return replace(after, version=order.version + 1)


def _giving_back(
    order: Order,
    after: Order,
    events: tuple[Event, ...],
    at: datetime,
    *more: Part,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
) -> None:
    """Write what an order became; all its stock goes back to sale, with the write or after it."""
    if len(order.holds) + len(order.uses) <= AT_ONCE:
        changing = orders.changing(order, after, events)
        commit(ledger, changing, lambda writes: stock.release(writes, order.holds), *more)
        return
    parted = in_batches(order.holds, str(order.version + 1))
    changing = orders.changing(order, after, (*events, order.stock_to_move(at)))
    commit(ledger, changing, *owing(order.id, parted, orders), *more)
    move_now(order.id, orders=orders, stock=stock, ledger=ledger)
