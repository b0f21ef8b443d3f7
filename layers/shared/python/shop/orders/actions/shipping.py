"""Goods leave the house: which location ships what, and each parcel once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from shop.inventory.actions.serving import choose_locations
from shop.inventory.model import Claim, Hold, merged
from shop.inventory.model.allocation import Place
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Holds, Locations, Stock
from shop.kernel.errors import Conflict, NotFound, Stale
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import Ask, Keys, once
from shop.kernel.ids import derived_id
from shop.kernel.transactions import Change, Clash, Ledger, Part
from shop.orders.actions.batches import move_now, owing
from shop.orders.actions.writing import commit, insist
from shop.orders.model import (
    AT_ONCE,
    CALLED_OFF,
    SHIPPED_AT_ONCE,
    Order,
    Parcel,
    drawn,
    in_batches,
)
from shop.orders.ports import Orders


@frozen(slots=False)
class Sourcing:
    """What choosing among several locations takes."""

    book: Stock
    stock: Holds[Any]
    locations: Locations
    ledger: Ledger


def allocate_order(
    order_id: str, *, at: datetime, orders: Orders, sourcing: Sourcing | None = None
) -> Order:
    """Decide by the policy which location ships what, and move the order's promises there. Of an
    order called off meanwhile, none does.

    Where somebody else was faster at the goods, or the policy cannot serve all of it, the order is
    served from where it was put aside when it was placed; so it is without ``sourcing``.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status in CALLED_OFF:
            return order
        holds = order.holds if sourcing is None else _by_policy(order, sourcing)
        after, events = order.allocated(at, "workflow", holds)
        if not events:
            return order
        if sourcing is not None and holds != order.holds:
            moving = sourcing.stock
            try:
                sourcing.ledger.commit(
                    orders.changing(order, after, events),
                    lambda writes: moving.move(writes, order.holds, holds),
                )
            except Clash as clash:
                if orders.name(order_id) in clash.about:
                    raise Stale("somebody else changed this order meanwhile") from None
            else:
                return replace(after, version=order.version + 1)
        after, events = order.allocated(at, "workflow")
        return orders.save(order, after, events)

    return insist(attempt)


def _by_policy(order: Order, sourcing: Sourcing) -> tuple[Hold, ...]:
    """The holds that the policy wants; those there are, where there is nothing to choose."""
    network = sourcing.locations.network()
    if order.allocation or order.shipped or len(network.locations) == 1:
        return order.holds
    chosen = choose_locations(
        order.holds,
        stock=sourcing.book,
        locations=tuple(network.locations.values()),
        policy=network.policy,
        destination=Place(str(order.destination.get("address_country", ""))),
    )
    # One transaction moves them: of a larger order, each article stays where it is.
    return merged(chosen) if len(chosen) + len(order.holds) <= AT_ONCE else order.holds


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
    location: str | None = None,
) -> Order:
    """Hand a parcel to a carrier: ``lines`` maps line ids to pieces, ``None`` is all that is left.

    With a ``location`` the parcel holds what lies there. Without one, all that is left must lie at
    one; lines that are named are taken from where they lie.

    The same parcel told twice changes nothing. Raises Conflict for an order that is not confirmed
    or of which nothing is left to ship, for a parcel that left with other contents and for a
    tracking number that is another order's; Invalid for pieces not left to ship.
    """
    parcel = _handing_over(
        order_id, carrier, tracking_number, tracking_url, lines, at, who, orders, stock, location
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
    location: str | None = None,
) -> Mapping[str, Any]:
    """As :func:`ship_order`, under a key that is kept with the answer in the same transaction."""
    parcel = _handing_over(
        order_id, carrier, tracking_number, tracking_url, lines, at, who, orders, stock, location
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
    location: str | None,
) -> Callable[[], Change[Order]]:
    """What is to be committed for a parcel; asked again, when that failed, it finds out why."""
    parcel_id = derived_id("par", order_id, carrier.casefold(), tracking_number)
    tries = count()

    def change() -> Change[Order]:
        order = orders.by_id(order_id)
        known = next((parcel for parcel in order.parcels if parcel.id == parcel_id), None)
        if known is not None:
            order.told_again(known, lines, tracking_url, location)
            return Change(order, ())
        if next(tries):
            _refuse_taken(carrier, tracking_number, orders)
        pieces = _all_there(order, location) if lines is None else dict(lines)
        parcel = Parcel(
            parcel_id, carrier, tracking_number, pieces, at, tracking_url, location=location
        )
        order.with_parcel(parcel, who)  # refuses what cannot be
        taken, _ = drawn(order.holds, order.skus_of(parcel), location)
        if any(hold.shard == AWAITED for hold in taken):
            late = sorted({hold.sku for hold in taken if hold.shard == AWAITED})
            raise Conflict(
                f"{', '.join(late)}: still to come; ship what is here", code="stock_awaited"
            )
        places = {hold.location for hold in taken}
        parcel = replace(parcel, location=places.pop() if len(places) == 1 else None)
        after, events = order.with_parcel(parcel, who)
        leaving: tuple[Part, ...] = (
            lambda writes: stock.ship(
                writes, taken, order=order_id, actor=who, at=at, claim=Claim.RESERVED
            ),
        )
        if len(taken) > SHIPPED_AT_ONCE:
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


def _all_there(order: Order, location: str | None) -> dict[str, int]:
    """All that is left of an order, at this location or at the only one it is at."""
    if location is not None:
        pieces = order.held_at(location)
        if not pieces and order.holds:
            raise Conflict(
                f"nothing of this order lies at {location}",
                code="not_held_there",
                path="$.location",
            )
        return pieces
    places = sorted({hold.location for hold in order.holds})
    if len(places) > 1:
        raise Conflict(
            f"this order lies at {', '.join(places)}: say which location this parcel leaves from",
            code="several_locations",
            path="$.location",
        )
    return {line_id: left for line_id, left in order.to_ship.items() if left}


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
