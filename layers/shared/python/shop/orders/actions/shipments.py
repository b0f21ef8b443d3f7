"""Allocation of an order to locations, and creation of its shipments."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from shop.inventory.actions.allocation import allocate_reservations
from shop.inventory.model import Reservation, ReservationState, merge_reservations
from shop.inventory.model.allocation import GeoPoint
from shop.inventory.model.shards import INBOUND_SHARD
from shop.inventory.ports import LocationRepository, StockRepository, StockReservations
from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, run_idempotent
from shop.kernel.ids import derived_id
from shop.kernel.unit_of_work import ConditionFailed, StagedChange, UnitOfWork, WriteOperation
from shop.orders.actions.batched_placement import process_batches_now, queue_batch_ops
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.retry import commit_or_raise, retry_on_conflict
from shop.orders.model import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_SHIPPED_PER_BATCH,
    TERMINATED,
    Order,
    Shipment,
    ShipmentInput,
    split_into_batches,
    take_from_reservations,
)
from shop.orders.model.shipment_match import require_same_shipment
from shop.orders.ports import OrderRepository


@frozen(slots=False)
class AllocationContext:
    """The repositories that an allocation among several locations needs."""

    levels: StockRepository
    reservations: StockReservations[Any]
    locations: LocationRepository
    uow: UnitOfWork


def allocate_order(
    order_id: str,
    *,
    at: datetime,
    orders: OrderRepository,
    context: AllocationContext | None = None,
) -> Order:
    """Allocate an order's lines to locations by the allocation policy, and move its reservations.

    A terminated order is returned unchanged. If the policy cannot serve the whole order, or another
    order takes the stock first, the lines stay at the locations where they were reserved at
    checkout. The same applies without a ``context``.
    """

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        if order.status in TERMINATED:
            return order
        reservations = order.reservations if context is None else _by_policy(order, context)
        after, events = order.with_allocation(at, "workflow", reservations)
        if not events:
            return order
        if context is not None and reservations != order.reservations:
            moved = _relocate(order, after, events, orders, context)
            if moved is not None:
                return moved
        after, events = order.with_allocation(at, "workflow")
        return orders.save(order, after, events)

    return retry_on_conflict(attempt)


def _relocate(
    order: Order,
    after: Order,
    events: tuple[Event, ...],
    orders: OrderRepository,
    context: AllocationContext,
) -> Order | None:
    """Write the allocation and move the reservations; ``None`` if the stock is taken meanwhile.

    Raises VersionConflict if the order itself was changed.
    """
    try:
        context.uow.commit(
            orders.update_op(order, after, events),
            lambda transaction: context.reservations.relocate(
                transaction, order.reservations, after.reservations
            ),
        )
    except ConditionFailed as failure:
        if orders.condition_key(order.id) in failure.keys:
            raise VersionConflict("The order changed after it was read. Read it again.") from None
        return None
    return replace(after, version=order.version + 1)


def _by_policy(order: Order, context: AllocationContext) -> tuple[Reservation, ...]:
    """Return the reservations that the policy chooses, or the order's own without a choice."""
    network = context.locations.get()
    if order.allocation or order.shipped or len(network.locations) == 1:
        return order.reservations
    chosen = allocate_reservations(
        order.reservations,
        stock=context.levels,
        locations=tuple(network.locations.values()),
        policy=network.policy,
        destination=GeoPoint(order.destination.address_country or ""),
    )
    # One transaction moves all reservations. A larger order stays where it was reserved.
    if len(chosen) + len(order.reservations) > MAX_RESERVATIONS_PER_BATCH:
        return order.reservations
    return merge_reservations(chosen)


def create_shipment(
    order_id: str,
    shipment: ShipmentInput,
    *,
    at: datetime,
    actor: str,
    writes: OrderStockWrites,
) -> Order:
    """Ship pieces of an order with a carrier, and return the order.

    With a ``location`` the shipment contains pieces that are reserved there. Without one, "all
    pieces" must be reserved at one location, and named lines are taken from where they are
    reserved. The same shipment again changes nothing.

    Raises Conflict if the order is not confirmed or completely shipped, if the shipment exists with
    other contents, or if the tracking number belongs to another shipment. Raises InvalidRequest for
    pieces that are not to be shipped.
    """
    stage = _shipment_stager(order_id, shipment, at, actor, writes)

    def attempt() -> Order:
        change = stage()
        # No operations: the shipment exists already.
        if change.writes:
            commit_or_raise(writes.uow, *change.writes)
        return change.value

    order = retry_on_conflict(attempt)
    if _may_have_batches(order):
        process_batches_now(order_id, writes=writes)
    return order


def create_shipment_idempotent(
    idempotent_request: IdempotentRequest,
    order_id: str,
    shipment: ShipmentInput,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    actor: str,
    writes: OrderStockWrites,
    idempotency: IdempotencyStore,
) -> Mapping[str, Any]:
    """Create a shipment as :func:`create_shipment`, once per idempotency key.

    The key and the rendered response are stored in the shipment's own transaction.
    """
    stage = _shipment_stager(order_id, shipment, idempotent_request.at, actor, writes)
    staged: list[Order] = []

    def stage_and_remember() -> StagedChange[Order]:
        change = stage()
        staged.append(change.value)
        return change

    response = retry_on_conflict(
        lambda: run_idempotent(
            idempotent_request,
            stage_and_remember,
            render,
            idempotency=idempotency,
            uow=writes.uow,
        )
    )
    if staged and _may_have_batches(staged[-1]):
        process_batches_now(order_id, writes=writes)
    return response


