"""Orders called off, whole or in what has not left; stock and uses go back with the write."""

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
        order = (
            writes.orders.get_by_id(order_id)
            if owner is None
            else writes.orders.get(owner, order_id)
        )
        if order.status is OrderStatus.CANCELLED or (unless_paid and order.was_confirmed):
            return order
        if order.status is OrderStatus.PLACING:
            return abandon_placement(
                order,
                reason,
                at=at,
                actor=actor,
                writes=writes,
            )
        if rest and order.was_shortened:
            return order
        if rest and order.status is OrderStatus.CONFIRMED and order.left_in_part:
            return _cut_short(
                order,
                at,
                actor,
                reason,
                writes=writes,
            )
        return cancel_loaded_order(
            order,
            reason,
            at,
            actor,
            writes=writes,
        )

    return retry_on_conflict(attempt)


def cancel_unshipped(
    order_id: str,
    *,
    at: datetime,
    writes: OrderWrites,
) -> Order:
    """What was not shipped in time is called off and its stock given back; what was stays sold.

    An order of which nothing was shipped is cancelled whole. One that goes on in part keeps its
    uses of coupons and sales: its prices were made with them.
    """

    def attempt() -> Order:
        order = writes.orders.get_by_id(order_id)
        if (
            order.status is not OrderStatus.CONFIRMED
            or order.shipped
            or order.has_later_promise(at)
        ):
            return order
        if not any(line.shipped for line in order.lines):
            return cancel_loaded_order(
                order,
                "not_shipped",
                at,
                "deadline",
                writes=writes,
            )
        return _cut_short(
            order,
            at,
            "deadline",
            writes=writes,
        )

    return retry_on_conflict(attempt)


def _cut_short(
    order: Order,
    at: datetime,
    actor: str,
    reason: str = "",
    *,
    writes: OrderStockWrites,
) -> Order:
    after, events = order.with_unshipped_cancelled(at, actor, reason)
    _giving_back(
        order,
        after,
        events,
        at,
        writes=writes,
    )
    return replace(after, version=order.version + 1)


def cancel_loaded_order(
    order: Order,
    reason: str,
    at: datetime,
    actor: str,
    *,
    writes: OrderWrites,
    told: tuple[Event, ...] = (),
    extra_writes: tuple[WriteOperation, ...] = (),
) -> Order:
    """Write an order off that was looked at just now. Raises Stale where it moved meanwhile."""
    after, events = order.cancel(reason, at, actor)
    _giving_back(
        order,
        after,
        (*told, *events),
        at,
        writes.usage.release(order.usage),
        *extra_writes,
        writes=writes,
    )
    return replace(after, version=order.version + 1)


def _giving_back(
    order: Order,
    after: Order,
    events: tuple[Event, ...],
    at: datetime,
    *more: WriteOperation,
    writes: OrderStockWrites,
) -> None:
    """Write what an order became; all its stock goes back to sale, with the write or after it."""
    if len(order.reservations) + len(order.usage) <= MAX_RESERVATIONS_PER_BATCH:
        changing = writes.orders.update_op(order, after, events)
        commit_or_raise(
            writes.uow,
            changing,
            lambda transaction: writes.stock.release(transaction, order.reservations),
            *more,
        )
        return
    parted = split_into_batches(order.reservations, str(order.version + 1))
    changing = writes.orders.update_op(order, after, (*events, order.batches_queued_event(at)))
    commit_or_raise(writes.uow, changing, *queue_batch_ops(order.id, parted, writes.orders), *more)
    process_batches_now(
        order.id,
        writes=writes,
    )
