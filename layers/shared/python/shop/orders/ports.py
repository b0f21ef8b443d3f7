"""Ports of the order use cases."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.notifications import CLAIM_TIMEOUT as CLAIM_TIMEOUT
from shop.kernel.notifications import Email as Email
from shop.kernel.notifications import EmailSender as EmailSender
from shop.kernel.notifications import SentEmails as SentEmails
from shop.kernel.pagination import Page
from shop.kernel.unit_of_work import WriteOperation
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderStatus, ParkedEvent, ReservationBatch

if TYPE_CHECKING:
    from shop.orders.model.customers import OrderingCustomer
    from shop.orders.model.finding import OrderSearch, OrderSums


@frozen(slots=False)
class OrderSummaryItem:
    """An order in a list. Amounts are minor units of ``currency``; ``pieces`` are whole pieces.

    ``returned`` is the value of the returned pieces, and ``refunded`` the money that the payment
    provider has refunded. ``worth`` is the current value; 0 if the order is cancelled.
    ``cancelled`` and the fields from ``net`` on are the properties of the order with these names.
    """

    id: str
    status: OrderStatus
    placed_at: datetime
    currency: str
    total: int
    pieces: int
    email: str
    returned: int = 0
    refunded: int = 0
    worth: int = 0
    cancelled: int = 0
    net: int = 0
    net_tax: int = 0
    net_shipping: int = 0
    active_pieces: int = 0


@frozen(slots=False)
class OrderDigest:
    """The new orders of a window of time: how many are paid or not yet, and the first of them."""

    starts: datetime
    ends: datetime
    paid: int
    unpaid: int
    first: tuple[OrderSummaryItem, ...]

    @property
    def count(self) -> int:
        return self.paid + self.unpaid


class NewOrders(Protocol):
    """Counts of new orders."""

    def placed_between(self, since: datetime, until: datetime, listed: int) -> OrderDigest:
        """Count the orders placed from ``since`` to before ``until`` that were not cancelled.

        Both are in one UTC day. At most ``listed`` of the orders are returned, oldest first.
        """


class OrderFinder(Protocol):
    """Orders by what staff know about them.

    An order is listed within seconds after it was placed. A search without a term must have both
    times: orders are then read by day.
    """

    def find(
        self, search: "OrderSearch", *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        """Return matching orders, newest first.

        The number of orders that one call reads is bounded. A page may therefore be short, or
        empty, although its cursor leads to more orders.
        """

    def sum_up(self, search: "OrderSearch") -> "OrderSums":
        """Return the sums of all matching orders, or of the newest ones if there are too many."""


class CustomerFinder(Protocol):
    """Customers by what staff know about them, derived from their orders."""

    def find(
        self, search: "OrderSearch", *, cursor: str | None, limit: int
    ) -> "Page[OrderingCustomer]":
        """Return the customers of matching orders, by their newest one, each once.

        A page may be short, or empty, although its cursor leads to more. Raises InvalidRequest
        (``too_many``) for a page beyond the customers that a search lists.
        """

    def get(self, customer_id: str) -> "OrderingCustomer":
        """Return a customer; an account without orders has none. Raises NotFound for a guest."""

    def customer_of(self, order: Order) -> "OrderingCustomer":
        """Return the customer of an order."""


class OrderRepository(Protocol):
    """Orders, and the stock batches of orders that are too large for one transaction.

    The owner is part of an order's key, so a customer cannot read another customer's order. Methods
    that end in ``_op`` or act on batches return a write operation for a unit of work.
    """

    def get(self, owner: str, order_id: str) -> Order:
        """Return the order of this owner. Raises NotFound."""

    def get_by_id(self, order_id: str) -> Order:
        """Return an order of any owner, for staff and workflows only. Raises NotFound."""

    def place_op(self, order: Order, events: Sequence[Event]) -> WriteOperation:
        """Insert a new order with its events; the id must be new."""

    def update_op(self, before: Order, after: Order, events: Sequence[Event]) -> WriteOperation:
        """Replace ``before`` with ``after``; the stored version must be that of ``before``."""

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        """Replace ``before`` with ``after`` in one conditional write, without a transaction.

        Returns the order with its new version. Raises VersionConflict.
        """

    def condition_key(self, order_id: str) -> str:
        """Return the key that ConditionFailed uses for the order, its batches and placement."""

    def list_batches(self, order_id: str) -> tuple[bool | None, Sequence[ReservationBatch]]:
        """Return the state of the placement and the order's batches.

        The state is True while batches may be recorded, False while they are reversed, and None
        while the order is not being placed.
        """

    def open_batches(self, order_id: str) -> WriteOperation:
        """Open the placement, so that batches may be recorded; it must be new."""

    def reverse_batches(self, order_id: str) -> WriteOperation:
        """Switch the placement from recording batches to reversing them."""

    def close_batches(self, order_id: str, *, placing: bool) -> WriteOperation:
        """Delete the placement; ``placing`` states whether it must be recording or reversing."""

    def record_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        """Insert a reserved batch; the placement must be open and the batch's name new."""

    def enqueue_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        """Insert a batch whose stock is to be moved; its name must be new."""

    def finish_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        """Delete a batch; it must exist."""

    def list_by_customer(
        self, customer: str, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        """Return a customer's orders, newest first, without those that were never placed."""

    def list_overdue(self, at: datetime, max_results: int) -> Sequence[str]:
        """Return ids of orders of today and yesterday that are overdue, oldest first.

        Overdue means past the payment deadline and still ``placing`` or ``placed``.
        """

    def list_awaiting_stock(self) -> Sequence[str]:
        """Return ids of orders with reservations on inbound stock, oldest first."""

    def list_awaiting_payment(self, before: datetime, max_results: int) -> Sequence[str]:
        """Return ids of unpaid orders, oldest first.

        They were placed before that time, on its day or the day before.
        """

    def list_late(self, before: datetime, max_results: int) -> Sequence[str]:
        """Return ids of confirmed orders that should have arrived by then, oldest first.

        Orders are listed for 60 days. One whose delay was announced is not late any more.
        """

    def find_shipment(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        """Return the ids of the order and shipment of a tracking number. Raises NotFound."""

    def register_tracking_op(
        self, carrier: str, tracking_number: str, order_id: str, shipment_id: str
    ) -> WriteOperation:
        """Assign a tracking number to a shipment; it must be unassigned, and stays assigned."""


class ParkedEvents(Protocol):
    """Tracking events of unknown shipments, stored until the shipment is created."""

    def park(self, parked: ParkedEvent) -> bool:
        """Store an event; the same event is stored once.

        Return False, and store nothing, if its tracking number has a shipment by now.
        """

    def list_of(self, carrier: str, tracking_number: str) -> Sequence[ParkedEvent]:
        """Return the events of one tracking number."""

    def remove(self, parked: ParkedEvent) -> None:
        """Delete an event; one that is already deleted is ignored."""

    def list_all(self, *, cursor: str | None, limit: int) -> Page[ParkedEvent]:
        """Return the events of all carriers, sorted by carrier and tracking number."""


class UsageRelease(Protocol):
    """The usage counters of limited coupons and sales, as far as a cancellation needs them."""

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        """Release an order's usage, in the transaction that cancels the order."""


class WorkflowTokens(Protocol):
    """Task tokens of workflow steps that wait: one per order and step."""

    def save(self, order_id: str, step: str, token: str, at: datetime) -> None:
        """Store the token of a waiting step; it replaces an earlier token."""

    def get_many(self, order_id: str, steps: Iterable[str]) -> Mapping[str, str]:
        """Return the last stored token of each of these steps that has one."""


class OrderWorkflow(Protocol):
    """The order workflow."""

    def start(self, order_id: str) -> None:
        """Start the workflow of an order; if it has started before, do nothing."""

    def resume(self, token: str, result: dict[str, Any]) -> None:
        """Complete a waiting step; ignore a token that no longer waits."""

    def abort(self, token: str, error: str, cause: str) -> None:
        """Fail a waiting step, which starts its compensation; ignore a token as :meth:`resume`."""
