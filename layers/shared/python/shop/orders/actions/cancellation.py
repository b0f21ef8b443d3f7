"""Cancellation of an order, or of its unshipped pieces."""

from dataclasses import replace
from datetime import datetime

from shop.kernel.events import Event
from shop.kernel.unit_of_work import WriteOperation
from shop.orders.actions.batched_placement import (
    abandon_placement,
    process_batches_now,
    queue_batch_ops,
)
from shop.orders.actions.order_writes import OrderStockWrites, OrderWrites
from shop.orders.actions.retry import commit_or_raise, retry_on_conflict
from shop.orders.model import MAX_RESERVATIONS_PER_BATCH, Order, OrderStatus, split_into_batches


def cancel_order(
    order_id: str,
    reason: str,
    *,
    at: datetime,
    actor: str,
    writes: OrderWrites,
    owner: str | None = None,
    unless_paid: bool = False,
    allow_partial: bool = False,
) -> Order:
    """Cancel an order, release its stock and usage, and return it.

    A cancelled order stays as it is, so a repetition has no further effect. The refund follows the
    event. Raises Conflict once a piece is shipped.

    - ``owner`` restricts the cancellation to this owner's order; NotFound otherwise.
    - ``unless_paid`` returns an order unchanged if it was confirmed. The write states the version
      that was read, so a payment that arrives in between is not overwritten.
    - ``allow_partial`` cancels the unshipped pieces of a partially shipped order. Its usage stays
      counted, because the prices of the shipped pieces were calculated with it.
    """

    def attempt() -> Order:
        orders = writes.orders
        order = orders.get_by_id(order_id) if owner is None else orders.get(owner, order_id)
        if order.status is OrderStatus.CANCELLED or (unless_paid and order.was_confirmed):
            return order
        # Its batches are not part of the order yet, so the placement releases them.
        if order.status is OrderStatus.PLACING:
            return abandon_placement(order, reason, at=at, actor=actor, writes=writes)
        if allow_partial and order.partially_cancelled:
            return order
        partially = order.status is OrderStatus.CONFIRMED and order.partially_shipped
        if allow_partial and partially:
            return _cancel_unshipped_pieces(order, at, actor, reason, writes=writes)
        return cancel_loaded_order(order, reason, at, actor, writes=writes)

    return retry_on_conflict(attempt)


def cancel_unshipped(order_id: str, *, at: datetime, writes: OrderWrites) -> Order:
    """Cancel the pieces that were not shipped by the deadline, and release their stock.

    If no piece was shipped, the order is cancelled as a whole. Otherwise it continues with the
    shipped pieces, and its usage stays counted. An order with a pending ship date is returned
    unchanged, because its back-ordered pieces are not late.
    """

    def attempt() -> Order:
        order = writes.orders.get_by_id(order_id)
        # Compared with the order as it is now: the last piece may have been shipped, or the order
        # cancelled, between the deadline and this read. A second run finds the same.
        if (
            order.status is not OrderStatus.CONFIRMED
            or order.shipped
            or order.has_pending_ship_date(at)
        ):
            return order
        if not any(line.shipped for line in order.lines):
            return cancel_loaded_order(order, "not_shipped", at, "deadline", writes=writes)
        return _cancel_unshipped_pieces(order, at, "deadline", writes=writes)

    return retry_on_conflict(attempt)


def _cancel_unshipped_pieces(
    order: Order, at: datetime, actor: str, reason: str = "", *, writes: OrderStockWrites
) -> Order:
    after, events = order.with_unshipped_cancelled(at, actor, reason)
    _write_and_release(order, after, events, at, writes=writes)
    return replace(after, version=order.version + 1)


def cancel_loaded_order(
    order: Order,
    reason: str,
    at: datetime,
    actor: str,
    *,
    writes: OrderWrites,
    prior_events: tuple[Event, ...] = (),
    extra_writes: tuple[WriteOperation, ...] = (),
) -> Order:
    """Cancel an order that the caller has just read, and release its stock and usage.

    ``prior_events`` and ``extra_writes`` go into the same transaction. Raises VersionConflict if
    the order was changed since it was read.
    """
    after, events = order.cancel(reason, at, actor)
    _write_and_release(
        order,
        after,
        (*prior_events, *events),
        at,
        writes.usage.release(order.usage),
        *extra_writes,
        writes=writes,
    )
    return replace(after, version=order.version + 1)


def _write_and_release(
    order: Order,
    after: Order,
    events: tuple[Event, ...],
    at: datetime,
    *extra_writes: WriteOperation,
    writes: OrderStockWrites,
) -> None:
    """Write the changed order and release all stock that it had reserved."""
    if len(order.reservations) + len(order.usage) <= MAX_RESERVATIONS_PER_BATCH:
        # One transaction: stock is released if and only if the order stops holding it. The event
        # is stored with the order, so the refund that follows it cannot be lost.
        commit_or_raise(
            writes.uow,
            writes.orders.update_op(order, after, events),
            lambda transaction: writes.stock.release(transaction, order.reservations),
            *extra_writes,
        )
        return
    # Too many reservations for one transaction: record them as batches with the order, and release
    # each batch afterwards. The queued event finds batches that a crash leaves behind.
    batches = split_into_batches(order.reservations, str(order.version + 1))
    commit_or_raise(
        writes.uow,
        writes.orders.update_op(order, after, (*events, order.batches_queued_event(at))),
        *queue_batch_ops(order.id, batches, writes.orders),
        *extra_writes,
    )
    process_batches_now(order.id, writes=writes)
