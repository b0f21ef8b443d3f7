"""Goods leave the house: which location ships what, and each parcel once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from shop.inventory.model import Claim
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Holds
from shop.kernel.errors import Conflict, NotFound
from shop.kernel.idempotency import Ask, Keys, once
from shop.kernel.ids import derived_id
from shop.kernel.transactions import Change, Ledger, Part
from shop.orders.actions.batches import move_now, owing
from shop.orders.actions.writing import commit, insist
from shop.orders.model import CALLED_OFF, SHIPPED_AT_ONCE, Order, Parcel, drawn, in_batches
from shop.orders.ports import Orders


def allocate_order(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """Decide which location ships which line. Of an order called off meanwhile, none does."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status in CALLED_OFF:
            return order
        after, events = order.allocated(at, "workflow")
        return orders.save(order, after, events) if events else order

    return insist(attempt)


def ship_order(
    order_id: str,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
) -> Order:
    """Hand a parcel to a carrier: ``lines`` maps line ids to pieces, ``None`` is all that is left.

    The same parcel told twice changes nothing. Raises Conflict for an order that is not confirmed
    or of which nothing is left to ship, for a parcel that left with other contents and for a
    tracking number that is another order's; Invalid for pieces not left to ship.
    """
    parcel = _handing_over(
        order_id, carrier, tracking_number, tracking_url, lines, at, who, orders, stock
    )

    def attempt() -> Order:
        change = parcel()
        if change.parts:
            commit(ledger, *change.parts)
        return change.value

    order = insist(attempt)
    if _left_in_batches(order):
        move_now(order_id, orders=orders, stock=stock, ledger=ledger)
    return order


def _left_in_batches(order: Order) -> bool:
    """Whether a parcel may have had more articles than one transaction takes out of stock."""
    return any(len(parcel.lines) > SHIPPED_AT_ONCE for parcel in order.parcels)


def ship_order_once(
    ask: Ask,
    order_id: str,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    keys: Keys,
) -> Mapping[str, Any]:
    """As :func:`ship_order`, under a key that is kept with the answer in the same transaction."""
    parcel = _handing_over(
        order_id, carrier, tracking_number, tracking_url, lines, at, who, orders, stock
    )
    seen: list[Order] = []

    def make() -> Change[Order]:
        change = parcel()
        seen.append(change.value)
        return change

    answer = insist(lambda: once(ask, make, render, keys=keys, ledger=ledger))
    if _left_in_batches(seen[-1]):
        move_now(order_id, orders=orders, stock=stock, ledger=ledger)
    return answer


def _handing_over(
    order_id: str,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
) -> Callable[[], Change[Order]]:
    """What is to be committed for a parcel; asked again, when that failed, it finds out why."""
    parcel_id = derived_id("par", order_id, carrier.casefold(), tracking_number)
    tries = count()

    def change() -> Change[Order]:
        order = orders.by_id(order_id)
        known = next((parcel for parcel in order.parcels if parcel.id == parcel_id), None)
        if known is not None:
            order.told_again(known, lines, tracking_url)
            return Change(order, ())
        if next(tries):
            _refuse_taken(carrier, tracking_number, orders)
        pieces = (
            {line_id: left for line_id, left in order.to_ship.items() if left}
            if lines is None
            else dict(lines)
        )
        parcel = Parcel(parcel_id, carrier, tracking_number, pieces, at, tracking_url)
        after, events = order.with_parcel(parcel, who)
        taken, _ = drawn(order.holds, order.skus_of(parcel))
        leaving: tuple[Part, ...] = (
            lambda writes: stock.ship(
                writes, taken, order=order_id, actor=who, at=at, claim=Claim.RESERVED
            ),
        )
        if len(taken) > SHIPPED_AT_ONCE:
            if any(hold.shard == AWAITED for hold in taken):
                raise Conflict("goods that are still to come cannot leave", code="goods_awaited")
            parted = in_batches(taken, str(order.version + 1), shipped=(who, at))
            leaving = owing(order_id, parted, orders)
            events = (*events, order.stock_to_move(at))
        return Change(
            replace(after, version=order.version + 1),
            (
                orders.changing(order, after, events),
                orders.tracking(carrier, tracking_number, order_id, parcel_id),
                *leaving,
            ),
        )

    return change


def _refuse_taken(carrier: str, tracking_number: str, orders: Orders) -> None:
    try:
        orders.parcel(carrier, tracking_number)
    except NotFound:
        return
    raise Conflict(
        "this tracking number belongs to another parcel",
        code="tracking_number_taken",
        path="$.tracking_number",
    )
