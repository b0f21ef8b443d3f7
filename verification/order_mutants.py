"""Ways to sell baskets that look right and are not. The replay runs on them too, and must fail.

Each is what shops do with baskets of many lines. What is broken is one thing; the rest of the shop
is as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from shop.cart.model import Message
from shop.checkout.actions import messages, payment, placement
from shop.checkout.model import CheckoutSession, Offer
from shop.inventory.model import Demand, MovementType, ReservationState, Shortage
from shop.inventory.store import DynamoStockRepository, rows
from shop.inventory.store import stock as stockroom
from shop.orders.actions import batched_placement
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.model import Order


@contextmanager
def _not_added_up() -> Iterator[None]:
    """A dictionary of pieces by article: of several lines of one article the last one counts."""

    def demands(offer: Offer) -> tuple[Demand, ...]:
        last = {line.sku: line.quantity for line in (*offer.lines, *offer.gifts)}
        return tuple(Demand(sku, quantity) for sku, quantity in last.items())

    with patch.object(Offer, "demands", demands):
        yield


@contextmanager
def _first_short_line() -> Iterator[None]:
    """The first article that is short ends it; the buyer hears of the next one the next time."""
    told = messages.short_line_messages

    def first(short: Sequence[Shortage], session: CheckoutSession) -> tuple[Message, ...]:
        return told(short, session)[:1]

    with (
        patch.object(placement, "short_line_messages", first),
        patch.object(payment, "short_line_messages", first),
    ):
        yield


@contextmanager
def _given_back_twice() -> Iterator[None]:
    """Whoever calls an order off gives its stock back, and so does the one who hears of it."""
    release = DynamoStockRepository.release

    def again(
        stock: DynamoStockRepository,
        writes: Any,
        holds: Any,
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        twice = [replace(hold, quantity=2 * hold.quantity) for hold in holds]
        release(stock, _Heedless(writes), twice, state)  # type: ignore[arg-type]

    with patch.object(DynamoStockRepository, "release", again):
        yield


@contextmanager
def _shipped_unwritten() -> Iterator[None]:
    """What is shipped is taken off the shelf, and written down by somebody else, or not."""
    journal = rows.add_movement

    def forgetful(writes: Any, movement: Any, *books: Any) -> None:
        if movement.kind is not MovementType.SHIPPED:
            journal(writes, movement, *books)

    with patch.object(stockroom, "add_movement", forgetful):
        yield


@contextmanager
def _no_way_back() -> Iterator[None]:
    """A saga without compensation: the order is called off, the batches it took stay taken."""

    def stays(order_id: str, batch: Any, *, writes: OrderStockWrites) -> bool:
        writes.uow.commit(writes.orders.finish_batch(order_id, batch))
        return True

    with _unasked(), patch.object(batched_placement, "_move", stays):
        yield


@contextmanager
def _in_part() -> Iterator[None]:
    """A large order takes what it gets, and is placed with that."""
    place = batched_placement.place_in_batches

    def anyhow(order: Order, *, writes: OrderStockWrites) -> tuple[Order, Sequence[Shortage]]:
        found, short = place(order, writes=writes)
        if not short:
            return found, short
        _, taken = writes.orders.list_batches(order.id)
        placed = batched_placement._placed(order, taken, writes=writes)
        return placed or found, ()

    with _unasked(), patch.object(payment, "place_in_batches", anyhow):
        yield


@contextmanager
def _unasked() -> Iterator[None]:
    """Nobody asks beforehand whether a large order's goods are there: it turns out on the way."""
    after = DynamoStockRepository.shortages_from

    def blind(
        stock: DynamoStockRepository, error: Exception | None, demands: Any
    ) -> tuple[Shortage, ...]:
        if error is None:
            return ()
        return after(stock, error, demands)

    with patch.object(DynamoStockRepository, "shortages_from", blind):
        yield


class _Heedless:
    """A transaction that forgets the conditions of its updates, but that the row is there."""

    def __init__(self, writes: Any) -> None:
        self._writes = writes

    def update(self, model: Any, actions: Any, condition: Any = None) -> None:
        self._writes.update(model, actions)


CARELESS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "not added up": _not_added_up,
    "first short line": _first_short_line,
    "given back twice": _given_back_twice,
    "shipped unwritten": _shipped_unwritten,
    "no way back": _no_way_back,
    "in part": _in_part,
}
"""The flaws, by the names that the replay knows them by."""


def careless(name: str | None) -> AbstractContextManager[None]:
    """The shop with that flaw, or as it is."""
    return nullcontext() if name is None else CARELESS[name]()
