"""Orders with more reservations than one transaction can carry: their stock moves in batches.

**Placing.** A first transaction writes the order as *placing* and opens its placement. Each batch
then reserves stock and is recorded in one transaction, so a retry after a crash knows which stock
is reserved. A batch is recorded only while the placement is open. A last transaction makes the
order *placed* and writes its event. To abandon the placement, its state is switched to reversing,
each recorded batch is released once, and the order is cancelled.

**After placing.** Stock that the order no longer holds (cancelled, shipped or returned) is recorded
as batches in the transaction that changes the order. Each batch is moved later, in a transaction
that also deletes it. If a crash leaves batches behind, the handler of ``StockBatchesQueued`` moves
them; the event is delivered until that succeeds.
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
from shop.kernel.errors import Contention, Unavailable
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.orders.actions.order_writes import OrderStockWrites, OrderWrites
from shop.orders.model import MAX_RESERVATIONS_PER_BATCH, Order, ReservationBatch
from shop.orders.ports import OrderRepository

MAX_ATTEMPTS = 8
"""How often shards are picked for one batch while other orders take the same units."""


def place_in_batches(
    order: Order, *, writes: OrderStockWrites
) -> tuple[Order, tuple[Shortage, ...]]:
    """Reserve the missing stock of a *placing* order, then place it.

    It may resume a placement that another process began. Returns the order and the shortages. After
    a shortage nothing more is reserved, and the caller abandons the placement. Raises Unavailable
    (``contention``) if other orders take the same units at the same time.
    """
    placing, recorded = writes.orders.list_batches(order.id)
    attempts = 0
    while placing:
        missing = unreserved_demands(order, recorded)
        if not missing:
            placed = _commit_placed(order, recorded, writes=writes)
            if placed is not None:
                return placed, ()
            # Another process placed or abandoned the order: read its state again.
            placing, recorded = writes.orders.list_batches(order.id)
            continue
        batch = _next_batch(missing, recorded, writes)
        if late := _unconfirmed_backorders(order, missing, batch.reservations):
            return order, late
        try:
            writes.uow.commit(
                writes.orders.record_batch(order.id, batch), _reserve_op(batch, writes)
            )
            recorded, attempts = [*recorded, batch], 0
        except ConditionFailed as failure:
            # The placement was closed, or another process recorded this batch: read again.
            if writes.orders.condition_key(order.id) in failure.keys:
                placing, recorded = writes.orders.list_batches(order.id)
                continue
            shortages = writes.stock.shortages_from(failure, missing)
            if shortages:
                return order, shortages
            # Enough stock in all, but not in the picked shards: pick others.
            attempts += 1
            if attempts == MAX_ATTEMPTS:
                raise Unavailable("High demand. Please try again.", code="contention") from None
    return writes.orders.get_by_id(order.id), ()


def _next_batch(
    missing: Sequence[Demand], recorded: Sequence[ReservationBatch], writes: OrderStockWrites
) -> ReservationBatch:
    picked = writes.stock.pick_shards(missing[:MAX_RESERVATIONS_PER_BATCH])
    # One demand may be split over several shards, so limit the reservations as well.
    return ReservationBatch(f"0.{len(recorded):03d}", picked[:MAX_RESERVATIONS_PER_BATCH])


def _unconfirmed_backorders(
    order: Order, missing: Iterable[Demand], reservations: Iterable[Reservation]
) -> tuple[Shortage, ...]:
    """Return a shortage for each back-ordered SKU without a ship date shown to the buyer."""
    shown = {sku for line in order.lines if line.ships_from for sku in line.units_by_sku(1)}
    inbound = {each.sku: each.quantity for each in reservations if each.shard == INBOUND_SHARD}
    return tuple(
        Shortage(demand.sku, demand.quantity, max(0, demand.quantity - inbound[demand.sku]))
        for demand in missing
        if demand.sku in inbound and demand.sku not in shown
    )


def _reserve_op(batch: ReservationBatch, writes: OrderStockWrites) -> WriteOperation:
    def write(transaction: Any) -> None:
        writes.stock.reserve(transaction, batch.reservations)

    return write


def unreserved_demands(order: Order, recorded: Iterable[ReservationBatch]) -> tuple[Demand, ...]:
    """Return the units by SKU that a placing order has not reserved yet."""
    reserved: dict[str, int] = {}
    for batch in recorded:
        for reservation in batch.reservations:
            reserved[reservation.sku] = reserved.get(reservation.sku, 0) + reservation.quantity
    demands = merge_demands(
        Demand(sku, units)
        for line in order.lines
        for sku, units in line.units_by_sku(line.quantity).items()
    )
    return tuple(
        Demand(demand.sku, missing)
        for demand in demands
        if (missing := demand.quantity - reserved.get(demand.sku, 0)) > 0
    )


def _commit_placed(
    order: Order, recorded: Sequence[ReservationBatch], *, writes: OrderStockWrites
) -> Order | None:
    """Place the order with its recorded batches; ``None`` if another process was faster."""
    reservations = tuple(each for batch in recorded for each in batch.reservations)
    after, events = replace(order, reservations=merge_reservations(reservations)).place()
    try:
        # One transaction: the reservations move from the batches to the order, the placement is
        # closed so that no process reverses it, and the event exists only if all of this holds.
        writes.uow.commit(
            writes.orders.update_op(order, after, events),
            writes.orders.close_batches(order.id, placing=True),
            *(writes.orders.finish_batch(order.id, batch) for batch in recorded),
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
    """Release every recorded batch and cancel the order without an event.

    If another process placed the order in between, it stays placed. May run twice at the same time,
    and continues a run that was interrupted. ``extra_writes`` go into the last transaction. Raises
    Contention if another process completed the cancellation or moved a batch.
    """
    # 1. Switch the placement to reversing, so that no process can record another batch.
    placing, _ = writes.orders.list_batches(order.id)
    if placing:
        with suppress(ConditionFailed):  # another process switched or closed it first
            writes.uow.commit(writes.orders.reverse_batches(order.id))
    # 2. Read the batches after the switch: only now is the list final.
    placing, recorded = writes.orders.list_batches(order.id)
    if placing is None:
        return writes.orders.get_by_id(order.id)
    # 3. Release each batch once, with its deletion.
    for batch in recorded:
        _move(order.id, batch, writes=writes)
    # 4. Cancel the order, release its usage and close the placement.
    after = order.abandoned(reason, at, actor)
    try:
        writes.uow.commit(
            writes.orders.update_op(order, after, ()),
            writes.orders.close_batches(order.id, placing=False),
            writes.usage.release(order.usage),
            *(extra_writes(after) if extra_writes else ()),
        )
    except ConditionFailed:
        raise Contention("This order was changed at the same time. Please try again.") from None
    return replace(after, version=order.version + 1)


def process_queued_batches(order_id: str, *, writes: OrderStockWrites) -> int:
    """Release, ship or restock the units of an order's queued batches. Returns how many were moved.

    Each batch is moved once, also by repeated or simultaneous calls. The batches of an order that
    is being placed belong to its placement and are skipped.
    """
    placing, queued = writes.orders.list_batches(order_id)
    if placing is not None:
        return 0
    return sum(_move(order_id, batch, writes=writes) for batch in queued)


def process_batches_now(order_id: str, *, writes: OrderStockWrites) -> None:
    """Move queued batches right after the write that queued them, as far as possible."""
    # The order is already written, so a failure here must not fail the request. The handler of
    # StockBatchesQueued moves the rest.
    with suppress(Unavailable, Contention):
        process_queued_batches(order_id, writes=writes)


def _move(order_id: str, batch: ReservationBatch, *, writes: OrderStockWrites) -> bool:
    """Move a batch's stock and delete the batch; ``False`` if another process has done it."""

    try:
        # The deletion fails if the batch was moved before, so a repetition releases nothing. The
        # stock row alone could not tell: it stores a sum of reservations without their orders.
        writes.uow.commit(
            writes.orders.finish_batch(order_id, batch), _move_op(order_id, batch, writes)
        )
    except ConditionFailed as failure:
        if writes.orders.condition_key(order_id) in failure.keys:
            return False
        raise Contention("This order was changed at the same time. Please try again.") from None
    return True


def _move_op(order_id: str, batch: ReservationBatch, writes: OrderStockWrites) -> WriteOperation:
    if batch.returned is not None:
        actor, at, reason = batch.returned
        return writes.stock.restock_op(
            batch.reservations, order=order_id, actor=actor, at=at, reason=reason
        )

    def move_stock(transaction: Any) -> None:
        if batch.shipped is None:
            writes.stock.release(transaction, batch.reservations)
            return
        actor, at = batch.shipped
        writes.stock.ship(
            transaction,
            batch.reservations,
            order=order_id,
            actor=actor,
            at=at,
            state=ReservationState.RESERVED,
        )

    return move_stock


def queue_batch_ops(
    order_id: str, batches: Iterable[ReservationBatch], orders: OrderRepository
) -> tuple[WriteOperation, ...]:
    """Return the operations that record batches to be moved after the transaction."""
    return tuple(orders.enqueue_batch(order_id, batch) for batch in batches)