def _may_have_batches(order: Order) -> bool:
    """Whether a shipment may have more SKUs than one transaction can take from stock."""
    return any(len(shipment.lines) > MAX_SHIPPED_PER_BATCH for shipment in order.shipments)


def _shipment_stager(
    order_id: str,
    requested: ShipmentInput,
    at: datetime,
    actor: str,
    writes: OrderStockWrites,
) -> Callable[[], StagedChange[Order]]:
    """Return a function that reads the order and stages the shipment, once per attempt."""
    # Derived from what identifies a shipment, so that a repeated request finds it.
    shipment_id = derived_id(
        "par", order_id, requested.carrier.casefold(), requested.tracking_number
    )
    attempts = count()

    def stage() -> StagedChange[Order]:
        order = writes.orders.get_by_id(order_id)
        known = next((each for each in order.shipments if each.id == shipment_id), None)
        if known is not None:
            require_same_shipment(order, known, requested)
            return StagedChange(order, ())
        # A taken tracking number also fails the transaction, and no retry can succeed. The read
        # that finds it is made after a failed attempt only.
        if next(attempts):
            _require_unassigned(requested, writes.orders)
        pieces = (
            _all_to_ship(order, requested.location)
            if requested.lines is None
            else dict(requested.lines)
        )
        shipment = Shipment(
            shipment_id,
            requested.carrier,
            requested.tracking_number,
            pieces,
            at,
            requested.tracking_url,
            location=requested.location,
        )
        order.with_shipment(shipment, actor)  # raises for pieces that are not to be shipped
        taken, _ = take_from_reservations(
            order.reservations, order.skus_of(shipment), requested.location
        )
        _require_on_hand(taken)
        return _stage_shipment(order, shipment, taken, actor, writes)

    return stage


def _stage_shipment(
    order: Order,
    shipment: Shipment,
    taken: tuple[Reservation, ...],
    actor: str,
    writes: OrderStockWrites,
) -> StagedChange[Order]:
    at = shipment.shipped_at
    locations = {reservation.location for reservation in taken}
    # Shipments from several locations have no single one to show.
    shipment = replace(shipment, location=locations.pop() if len(locations) == 1 else None)
    after, events = order.with_shipment(shipment, actor)
    stock_ops: tuple[WriteOperation, ...]
    if len(taken) <= MAX_SHIPPED_PER_BATCH:
        # One transaction: the units leave stock if and only if the shipment exists.
        stock_ops = (
            lambda transaction: writes.stock.ship(
                transaction,
                taken,
                order=order.id,
                actor=actor,
                at=at,
                state=ReservationState.RESERVED,
            ),
        )
    else:
        # The units leave stock in batches afterwards; the event finds batches that remain.
        batches = split_into_batches(taken, str(order.version + 1), shipped=(actor, at))
        stock_ops = queue_batch_ops(order.id, batches, writes.orders)
        events = (*events, order.batches_queued_event(at))
    return StagedChange(
        replace(after, version=order.version + 1),
        (
            writes.orders.update_op(order, after, events),
            writes.orders.register_tracking_op(
                shipment.carrier, shipment.tracking_number, order.id, shipment.id
            ),
            *stock_ops,
        ),
    )


def _require_on_hand(taken: tuple[Reservation, ...]) -> None:
    inbound = sorted({each.sku for each in taken if each.shard == INBOUND_SHARD})
    if inbound:
        raise Conflict(
            f"Units of {', '.join(inbound)} are still inbound. Ship the pieces that are in stock.",
            code="stock_awaited",
        )


def _all_to_ship(order: Order, location: str | None) -> dict[str, int]:
    """Return all pieces to ship by line id, from this location or from the order's only one."""
    if location is not None:
        pieces = order.reserved_at(location)
        if not pieces and order.reservations:
            raise Conflict(
                f"Location {location} has no reserved units of this order."
                " Choose another location.",
                code="not_reserved_at_location",
                path="$.location",
            )
        return pieces
    locations = sorted({reservation.location for reservation in order.reservations})
    if len(locations) > 1:
        raise Conflict(
            f"This order is reserved at {', '.join(locations)}."
            " Send the location that ships this parcel.",
            code="several_locations",
            path="$.location",
        )
    return {line_id: remaining for line_id, remaining in order.to_ship.items() if remaining}


def _require_unassigned(requested: ShipmentInput, orders: OrderRepository) -> None:
    try:
        orders.find_shipment(requested.carrier, requested.tracking_number)
    except NotFound:
        return
    raise Conflict(
        "This tracking number belongs to another parcel. Check the number.",
        code="tracking_number_taken",
        path="$.tracking_number",
    )
