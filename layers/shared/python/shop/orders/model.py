"""An order and its life.

An order is a snapshot: names, SKUs, prices and the quote as they were when it was placed; deleting
a product changes no order. Its life cycle is a table, where the goods are is derived from
per-line quantities, and where the money is from the payment's ledger::

    placed ──▶ confirmed ──▶ completed
       │          ├──▶ returned
       └──────────┴──▶ cancelled
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shop.inventory.model import Hold
from shop.kernel.errors import Conflict, Invalid, NotFound
from shop.kernel.events import Event
from shop.kernel.money import Money
from shop.payments.model import Payment, PaymentStatus, Report


class Status(StrEnum):
    PLACED = "placed"
    """Stock is held for it; the payment is not certain yet."""
    CONFIRMED = "confirmed"
    """The payment is authorised or captured: the shop owes the goods."""
    COMPLETED = "completed"
    """Every unit arrived."""
    CANCELLED = "cancelled"
    """Called off before it was shipped; stock and money went back."""
    RETURNED = "returned"
    """Shipped, but lost or sent back undelivered; the money went back."""


MAY_BECOME: Mapping[Status, frozenset[Status]] = {
    Status.PLACED: frozenset({Status.CONFIRMED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.COMPLETED, Status.CANCELLED, Status.RETURNED}),
    Status.COMPLETED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.RETURNED: frozenset(),
}


class ParcelStatus(StrEnum):
    """Where a parcel is. Carriers' own words are kept beside it."""

    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_ATTEMPT = "failed_attempt"
    DELIVERED = "delivered"
    RETURNED = "returned_to_sender"
    LOST = "lost"


STICKY: Mapping[ParcelStatus, frozenset[ParcelStatus]] = {
    ParcelStatus.DELIVERED: frozenset({ParcelStatus.RETURNED, ParcelStatus.LOST}),
}
"""What a parcel, once there, may still become, whatever a carrier reports later."""


@dataclass(frozen=True)
class OrderLine:
    """One line as it was sold. Amounts are minor units; quantities whole pieces."""

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    unit_price: int
    quantity: int
    subtotal: int
    discount: int
    tax: int
    total: int
    image_url: str | None = None
    shipped: int = 0
    delivered: int = 0
    cancelled: int = 0

    @property
    def active(self) -> int:
        """Pieces that are still wanted."""
        return self.quantity - self.cancelled


@dataclass(frozen=True)
class Tracking:
    """Something a carrier said of a parcel: when it happened, by the carrier's clock."""

    id: str
    at: datetime
    status: ParcelStatus
    text: str = ""


@dataclass(frozen=True)
class Parcel:
    """Some pieces on their way. ``lines`` maps a line's id to pieces."""

    id: str
    carrier: str
    tracking_number: str
    lines: Mapping[str, int]
    shipped_at: datetime
    tracking_url: str | None = None
    tracking: tuple[Tracking, ...] = ()

    @property
    def status(self) -> ParcelStatus:
        """The newest event by the time it happened, not by when it arrived; delivered is sticky."""
        status = ParcelStatus.SHIPPED
        for event in sorted(self.tracking, key=lambda t: t.at):
            allowed = STICKY.get(status)
            if allowed is None or event.status in allowed:
                status = event.status
        return status


@dataclass(frozen=True)
class Moment:
    """One entry of an order's history: when, who, what, why. Never changed, only added to."""

    at: datetime
    what: str
    who: str
    why: str = ""


