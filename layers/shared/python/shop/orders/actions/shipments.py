"""Goods leave the house: which location ships what, and each parcel once."""

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
    split_into_batches,
    take_from_reservations,
)
from shop.orders.ports import OrderRepository


@frozen(slots=False)
class AllocationContext:
    """What choosing among several locations takes."""

    book: StockRepository
    stock: StockReservations[Any]
    locations: LocationRepository
    ledger: UnitOfWork


def allocate_order(
    order_id: str,
    *,
    at: datetime,
    orders: OrderRepository,
    sourcing: AllocationContext | None = None,
) -> Order:
    """Decide by the policy which location ships what, and move the order's promises there. Of an
    order called off meanwhile, none does.

    Where somebody else was faster at the goods, or the policy cannot serve all of it, the order is
    served from where it was put aside when it was placed; so it is without ``sourcing``.
    """

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        if order.status in TERMINATED:
            return order
        holds = order.reservations if sourcing is None else _by_policy(order, sourcing)
        after, events = order.with_allocation(at, "workflow", holds)
        if not events:
            return order
        if sourcing is not None and holds != order.reservations:
            moving = sourcing.stock
            try:
                sourcing.ledger.commit(
                    orders.update_op(order, after, events),
                    lambda transaction: moving.relocate(transaction, order.reservations, holds),
                )
            except ConditionFailed as clash:
                if orders.condition_key(order_id) in clash.keys:
                    raise VersionConflict("somebody else changed this order meanwhile") from None
            else:
                return replace(after, version=order.version + 1)
        after, events = order.with_allocation(at, "workflow")
        return orders.save(order, after, events)

    return retry_on_conflict(attempt)


def _by_policy(order: Order, sourcing: AllocationContext) -> tuple[Reservation, ...]:
    """The holds that the policy wants; those there are, where there is nothing to choose."""
    network = sourcing.locations.get()
    if order.allocation or order.shipped or len(network.locations) == 1:
        return order.reservations
    chosen = allocate_reservations(
        order.reservations,
        stock=sourcing.book,
        locations=tuple(network.locations.values()),
        policy=network.policy,
        destination=GeoPoint(str(order.destination.get("address_country", ""))),
    )
    # One transaction moves them: of a larger order, each article stays where it is.
    return (
        merge_reservations(chosen)
        if len(chosen) + len(order.reservations) <= MAX_RESERVATIONS_PER_BATCH
        else order.reservations
    )


def create_shipment(
    order_id: str,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    actor: str,
    writes: OrderStockWrites,
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
        order_id,
        carrier,
        tracking_number,
        tracking_url,
        lines,
        at,
        actor,
        location,
        writes,
    )

    def attempt() -> Order:
        change = parcel()
        if change.parts:
            commit_or_raise(writes.uow, *change.parts)
        return change.value

    order = retry_on_conflict(attempt)
    if _left_in_batches(order):
        process_batches_now(
            order_id,
            writes=writes,
        )
    return order


def _left_in_batches(order: Order) -> bool:
    """Whether a parcel may have had more articles than one transaction takes out of stock."""
    return any(len(parcel.lines) > MAX_SHIPPED_PER_BATCH for parcel in order.shipments)


def create_shipment_once(
    idempotent_request: IdempotentRequest,
    order_id: str,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    actor: str,
    writes: OrderStockWrites,
    idempotency: IdempotencyStore,
    location: str | None = None,
) -> Mapping[str, Any]:
    """As :func:`ship_order`, under a key that is kept with the answer in the same transaction."""
    parcel = _handing_over(
        order_id,
        carrier,
        tracking_number,
        tracking_url,
        lines,
        at,
        actor,
        location,
        writes,
    )
    seen: list[Order] = []

    def make() -> StagedChange[Order]:
        change = parcel()
        seen.append(change.value)
        return change

    answer = retry_on_conflict(
        lambda: run_idempotent(
            idempotent_request, make, render, idempotency=idempotency, uow=writes.uow
        )
    )
    if _left_in_batches(seen[-1]):
        process_batches_now(
            order_id,
            writes=writes,
        )
    return answer


def _handing_over(
    order_id: str,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    actor: str,
    location: str | None,
    writes: OrderStockWrites,
) -> Callable[[], StagedChange[Order]]:
    """What is to be committed for a parcel; asked again, when that failed, it finds out why."""
    parcel_id = derived_id("par", order_id, carrier.casefold(), tracking_number)
    tries = count()

    def change() -> StagedChange[Order]:
        order = writes.orders.get_by_id(order_id)
        known = next((parcel for parcel in order.shipments if parcel.id == parcel_id), None)
        if known is not None:
            order.require_same_shipment(known, lines, tracking_url, location)
            return StagedChange(order, ())
        if next(tries):
            _refuse_taken(carrier, tracking_number, writes.orders)
        pieces = _all_there(order, location) if lines is None else dict(lines)
        parcel = Shipment(
            parcel_id, carrier, tracking_number, pieces, at, tracking_url, location=location
        )
        order.with_shipment(parcel, actor)  # refuses what cannot be
        taken, _ = take_from_reservations(order.reservations, order.skus_of(parcel), location)
        if any(hold.shard == INBOUND_SHARD for hold in taken):
            late = sorted({hold.sku for hold in taken if hold.shard == INBOUND_SHARD})
            raise Conflict(
                f"{', '.join(late)}: still to come; ship what is here", code="stock_awaited"
            )
        places = {hold.location for hold in taken}
        parcel = replace(parcel, location=places.pop() if len(places) == 1 else None)
        after, events = order.with_shipment(parcel, actor)
        leaving: tuple[WriteOperation, ...] = (
            lambda transaction: writes.stock.ship(
                transaction,
                taken,
                order=order_id,
                actor=actor,
                at=at,
                state=ReservationState.RESERVED,
            ),
        )
        if len(taken) > MAX_SHIPPED_PER_BATCH:
            parted = split_into_batches(taken, str(order.version + 1), shipped=(actor, at))
            leaving = queue_batch_ops(order_id, parted, writes.orders)
            events = (*events, order.batches_queued_event(at))
        return StagedChange(
            replace(after, version=order.version + 1),
            (
                writes.orders.update_op(order, after, events),
                writes.orders.register_tracking_op(carrier, tracking_number, order_id, parcel_id),
                *leaving,
            ),
        )

    return change


def _all_there(order: Order, location: str | None) -> dict[str, int]:
    """All that is left of an order, at this location or at the only one it is at."""
    if location is not None:
        pieces = order.reserved_at(location)
        if not pieces and order.reservations:
            raise Conflict(
                f"nothing of this order lies at {location}",
                code="not_held_there",
                path="$.location",
            )
        return pieces
    places = sorted({hold.location for hold in order.reservations})
    if len(places) > 1:
        raise Conflict(
            f"this order lies at {', '.join(places)}: say which location this parcel leaves from",
            code="several_locations",
            path="$.location",
        )
    return {line_id: remaining for line_id, remaining in order.to_ship.items() if remaining}


def _refuse_taken(carrier: str, tracking_number: str, orders: OrderRepository) -> None:
    try:
        orders.find_shipment(carrier, tracking_number)
    except NotFound:
        return
    raise Conflict(
        "this tracking number belongs to another parcel",
        code="tracking_number_taken",
        path="$.tracking_number",
    )
