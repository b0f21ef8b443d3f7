"""Orders with more articles than one transaction can carry: their stock moves in batches.

Placing takes it batch by batch, between a first transaction that puts the order down as *placing*
and a last one that makes it *placed*, with its event. Each batch is noted in the transaction that
takes it, so whoever goes on after a crash sees what is taken; each may be taken only while nobody
has turned back. Turning back gives every batch back, each once, and then calls the order off.

What a placed order no longer holds (called off, shortened, shipped) is written down as batches in
the transaction that changes the order, and moved after it: each in a transaction that strikes the
batch off. A crash in between leaves batches that the order's event finds, which is repeated until
it is done.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.inventory.model import Claim, Demand, Hold, Shortage, add_up, merged
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Holds
from shop.kernel.errors import Stale, Unavailable
from shop.kernel.transactions import Clash, Ledger, Part
from shop.orders.model import AT_ONCE, Batch, Order
from shop.orders.ports import Orders, Uses

TRIES = 8
"""How often a batch is drawn anew when somebody else was faster at its bins."""


def place_in_batches(
    order: Order, *, orders: Orders, stock: Holds[Any], ledger: Ledger
) -> tuple[Order, tuple[Shortage, ...]]:
    """Go on placing an order that was put down as *placing*: take what is not taken yet.

    Returns the order as it stands then, and what is short: with that nothing more is taken, and the
    caller gives it up. Raises Unavailable where too many want the same at the same moment.
    """
    taking, taken = orders.batches(order.id)
    tries = 0
    while taking:
        missing = not_taken(order, taken)
        if not missing:
            placed = _placed(order, taken, orders=orders, ledger=ledger)
            if placed is not None:
                return placed, ()
            taking, taken = orders.batches(order.id)
            continue
        holds = stock.draw(missing[:AT_ONCE])[:AT_ONCE]
        if unsaid := _unsaid(order, missing, holds):
            return order, unsaid
        batch = Batch(f"0.{len(taken):03d}", holds)
        try:
            ledger.commit(orders.taking(order.id, batch), _reserving(stock, holds))
            taken, tries = [*taken, batch], 0
        except Clash as clash:
            if orders.name(order.id) in clash.about:
                taking, taken = orders.batches(order.id)
                continue
            short = stock.shortages_after(clash, missing)
            if short:
                return order, short
            tries += 1
            if tries == TRIES:
                raise Unavailable(
                    "too many want this at the same moment; try again", code="contention"
                ) from None
    return orders.by_id(order.id), ()


def _unsaid(order: Order, missing: Iterable[Demand], holds: Iterable[Hold]) -> tuple[Shortage, ...]:
    """What is not here any more, of goods that the buyer was not told to be still to come."""
    told = {sku for line in order.lines if line.ships_from for sku in line.takes(1)}
    late = {hold.sku: hold.quantity for hold in holds if hold.shard == AWAITED}
    return tuple(
        Shortage(one.sku, one.quantity, max(0, one.quantity - late[one.sku]))
        for one in missing
        if one.sku in late and one.sku not in told
    )


def _reserving(stock: Holds[Any], holds: Sequence[Hold]) -> Part:
    def write(writes: Any) -> None:
        stock.reserve(writes, holds)

    return write


def not_taken(order: Order, taken: Iterable[Batch]) -> tuple[Demand, ...]:
    """What an order that is being placed still lacks."""
    have: dict[str, int] = {}
    for batch in taken:
        for hold in batch.holds:
            have[hold.sku] = have.get(hold.sku, 0) + hold.quantity
    wanted = add_up(
        Demand(sku, units)
        for line in order.lines
        for sku, units in line.takes(line.quantity).items()
    )
    return tuple(
        Demand(demand.sku, missing)
        for demand in wanted
        if (missing := demand.quantity - have.get(demand.sku, 0)) > 0
    )


def _placed(
    order: Order, taken: Sequence[Batch], *, orders: Orders, ledger: Ledger
) -> Order | None:
    """The order, placed; ``None`` where somebody else was faster."""
    holds = tuple(hold for batch in taken for hold in batch.holds)
    after, events = replace(order, holds=merged(holds)).placed()
    try:
        ledger.commit(
            orders.changing(order, after, events),
            orders.closing(order.id, taking=True),
            *(orders.done(order.id, batch) for batch in taken),
        )
    except Clash:
        return None
    return replace(after, version=order.version + 1)


def give_up_placing(
    order: Order,
    reason: str,
    *,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    also: Callable[[Order], tuple[Part, ...]] | None = None,
) -> Order:
    """Turn back: give back every batch that was taken, and call the order off without a word.

    Where somebody else placed it meanwhile it stays placed. May run twice at once, and goes on
    where another was cut off. ``also`` adds parts to the last transaction.
    """
    taking, _ = orders.batches(order.id)
    if taking:
        with suppress(Clash):
            ledger.commit(orders.turning(order.id))
    taking, taken = orders.batches(order.id)
    if taking is None:
        return orders.by_id(order.id)
    for batch in taken:
        _move(order.id, batch, orders=orders, stock=stock, ledger=ledger)
    after = order.given_up(reason, at, who)
    try:
        ledger.commit(
            orders.changing(order, after, ()),
            orders.closing(order.id, taking=False),
            tallies.giving(order.uses),
            *(also(after) if also else ()),
        )
    except Clash:
        raise Stale("somebody else changed this order meanwhile") from None
    return replace(after, version=order.version + 1)


def move_batches(order_id: str, *, orders: Orders, stock: Holds[Any], ledger: Ledger) -> int:
    """Move the stock that an order no longer holds: back to sale, or out of the house.

    Asked for twice, or by two at once, it is moved once. An order that is still being placed is
    left alone. Returns how many batches were moved.
    """
    placing, owed = orders.batches(order_id)
    if placing is not None:
        return 0
    return sum(_move(order_id, batch, orders=orders, stock=stock, ledger=ledger) for batch in owed)


def move_now(order_id: str, *, orders: Orders, stock: Holds[Any], ledger: Ledger) -> None:
    """Move them right after the write that gave them up, as far as it goes."""
    # What is not done now is done when the order's event is heard.
    with suppress(Unavailable, Stale):
        move_batches(order_id, orders=orders, stock=stock, ledger=ledger)


def _move(
    order_id: str, batch: Batch, *, orders: Orders, stock: Holds[Any], ledger: Ledger
) -> bool:
    def write(writes: Any) -> None:
        if batch.shipped is None:
            stock.release(writes, batch.holds)
            return
        who, at = batch.shipped
        stock.ship(writes, batch.holds, order=order_id, actor=who, at=at, claim=Claim.RESERVED)

    try:
        ledger.commit(orders.done(order_id, batch), write)
    except Clash as clash:
        if orders.name(order_id) in clash.about:
            return False
        raise Stale("somebody else moved this stock meanwhile") from None
    return True


def owing(order_id: str, batches: Iterable[Batch], orders: Orders) -> tuple[Part, ...]:
    """The parts that write batches down, to be moved after the transaction."""
    return tuple(orders.owing(order_id, batch) for batch in batches)
