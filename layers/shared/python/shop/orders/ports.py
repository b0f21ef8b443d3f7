"""What the life of an order needs from the world."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from shop.kernel.counts import Count
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.letters import GIVEN_UP as GIVEN_UP
from shop.kernel.letters import Letter as Letter
from shop.kernel.letters import Letters as Letters
from shop.kernel.letters import Mail as Mail
from shop.kernel.paging import Page
from shop.kernel.transactions import Part
from shop.orders.model import Batch, Order, Status


@frozen(slots=False)
class Summary:
    """An order in a list. ``total`` is minor units of ``currency``."""

    id: str
    status: Status
    placed_at: datetime
    currency: str
    total: int
    pieces: int
    email: str


class Orders(Protocol):
    """The order book. An order is found by whose it is *and* its id: a stranger's is not found."""

    def of(self, owner: str, order_id: str) -> Order:
        """The order of this owner. Raises NotFound."""

    def by_id(self, order_id: str) -> Order:
        """The order, whosever it is: for the shop's work, never for a shopper. Raises NotFound."""

    def placing(self, order: Order, events: Sequence[Event]) -> Part:
        """Write a new order, if there is none of this id."""

    def changing(self, before: Order, after: Order, events: Sequence[Event]) -> Part:
        """Write what an order became, if it is still as it was read. Raises Stale on commit."""

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        """Write it by itself, in one conditional update. Raises Stale."""

    def name(self, order_id: str) -> str:
        """How a Clash names this order, its batches and whether it is still being placed."""

    def batches(self, order_id: str) -> tuple[bool | None, Sequence[Batch]]:
        """An order's batches; and whether more may be taken (True), they are being given back
        (False), or it is not being placed at all (None).
        """

    def opening(self, order_id: str) -> Part:
        """From now on batches may be taken, if it was never so before."""

    def turning(self, order_id: str) -> Part:
        """From now on they are given back, if they were being taken."""

    def closing(self, order_id: str, *, taking: bool) -> Part:
        """The order is no longer being placed, if it was, and this way round."""

    def taking(self, order_id: str, batch: Batch) -> Part:
        """Note a batch that is taken, if more may be and there is none of this name."""

    def owing(self, order_id: str, batch: Batch) -> Part:
        """Note a batch that is to be moved, if there is none of this name."""

    def done(self, order_id: str, batch: Batch) -> Part:
        """Strike a batch off, if it is there."""

    def of_customer(self, customer: str, *, cursor: str | None, limit: int) -> Page[Summary]:
        """A customer's orders, newest first; not those that were never placed."""

    def placed_on(
        self, day: str, *, status: Status | None, cursor: str | None, limit: int
    ) -> Page[Summary]:
        """The orders placed on a day (UTC, ``2026-08-25``), newest first."""

    def overdue(self, at: datetime, most: int) -> Sequence[str]:
        """Orders of today and yesterday still unpaid, or not even placed, after their deadline, the
        oldest first."""

    def awaiting(self) -> Sequence[str]:
        """The orders that wait for goods which are still to come, the oldest first."""

    def waiting(self, before: datetime, most: int) -> Sequence[str]:
        """Orders still unpaid that were placed before then, on that day or the one before it, the
        oldest first."""

    def parcel(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        """The order and the parcel that a tracking number belongs to. Raises NotFound."""

    def tracking(self, carrier: str, tracking_number: str, order_id: str, parcel_id: str) -> Part:
        """Remember whose a tracking number is. A number belongs to one parcel for good."""

    def tracking_name(self, carrier: str, tracking_number: str) -> str:
        """How a Clash names a tracking number."""


class Uses(Protocol):
    """Where uses of limited coupons and sales are counted, as far as an order's end asks."""

    def giving(self, counts: Sequence[Count]) -> Part:
        """Count back what an order used up, in the transaction that calls it off."""


class Waits(Protocol):
    """Where the workflow waits for the world, one task token per order and step."""

    def wait(self, order_id: str, step: str, token: str, at: datetime) -> None:
        """Remember the token of a step that waits; a later token replaces an earlier one."""

    def tokens(self, order_id: str, steps: Iterable[str]) -> Mapping[str, str]:
        """The token of each of these steps that waits or has waited, as last written."""


class Workflow(Protocol):
    """The order workflow, seen from the shop."""

    def start(self, order_id: str) -> None:
        """Start an order's workflow. Started before, it is not started again."""

    def resume(self, token: str, result: dict[str, Any]) -> None:
        """Let the waiting step go on. A token that no longer waits is not an error."""

    def abort(self, token: str, error: str, cause: str) -> None:
        """Let the waiting step fail, which starts its undo. As :meth:`resume`, otherwise."""
