"""What the life of an order needs from the world."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shop.kernel.events import Event
from shop.kernel.paging import Page
from shop.kernel.transactions import Part
from shop.orders.model import Order, Status


@dataclass(frozen=True)
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
        """The order, whoever owns it: for the shop's own work, never for a shopper. Raises NotFound."""

    def placing(self, order: Order, events: Sequence[Event]) -> Part:
        """Write a new order, if there is none of this id."""

    def changing(self, before: Order, after: Order, events: Sequence[Event]) -> Part:
        """Write what an order became, if it is still as it was read. Raises Stale on commit."""

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        """Write it by itself, in one conditional update. Raises Stale."""

    def name(self, order_id: str) -> str:
        """How a Clash names this order."""

    def of_customer(self, customer: str, *, cursor: str | None, limit: int) -> Page[Summary]:
        """A customer's orders, newest first."""

    def placed_on(
        self, day: str, *, status: Status | None, cursor: str | None, limit: int
    ) -> Page[Summary]:
        """The orders placed on a day (UTC, ``2026-08-25``), newest first."""

    def parcel(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        """The order and the parcel that a tracking number belongs to. Raises NotFound."""

    def tracking(self, carrier: str, tracking_number: str, order_id: str, parcel_id: str) -> Part:
        """Remember whose a tracking number is. A number belongs to one parcel for good."""


class Waits(Protocol):
    """Where the workflow waits for the world, one task token per order and step."""

    def wait(self, order_id: str, step: str, token: str, until: datetime) -> None:
        """Remember the token of a step that waits; a later token replaces an earlier one."""

    def token(self, order_id: str, step: str) -> str | None:
        """The token of the step, if it waits."""


class Workflow(Protocol):
    """The order workflow, seen from the shop."""

    def resume(self, token: str, result: dict[str, Any]) -> None:
        """Let the waiting step go on. A token that no longer waits is not an error."""

    def abort(self, token: str, error: str, cause: str) -> None:
        """Let the waiting step fail, which starts its undo."""


class Mail(Protocol):
    """Where letters to customers go."""

    def send(self, to: str, subject: str, text: str, *, key: str) -> None:
        """Send a letter. ``key`` names it: the same letter is not sent twice."""
