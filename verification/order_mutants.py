"""Mutants of orders with many lines. The replay and the large orders must fail on each of them.

Each mutant makes one common mistake; the rest of the shop is unchanged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from shop.cart.model import Message
from shop.checkout.actions import messages, payment, placement
from shop.checkout.model import CheckoutSession, Offer
from shop.inventory.model import (
    Demand,
    MovementType,
    ReservationState,
    Shortage,
    merge_reservations,
)
from shop.inventory.store import DynamoStockRepository, rows
from shop.inventory.store import reservations as stock_store
from shop.orders.actions import batched_placement
from shop.orders.model import Order
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from verification.sales_mutants import WithoutConditions


@contextmanager
def _last_line_only() -> Iterator[None]:
    """Of several lines of one article, count only the last one."""

    def demands(offer: Offer) -> tuple[Demand, ...]:
        last = {line.sku: line.quantity for line in (*offer.lines, *offer.gifts)}
        return tuple(Demand(sku, quantity) for sku, quantity in last.items())

    with patch.object(Offer, "demands", demands):
        yield


@contextmanager
def _first_short_line_only() -> Iterator[None]:
    """Report only the first short line; the buyer finds the next one at the next attempt."""
    report = messages.short_line_messages

    def report_first(short: Sequence[Shortage], session: CheckoutSession) -> tuple[Message, ...]:
        return report(short, session)[:1]

    with (
        patch.object(placement, "short_line_messages", report_first),
        patch.object(payment, "short_line_messages", report_first),
    ):
        yield


@contextmanager
def _released_twice() -> Iterator[None]:
    """Release the stock of a cancelled order twice."""
    release = DynamoStockRepository.release

    def release_double(
        stock: DynamoStockRepository,
        writes: Any,
        reservations: Any,
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        double = [replace(each, quantity=2 * each.quantity) for each in reservations]
        release(stock, WithoutConditions(writes), double, state)  # type: ignore[arg-type]

    with patch.object(DynamoStockRepository, "release", release_double):
        yield


@contextmanager
def _shipment_without_movement() -> Iterator[None]:
    """Remove shipped units from the stock without a movement in the journal."""
    add_movement = rows.add_movement

    def skip_shipments(writes: Any, movement: Any, *tables: Any) -> None:
        if movement.kind is not MovementType.SHIPPED:
            add_movement(writes, movement, *tables)

    with patch.object(stock_store, "add_movement", skip_shipments):
        yield


@contextmanager
def _batches_not_released() -> Iterator[None]:
    """Cancel an abandoned placement without the compensation of its reserved batches."""

    def finish_only(order_id: str, batch: Any, **_: Any) -> bool:
        finish = DynamoOrderRepository().finish_batch(order_id, batch)
        DynamoUnitOfWork(connection()).commit(finish)
        return True

    with _without_precheck(), patch.object(batched_placement, "_move", finish_only):
        yield


@contextmanager
def _placed_in_part() -> Iterator[None]:
    """Place a large order with the batches that could be reserved."""
    place = batched_placement.place_in_batches

    def place_anyway(order: Order, **dependencies: Any) -> tuple[Order, Sequence[Shortage]]:
        found, short = place(order, **dependencies)
        return (_place_reserved(order) if short else found), ()

    with _without_precheck(), patch.object(payment, "place_in_batches", place_anyway):
        yield


def _place_reserved(order: Order) -> Order:
    orders = DynamoOrderRepository()
    _, batches = orders.list_batches(order.id)
    reservations = merge_reservations(each for batch in batches for each in batch.reservations)
    after, events = replace(order, reservations=reservations).place()
    DynamoUnitOfWork(connection()).commit(
        orders.update_op(order, after, events),
        orders.close_batches(order.id, placing=True),
        *(orders.finish_batch(order.id, batch) for batch in batches),
    )
    return replace(after, version=order.version + 1)


@contextmanager
def _without_precheck() -> Iterator[None]:
    """Skip the check of a large order's stock before its placement."""
    shortages_from = DynamoStockRepository.shortages_from

    def see_none(
        stock: DynamoStockRepository, error: Exception | None, demands: Any
    ) -> tuple[Shortage, ...]:
        if error is None:
            return ()
        return shortages_from(stock, error, demands)

    with patch.object(DynamoStockRepository, "shortages_from", see_none):
        yield


ORDER_MUTANTS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "last line only": _last_line_only,
    "first short line only": _first_short_line_only,
    "released twice": _released_twice,
    "shipment without movement": _shipment_without_movement,
    "batches not released": _batches_not_released,
    "placed in part": _placed_in_part,
}
"""Mutants by the name of their mistake."""


def order_mutant(name: str | None) -> AbstractContextManager[None]:
    """Apply a mutant, or leave the shop as it is."""
    return nullcontext() if name is None else ORDER_MUTANTS[name]()
