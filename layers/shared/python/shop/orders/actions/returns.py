"""Returns of delivered pieces: record them, and add them to stock if staff choose so."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.inventory.ports import LocationRepository
from shop.kernel.errors import Conflict
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, run_idempotent
from shop.kernel.unit_of_work import StagedChange, WriteOperation
from shop.orders.actions.batched_placement import process_batches_now, queue_batch_ops
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import (
    MAX_RESTOCKED_PER_BATCH,
    Condition,
    Order,
    OrderReturn,
    ReturnedPieces,
    split_into_batches,
)


@frozen(slots=False)
class ReturnLineInput:
    """Pieces of a line that a buyer sent back.

    ``restock`` adds them to the stock of ``location``; without one, of the location that shipped
    them.
    """

    pieces: int
    condition: Condition | None = None
    restock: bool = False
    location: str | None = None


@frozen(slots=False)
class ReturnInput:
    """Pieces by line id that a buyer sent back, and the reason, which the buyer can read."""

    lines: Mapping[str, ReturnLineInput]
    reason: str


def create_return(
    idempotent_request: IdempotentRequest,
    order_id: str,
    returned: ReturnInput,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    actor: str,
    writes: OrderStockWrites,
    locations: LocationRepository,
    idempotency: IdempotencyStore,
) -> Mapping[str, Any]:
    """Record returned pieces once per idempotency key, and return the rendered order.

    The transaction of the return also adds the units to stock that staff put back; with very many
    SKUs it queues batches that add them. Handlers of the event refund the money and reverse points
    and credits. Raises Conflict unless the order is completed, and if the location of restocked
    pieces is not known. Raises NotFound for an unknown order, line or location, and InvalidRequest
    for more pieces than the buyer has.
    """
    staged: list[StagedChange[Order]] = []

    def stage() -> StagedChange[Order]:
        order = writes.orders.get_by_id(order_id)
        staged.append(
            stage_return(
                order,
                returned,
                at=idempotent_request.at,
                actor=actor,
                writes=writes,
                locations=locations,
            )
        )
        return staged[-1]

    # The idempotency record is written in the order's own transaction: both exist, or neither.
    response = retry_on_conflict(
        lambda: run_idempotent(
            idempotent_request, stage, render, idempotency=idempotency, uow=writes.uow
        )
    )
    if staged and _has_batches(staged[-1].value):
        process_batches_now(order_id, writes=writes)
    return response


def stage_return(
    order: Order,
    returned: ReturnInput,
    *,
    at: datetime,
    actor: str,
    writes: OrderStockWrites,
    locations: LocationRepository,
) -> StagedChange[Order]:
    """Return the order with its return, and the writes of both the return and its stock.

    Raises the errors of :func:`create_return`.
    """
    lines = {
        line_id: ReturnedPieces(
            line.pieces, line.condition, _restock_location(order, line_id, n, line, locations)
        )
        for n, (line_id, line) in enumerate(returned.lines.items())
    }
    recorded = OrderReturn(at, returned.reason, lines)
    after, events = order.with_return(recorded, actor)
    stock_ops, more = _restock_ops(after, recorded, actor, writes)
    return StagedChange(
        replace(after, version=order.version + 1),
        (writes.orders.update_op(order, after, (*events, *more)), *stock_ops),
    )


def _has_batches(order: Order) -> bool:
    """Whether the newest return has more SKUs than one transaction can add to stock."""
    return len(order.restocked_units(order.returns[-1])) > MAX_RESTOCKED_PER_BATCH


def _restock_location(
    order: Order,
    line_id: str,
    number: int,
    line: ReturnLineInput,
    locations: LocationRepository,
) -> str | None:
    """Return the location that takes the pieces of a line back; ``None`` without restock."""
    if not line.restock:
        return None
    path = f"$.lines[{number}].location"
    if line.location is not None:
        return locations.get().location(line.location, path).name
    # An unknown or unshipped line is reported with its quantity.
    shipped = order.locations_of(line_id)
    if len(shipped) > 1 or shipped == {None}:
        raise Conflict(
            f"Pieces of line {line_id} were shipped from several locations."
            " Send the location that takes these pieces back.",
            code="several_locations",
            path=path,
        )
    return next(iter(shipped), None)


def _restock_ops(
    after: Order, recorded: OrderReturn, actor: str, writes: OrderStockWrites
) -> tuple[tuple[WriteOperation, ...], tuple[Event, ...]]:
    """Return the writes that add returned units to stock, and the event of queued batches."""
    units = after.restocked_units(recorded)
    if not units:
        return (), ()
    if len(units) <= MAX_RESTOCKED_PER_BATCH:
        # One transaction: the units are in stock if and only if the return exists.
        stock_op = writes.stock.restock_op(
            units, order=after.id, actor=actor, at=recorded.at, reason=recorded.reason
        )
        return (stock_op,), ()
    # The units are added in batches afterwards; the event finds batches that remain.
    batches = split_into_batches(
        units, str(after.version + 1), returned=(actor, recorded.at, recorded.reason)
    )
    return (
        queue_batch_ops(after.id, batches, writes.orders),
        (after.batches_queued_event(recorded.at),),
    )