@dataclass(frozen=True)
class Order:
    """See the module. Amounts are minor units of ``currency``.

    ``owner`` is the customer's id or ``"guest"``; ``pay_by`` is when an unpaid order expires;
    ``holds`` say where its units are put aside, until they leave or are given back; ``allocation``
    which location ships which line; ``version`` counts its writes: every write states the version it read.
    """

    id: str
    owner: str
    checkout_id: str
    currency: str
    lines: tuple[OrderLine, ...]
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int
    tax_included: bool
    email: str
    buyer: Mapping[str, Any]
    destination: Mapping[str, Any]
    shipping_option: Mapping[str, Any]
    payment: Payment
    placed_at: datetime
    pay_by: datetime
    holds: tuple[Hold, ...] = ()
    quote: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.PLACED
    cancel_reason: str | None = None
    allocation: Mapping[str, str] = field(default_factory=dict)
    parcels: tuple[Parcel, ...] = ()
    history: tuple[Moment, ...] = ()
    version: int = 1

    @property
    def amount(self) -> Money:
        """What is to be paid."""
        return Money(self.total, self.currency)

    @property
    def paid(self) -> bool:
        return self.payment.status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)

    @property
    def shipped(self) -> bool:
        """Whether every piece still wanted has left."""
        return all(line.shipped == line.active for line in self.lines)

    @property
    def delivered(self) -> bool:
        """Whether every piece still wanted has arrived."""
        return all(line.delivered == line.active for line in self.lines)

    def _become(self, status: Status) -> "Order":
        if status not in MAY_BECOME[self.status]:
            raise Conflict(
                f"an order that is {self.status} cannot become {status}", code="order_state"
            )
        return replace(self, status=status)

    def _noted(self, at: datetime, what: str, who: str, why: str = "") -> "Order":
        return replace(self, history=(*self.history, Moment(at, what, who, why)))

    def _event(self, kind: str, at: datetime, **more: Any) -> Event:
        data = {
            "order_id": self.id,
            "owner": self.owner,
            "status": self.status.value,
            "currency": self.currency,
            "total": self.total,
            **more,
        }
        return Event(f"{self.id}.{self.version + 1}.{kind}", kind, self.id, at, data)

    def placed(self) -> tuple["Order", tuple[Event, ...]]:
        """The order as it is first written."""
        noted = self._noted(self.placed_at, "placed", self.owner)
        event = replace(
            noted._event("OrderPlaced", self.placed_at, pay_by=self.pay_by.isoformat()),
            id=f"{self.id}.1.OrderPlaced",
        )
        return noted, (event,)

    def with_payment(
        self, report: Report, at: datetime, who: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """This order after a provider's report; no events when the report tells nothing new.

        A placed order is confirmed when the money is certain. A report for an order that was
        cancelled meanwhile is kept in its ledger and tells ``PaymentArrivedLate``, whose reaction
        gives the money back.
        """
        before = self.payment
        after = before.merged(report, at)
        if after == before:
            return self, ()
        order = replace(self, payment=after)
        if after.status == before.status:
            return order._noted(at, f"payment {after.status}", who), ()
        order = order._noted(at, f"payment {after.status}", who, after.reason or "")
        if order.paid and order.status is Status.PLACED:
            order = order._become(Status.CONFIRMED)
            return order, (order._event("OrderConfirmed", at, email=order.email),)
        if order.paid and order.status is Status.CANCELLED:
            return order, (order._event("PaymentArrivedLate", at, reference=report.reference),)
        if after.status is PaymentStatus.CAPTURED:
            return order, (order._event("PaymentCaptured", at, amount=after.balance("captured")),)
        return order, ()

    def cancelled(self, reason: str, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """Called off. Raises Conflict once a piece has left: that is a return, not a cancellation."""
        if any(line.shipped for line in self.lines):
            raise Conflict(
                "part of this order has been shipped; ask for a return", code="order_shipped"
            )
        order = self._become(Status.CANCELLED)._noted(at, "cancelled", who, reason)
        order = replace(
            order,
            cancel_reason=reason,
            holds=(),
            lines=tuple(replace(line, cancelled=line.quantity) for line in order.lines),
        )
        return order, (
            order._event("OrderCancelled", at, reason=reason, reference=order.payment.reference),
        )

    def allocated(self, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """Say which location ships which line: where its units are held. Twice changes nothing."""
        if self.allocation:
            return self, ()
        if self.status is not Status.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not allocated", code="order_state")
        where = {hold.sku: hold.location for hold in self.holds}
        allocation = {line.id: where[line.sku] for line in self.lines if line.active}
        order = replace(self, allocation=allocation)
        order = order._noted(at, "allocated", who, ", ".join(sorted(set(allocation.values()))))
        return order, (order._event("OrderAllocated", at, locations=sorted(set(where.values()))),)

    def with_parcel(self, parcel: Parcel, who: str) -> tuple["Order", tuple[Event, ...]]:
        """This order after a parcel left. Never ships more of a line than is still wanted."""
        if self.status is not Status.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not shipped", code="order_state")
        if not parcel.lines:
            raise Invalid("a parcel holds at least one piece", path="$.lines")
        lines = []
        unknown = set(parcel.lines) - {line.id for line in self.lines}
        if unknown:
            raise NotFound(f"this order has no line {sorted(unknown)[0]}", path="$.lines")
        for line in self.lines:
            pieces = parcel.lines.get(line.id, 0)
            if pieces < 0 or line.shipped + pieces > line.active:
                raise Invalid(
                    f"line {line.id}: {line.active - line.shipped} piece(s) are left to ship",
                    code="quantity_invalid",
                    path="$.lines",
                )
            lines.append(replace(line, shipped=line.shipped + pieces))
        wanted: dict[str, int] = {}
        for line in self.lines:
            if pieces := parcel.lines.get(line.id, 0):
                wanted[line.sku] = wanted.get(line.sku, 0) + pieces
        _, left = drawn(self.holds, wanted)
        order = replace(self, lines=tuple(lines), parcels=(*self.parcels, parcel), holds=left)
        order = order._noted(parcel.shipped_at, "shipped", who, parcel.tracking_number)
        event = order._event(
            "OrderShipped",
            parcel.shipped_at,
            parcel=parcel.id,
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            whole=order.shipped,
            email=order.email,
        )
        return order, (event,)

    def tracked(
        self, parcel_id: str, heard: Tracking, at: datetime, who: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """This order after a carrier's report; the same report twice changes nothing."""
        parcel = next((p for p in self.parcels if p.id == parcel_id), None)
        if parcel is None:
            raise NotFound("this order has no such parcel")
        if any(known.id == heard.id for known in parcel.tracking):
            return self, ()
        after = replace(parcel, tracking=(*parcel.tracking, heard))
        order = replace(
            self, parcels=tuple(after if p.id == parcel_id else p for p in self.parcels)
        )
        order = replace(order, lines=order._lines_as_delivered())
        order = order._noted(heard.at, f"parcel {heard.status}", who, heard.text)
        events: tuple[Event, ...] = ()
        if after.status is not parcel.status:
            events = (
                order._event(
                    "ParcelMoved",
                    at,
                    parcel=parcel_id,
                    to=after.status.value,
                    delivered=order.delivered,
                ),
            )
        return order, events

    def _lines_as_delivered(self) -> tuple[OrderLine, ...]:
        arrived: dict[str, int] = {}
        for parcel in self.parcels:
            if parcel.status is ParcelStatus.DELIVERED:
                for line_id, pieces in parcel.lines.items():
                    arrived[line_id] = arrived.get(line_id, 0) + pieces
        return tuple(replace(line, delivered=arrived.get(line.id, 0)) for line in self.lines)

    def returned(self, reason: str, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """The goods left and did not arrive: lost, or sent back. The refund follows from the event."""
        if not any(line.shipped for line in self.lines):
            raise Conflict("nothing of this order has been shipped; cancel it", code="order_state")
        order = self._become(Status.RETURNED)._noted(at, "returned", who, reason)
        return order, (
            order._event("OrderReturned", at, reason=reason, reference=order.payment.reference),
        )

    def completed(self, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """Everything arrived. Raises Conflict while something is still under way."""
        if not self.delivered:
            raise Conflict("part of this order has not arrived yet", code="order_state")
        order = self._become(Status.COMPLETED)._noted(at, "completed", who)
        return order, (order._event("OrderCompleted", at),)


def drawn(
    holds: Sequence[Hold], wanted: Mapping[str, int]
) -> tuple[tuple[Hold, ...], tuple[Hold, ...]]:
    """Take pieces per SKU out of holds: what was taken from where, and what stays held.

    Raises Conflict when more is wanted than is held: nothing is shipped that was not put aside.
    """
    taken: list[Hold] = []
    left: list[Hold] = []
    missing = dict(wanted)
    for hold in holds:
        take = min(hold.quantity, missing.get(hold.sku, 0))
        if take:
            taken.append(replace(hold, quantity=take))
            missing[hold.sku] -= take
        if hold.quantity > take:
            left.append(replace(hold, quantity=hold.quantity - take))
    short = sorted(sku for sku, pieces in missing.items() if pieces)
    if short:
        raise Conflict(f"nothing is held any more of {', '.join(short)}", code="order_state")
    return tuple(taken), tuple(left)
