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

from shop.inventory.model import (
    Demand,
    Reservation,
    ReservationState,
    Shortage,
    merge_demands,
    merge_reservations,
)
from shop.inventory.model.shards import INBOUND_SHARD
from shop.inventory.ports import StockReservations
from shop.kernel.errors import Unavailable, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.orders.actions.order_writes import OrderStockWrites, OrderWrites
from shop.orders.model import MAX_RESERVATIONS_PER_BATCH, Order, ReservationBatch
from shop.orders.ports import OrderRepository

MAX_ATTEMPTS = 8
"""How often a batch is drawn anew when somebody else was faster at its bins."""


def place_in_batches(
    order: Order,
    *,
    writes: OrderStockWrites,
) -> tuple[Order, tuple[Shortage, ...]]:
    """Go on placing an order that was put down as *placing*: take what is not taken yet.

    Returns the order as it stands then, and what is short: with that nothing more is taken, and the
    caller gives it up. Raises Unavailable where too many want the same at the same moment.
    """
    taking, taken = writes.orders.list_batches(order.id)
    tries = 0
    while taking:
        missing = unreserved_demands(order, taken)
        if not missing:
            placed = _placed(
                order,
                taken,
                writes=writes,
            )
            if placed is not None:
                return placed, ()
            taking, taken = writes.orders.list_batches(order.id)
            continue
        holds = writes.stock.pick_shards(missing[:MAX_RESERVATIONS_PER_BATCH])[
            :MAX_RESERVATIONS_PER_BATCH
        ]
        if unsaid := _unsaid(order, missing, holds):
            return order, unsaid
        batch = ReservationBatch(f"0.{len(taken):03d}", holds)
        try:
            writes.uow.commit(
                writes.orders.record_batch(order.id, batch), _reserving(writes.stock, holds)
            )
            taken, tries = [*taken, batch], 0
        except ConditionFailed as clash:
            if writes.orders.condition_key(order.id) in clash.keys:
                taking, taken = writes.orders.list_batches(order.id)
                continue
            short = writes.stock.shortages_from(clash, missing)
            if short:
                return order, short
            tries += 1
            if tries == MAX_ATTEMPTS:
                raise Unavailable(
                    "too many want this at the same moment; try again", code="contention"
                ) from None
    return writes.orders.get_by_id(order.id), ()


def _unsaid(
    order: Order, missing: Iterable[Demand], reservations: Iterable[Reservation]
) -> tuple[Shortage, ...]:
    """What is not here any more, of goods that the buyer was not told to be still to come."""
    told = {sku for line in order.lines if line.ships_from for sku in line.units_by_sku(1)}
    late = {hold.sku: hold.quantity for hold in reservations if hold.shard == INBOUND_SHARD}
    return tuple(
        Shortage(one.sku, one.quantity, max(0, one.quantity - late[one.sku]))
        for one in missing
        if one.sku in late and one.sku not in told
    )


def _reserving(
    stock: StockReservations[Any], reservations: Sequence[Reservation]
) -> WriteOperation:
    def write(transaction: Any) -> None:
        stock.reserve(transaction, reservations)

    return write


def unreserved_demands(order: Order, taken: Iterable[ReservationBatch]) -> tuple[Demand, ...]:
    """What an order that is being placed still lacks."""
    have: dict[str, int] = {}
    for batch in taken:
        for hold in batch.reservations:
            have[hold.sku] = have.get(hold.sku, 0) + hold.quantity
    wanted = merge_demands(
        Demand(sku, units)
        for line in order.lines
        for sku, units in line.units_by_sku(line.quantity).items()
    )
    return tuple(
        Demand(demand.sku, missing)
        for demand in wanted
        if (missing := demand.quantity - have.get(demand.sku, 0)) > 0
    )


def _placed(
    order: Order, taken: Sequence[ReservationBatch], *, writes: OrderStockWrites
) -> Order | None:
    """The order, placed; ``None`` where somebody else was faster."""
    holds = tuple(hold for batch in taken for hold in batch.reservations)
    after, events = replace(order, reservations=merge_reservations(holds)).place()
    try:
        writes.uow.commit(
            writes.orders.update_op(order, after, events),
            writes.orders.close_batches(order.id, placing=True),
            *(writes.orders.finish_batch(order.id, batch) for batch in taken),
        )
    except ConditionFailed:
        return None
    return replace(after, version=order.version + 1)


def abandon_placement(
    order: Order,
    reason: str,
    *,
    at: datetime,
    actor: str,
    writes: OrderWrites,
    extra_writes: Callable[[Order], tuple[WriteOperation, ...]] | None = None,
) -> Order:
    """Turn back: give back every batch that was taken, and call the order off without a word.

    Where somebody else placed it meanwhile it stays placed. May run twice at once, and goes on
    where another was cut off. ``also`` adds parts to the last transaction.
    """
    taking, _ = writes.orders.list_batches(order.id)
    if taking:
        with suppress(ConditionFailed):
            writes.uow.commit(writes.orders.reverse_batches(order.id))
    taking, taken = writes.orders.list_batches(order.id)
    if taking is None:
        return writes.orders.get_by_id(order.id)
    for batch in taken:
        _move(
            order.id,
            batch,
            writes=writes,
        )
    after = order.abandoned(reason, at, actor)
    try:
        writes.uow.commit(
            writes.orders.update_op(order, after, ()),
            writes.orders.close_batches(order.id, placing=False),
            writes.usage.release(order.usage),
            *(extra_writes(after) if extra_writes else ()),
        )
    except ConditionFailed:
        raise VersionConflict("somebody else changed this order meanwhile") from None
    return replace(after, version=order.version + 1)


def process_queued_batches(
    order_id: str,
    *,
    writes: OrderStockWrites,
) -> int:
    """Move the stock that an order no longer holds: back to sale, or out of the house.

    Asked for twice, or by two at once, it is moved once. An order that is still being placed is
    left alone. Returns how many batches were moved.
    """
    placing, owed = writes.orders.list_batches(order_id)
    if placing is not None:
        return 0
    return sum(
        _move(
            order_id,
            batch,
            writes=writes,
        )
        for batch in owed
    )


def process_batches_now(
    order_id: str,
    *,
    writes: OrderStockWrites,
) -> None:
    """Move them right after the write that gave them up, as far as it goes."""
    # What is not done now is done when the order's event is heard.
    with suppress(Unavailable, VersionConflict):
        process_queued_batches(
            order_id,
            writes=writes,
        )


def _move(
    order_id: str,
    batch: ReservationBatch,
    *,
    writes: OrderStockWrites,
) -> bool:
    def write(transaction: Any) -> None:
        if batch.shipped is None:
            writes.stock.release(transaction, batch.reservations)
            return
        who, at = batch.shipped
        writes.stock.ship(
            transaction,
            batch.reservations,
            order=order_id,
            actor=who,
            at=at,
            state=ReservationState.RESERVED,
        )

    try:
        writes.uow.commit(writes.orders.finish_batch(order_id, batch), write)
    except ConditionFailed as clash:
        if writes.orders.condition_key(order_id) in clash.keys:
            return False
        raise VersionConflict("somebody else moved this stock meanwhile") from None
    return True


def queue_batch_ops(
    order_id: str, batches: Iterable[ReservationBatch], orders: OrderRepository
) -> tuple[WriteOperation, ...]:
    """The parts that write batches down, to be moved after the transaction."""
    return tuple(orders.enqueue_batch(order_id, batch) for batch in batches)
