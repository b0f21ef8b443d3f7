"""What the life of an order needs from the world."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.notifications import CLAIM_TIMEOUT as CLAIM_TIMEOUT
from shop.kernel.notifications import Email as Email
from shop.kernel.notifications import EmailSender as EmailSender
from shop.kernel.notifications import SentEmails as SentEmails
from shop.kernel.pagination import Page
from shop.kernel.unit_of_work import WriteOperation
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderStatus, ReservationBatch


@frozen(slots=False)
class OrderSummaryItem:
    """An order in a list. ``total`` is minor units of ``currency``."""

    id: str
    status: OrderStatus
    placed_at: datetime
    currency: str
    total: int
    pieces: int
    email: str


class OrderRepository(Protocol):
    """The order book. An order is found by whose it is *and* its id: a stranger's is not found."""

    def get(self, owner: str, order_id: str) -> Order:
        """The order of this owner. Raises NotFound."""

    def get_by_id(self, order_id: str) -> Order:
        """The order, whosever it is: for the shop's work, never for a shopper. Raises NotFound."""

    def place_op(self, order: Order, events: Sequence[Event]) -> WriteOperation:
        """Write a new order, if there is none of this id."""

    def update_op(self, before: Order, after: Order, events: Sequence[Event]) -> WriteOperation:
        """Write what an order became, if it is still as it was read. Raises Stale on commit."""

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        """Write it by itself, in one conditional update. Raises Stale."""

    def condition_key(self, order_id: str) -> str:
        """How a Clash names this order, its batches and whether it is still being placed."""

    def list_batches(self, order_id: str) -> tuple[bool | None, Sequence[ReservationBatch]]:
        """An order's batches; and whether more may be taken (True), they are being given back
        (False), or it is not being placed at all (None).
        """

    def open_batches(self, order_id: str) -> WriteOperation:
        """From now on batches may be taken, if it was never so before."""

    def reverse_batches(self, order_id: str) -> WriteOperation:
        """From now on they are given back, if they were being taken."""

    def close_batches(self, order_id: str, *, placing: bool) -> WriteOperation:
        """The order is no longer being placed, if it was, and this way round."""

    def record_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        """Note a batch that is taken, if more may be and there is none of this name."""

    def enqueue_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        """Note a batch that is to be moved, if there is none of this name."""

    def finish_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        """Strike a batch off, if it is there."""

    def list_by_customer(
        self, customer: str, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        """A customer's orders, newest first; not those that were never placed."""

    def list_by_day(
        self, day: str, *, status: OrderStatus | None, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        """The orders placed on a day (UTC, ``2026-08-25``), newest first."""

    def list_overdue(self, at: datetime, max_results: int) -> Sequence[str]:
        """Orders of today and yesterday still unpaid, or not even placed, after their deadline, the
        oldest first."""

    def list_awaiting_stock(self) -> Sequence[str]:
        """The orders that wait for goods which are still to come, the oldest first."""

    def list_awaiting_payment(self, before: datetime, max_results: int) -> Sequence[str]:
        """Orders still unpaid that were placed before then, on that day or the one before it, the
        oldest first."""

    def find_shipment(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        """The order and the parcel that a tracking number belongs to. Raises NotFound."""

    def register_tracking_op(
        self, carrier: str, tracking_number: str, order_id: str, parcel_id: str
    ) -> WriteOperation:
        """Remember whose a tracking number is. A number belongs to one parcel for good."""

    def tracking_condition_key(self, carrier: str, tracking_number: str) -> str:
        """How a Clash names a tracking number."""


class UsageRelease(Protocol):
    """Where uses of limited coupons and sales are counted, as far as an order's end asks."""

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        """Count back what an order used up, in the transaction that calls it off."""


class WorkflowTokens(Protocol):
    """Where the workflow waits for the world, one task token per order and step."""

    def save(self, order_id: str, step: str, token: str, at: datetime) -> None:
        """Remember the token of a step that waits; a later token replaces an earlier one."""

    def get_many(self, order_id: str, steps: Iterable[str]) -> Mapping[str, str]:
        """The token of each of these steps that waits or has waited, as last written."""


class OrderWorkflow(Protocol):
    """The order workflow, seen from the shop."""

    def start(self, order_id: str) -> None:
        """Start an order's workflow. Started before, it is not started again."""

    def resume(self, token: str, result: dict[str, Any]) -> None:
        """Let the waiting step go on. A token that no longer waits is not an error."""

    def abort(self, token: str, error: str, cause: str) -> None:
        """Let the waiting step fail, which starts its undo. As :meth:`resume`, otherwise."""
