"""An order and its life.

An order is a snapshot: names, SKUs, prices and the quote as they were when it was placed; deleting
a product changes no order. Its life cycle is a table, where the goods are is derived from
per-line quantities, and where the money is from the payment's ledger::

    placing ──▶ placed ──▶ confirmed ──▶ completed
       │           │           ├──▶ returned
       └───────────┴───────────┴──▶ cancelled
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shop.inventory.model import Hold
from shop.kernel.counts import Count
from shop.kernel.errors import Conflict, Invalid, NotFound, Problem
from shop.kernel.events import Event
from shop.kernel.money import Money, apportion
from shop.payments.model import Payment, PaymentStatus, Report


class Status(StrEnum):
    PLACING = "placing"
    """Too large for one transaction: stock is being taken for it. Nobody has heard of it yet."""
    PLACED = "placed"
    """Stock is held for it; the payment is not certain yet."""
    CONFIRMED = "confirmed"
    """The payment is authorised or captured: the shop owes the goods."""
    COMPLETED = "completed"
    """What was still wanted arrived."""
    CANCELLED = "cancelled"
    """Called off before it was shipped; stock and money went back."""
    RETURNED = "returned"
    """Shipped, but nothing of it arrived: lost, or sent back; the money went back."""


GUEST = "guest"
"""The owner of what is bought without signing in."""

CALLED_OFF = frozenset({Status.CANCELLED, Status.RETURNED})
"""The shop owes no goods any more, and no money is due."""


MAY_BECOME: Mapping[Status, frozenset[Status]] = {
    Status.PLACING: frozenset({Status.PLACED, Status.CANCELLED}),
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

ENDS = frozenset({ParcelStatus.DELIVERED, ParcelStatus.RETURNED, ParcelStatus.LOST})
"""Where a parcel's way ends."""

MOST_TRACKING = 200
"""Reports of a parcel that are kept; beyond that only one that moves it is."""

SLACK = timedelta(days=1)
"""How far a carrier's clock or time zone may be off before its report is refused."""

AT_ONCE = 90
"""Holds of one batch: a transaction writes at most 100 rows, and the order's own come along."""
SHIPPED_AT_ONCE = 48
"""Holds of a batch that leaves: two rows for each, its own and one in the journal."""


_CERTAIN = {f"payment {status}" for status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)}
"""How an order's history tells that its money was certain."""

_PROGRESS = {status: place for place, status in enumerate(ParcelStatus)}
"""Of two reports of one moment the one further on counts, so that arrival decides nothing."""


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
    returned: int = 0
    """Pieces that left and came back, or were lost."""

    @property
    def wanted(self) -> int:
        """Pieces that are to leave the house, or have left it."""
        return self.quantity - self.cancelled

    @property
    def active(self) -> int:
        """Pieces that are sold: neither called off nor come back."""
        return self.wanted - self.returned


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
        for event in sorted(self.tracking, key=lambda t: (t.at, _PROGRESS[t.status], t.id)):
            allowed = STICKY.get(status)
            if allowed is None or event.status in allowed:
                status = event.status
        return status


@dataclass(frozen=True)
class Batch:
    """A part of the holds of an order that has more than one transaction can carry.

    While the order is being placed: taken for it. Afterwards: no longer the order's, and on their
    way back to sale or, with ``shipped`` (by whom, when), out of the house. Whoever moves a batch's
    stock removes the batch in the same transaction, so that it is moved once.
    """

    name: str
    holds: tuple[Hold, ...]
    shipped: tuple[str, datetime] | None = None


def in_batches(
    holds: Sequence[Hold], name: str, *, shipped: tuple[str, datetime] | None = None
) -> tuple[Batch, ...]:
    """Holds in parts that a transaction can carry; ``name`` is theirs among the order's."""
    size = AT_ONCE if shipped is None else SHIPPED_AT_ONCE
    parts = [tuple(holds[start : start + size]) for start in range(0, len(holds), size)]
    return tuple(Batch(f"{name}.{n:03d}", part, shipped) for n, part in enumerate(parts))


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
    which location ships which line; ``uses`` what it uses up of limited coupons and sales, until it
    is called off; ``version`` counts its writes, each of which states the one it read.
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
    uses: tuple[Count, ...] = ()
    group_buy: str | None = None
    group_succeeded: bool = False
    quote: Mapping[str, Any] = field(default_factory=dict)
    credits: tuple[tuple[str, int, str], ...] = ()
    """What credits pay of it, in the order in which they were used: account, minor units, and the
    id of the instrument. The rest is the provider's."""
    status: Status = Status.PLACED
    cancel_reason: str | None = None
    allocation: Mapping[str, str] = field(default_factory=dict)
    parcels: tuple[Parcel, ...] = ()
    history: tuple[Moment, ...] = ()
    version: int = 1

    @property
    def amount(self) -> Money:
        """What is to be paid in money: what credits do not pay."""
        return Money(self.total - self.paid_by_credits, self.currency)

    @property
    def paid_by_credits(self) -> int:
        """Minor units that gift cards, store credit and points pay, whatever is still owed."""
        return sum(amount for _, amount, _ in self.credits)

    @property
    def credits_over(self) -> tuple[tuple[str, int], ...]:
        """What credits paid beyond what the order is worth by now: money goes back first, then
        credits, the last used first. An order called off gave all of it back by itself.
        """
        if self.status is Status.CANCELLED or not self.credits:
            return ()
        left, over = self._worth_still, []
        for account, amount, _ in self.credits:
            kept = min(left, amount)
            left -= kept
            if amount > kept:
                over.append((account, amount - kept))
        return tuple(over)

    @property
    def goods_kept(self) -> int:
        """What the goods cost, after reductions, that were not called off and did not come back."""
        return sum(
            sum(apportion(line.total, [1] * line.quantity)[line.cancelled + line.returned :])
            for line in self.lines
        )

    @property
    def paid(self) -> bool:
        """Whether the money for the whole order is certain."""
        payment = self.payment
        sure = max(payment.balance("authorised"), payment.balance("captured"))
        return (
            payment.status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)
            and sure >= self.amount.minor
        )

    @property
    def shipped(self) -> bool:
        """Whether every piece still wanted has left."""
        return all(line.shipped == line.wanted for line in self.lines)

    @property
    def delivered(self) -> bool:
        """Whether every piece still wanted has arrived."""
        return all(line.delivered == line.active for line in self.lines)

    @property
    def landed(self) -> bool:
        """Whether everything has left and no parcel is on its way any more."""
        return self.shipped and all(parcel.status in ENDS for parcel in self.parcels)

    @property
    def due(self) -> int:
        """The money to be paid for what was not called off and did not come back, in minor units.

        Pieces are counted off one after the other at what each of them came to, so any sequence of
        partial refunds sums to the whole. Shipping is given back when nothing is left.
        """
        return max(0, self._worth_still - self.paid_by_credits)

    @property
    def _worth_still(self) -> int:
        return self._worth_without({line.id: line.cancelled + line.returned for line in self.lines})

    def due_without(self, gone: Mapping[str, int]) -> int:
        """The money to be paid when so many pieces of each line are not."""
        return max(0, self._worth_without(gone) - self.paid_by_credits)

    def _worth_without(self, gone: Mapping[str, int]) -> int:
        if all(gone.get(line.id, 0) == line.quantity for line in self.lines):
            return 0
        return self.total - sum(self._worth(gone).values())

    @property
    def settled(self) -> bool:
        """Whether the shop holds no more money than is due."""
        return held(self.payment) <= self.due

    @property
    def shipping_discount(self) -> int:
        """What was taken off the shipping: the part of the discount that no line has."""
        return self.discount - sum(line.discount for line in self.lines)

    def worth(self, line: OrderLine, pieces: int) -> int:
        """What the first ``pieces`` pieces of a line came to, tax and all, in minor units."""
        return self._worth({line.id: pieces}).get(line.id, 0)

    def _worth(self, pieces: Mapping[str, int]) -> dict[str, int]:
        """The same of many lines: of a long order the quote is read once."""
        lines = [line for line in self.lines if pieces.get(line.id, 0)]
        sold: dict[str, Any] = {}
        if self.quote and lines:
            from shop.pricing.model import (
                Quote,
            )  # the engine behind it is slow to import, refunds rare

            sold = {line.id: line for line in Quote.from_dict(dict(self.quote)).lines}
        worth = {}
        for line in lines:
            if line.id in sold:
                worth[line.id] = sold[line.id].refund_next(0, pieces[line.id]).minor
                continue
            payable = line.total if self.tax_included else line.total + line.tax
            worth[line.id] = sum(apportion(payable, [1] * line.quantity)[: pieces[line.id]])
        return worth

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
            "status": self.status.value,
            "currency": self.currency,
            "total": self.total,
            **({"group_buy": self.group_buy} if self.group_buy else {}),
            **more,
        }
        return Event(f"{self.id}.{self.version + 1}.{kind}", kind, self.id, at, data)

    def placed(self) -> tuple["Order", tuple[Event, ...]]:
        """The order as it is first heard of."""
        who = "guest" if self.owner == GUEST else "customer"
        order = self._become(Status.PLACED) if self.status is Status.PLACING else self
        noted = order._noted(self.placed_at, "placed", who)
        event = replace(
            noted._event("OrderPlaced", self.placed_at, pay_by=self.pay_by.isoformat()),
            id=f"{self.id}.1.OrderPlaced",
        )
        return noted, (event,)

    @property
    def never_placed(self) -> bool:
        """Whether it is not placed yet, or was given up before it was: nobody has heard of it."""
        return self.status is Status.PLACING or (
            self.status is Status.CANCELLED
            and any(moment.what == "given up" for moment in self.history[:1])
        )

    @property
    def was_confirmed(self) -> bool:
        """Whether the shop ever owed the goods, whatever became of the order later.

        Money that arrives for an order already called off confirms nothing: it goes back.
        """
        if self.status in (Status.PLACING, Status.PLACED):
            return False
        if self.status is not Status.CANCELLED:
            return True
        known = [moment.what for moment in self.history]
        before = known[: known.index("cancelled")] if "cancelled" in known else []
        return not _CERTAIN.isdisjoint(before)

    def given_up(self, reason: str, at: datetime, who: str) -> "Order":
        """Called off before it was placed; as nobody has heard of it, nobody is told."""
        order = replace(self, holds=(), uses=(), cancel_reason=reason)
        return order._become(Status.CANCELLED)._noted(at, "given up", who, reason)

    def with_payment(
        self, report: Report, at: datetime, who: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """This order after a provider's report; no events when the report tells nothing new.

        A placed order is confirmed when the money for all of it is certain. Money for an order
        that was called off meanwhile is kept in its ledger and tells ``PaymentArrivedLate``, whose
        reaction gives it back.
        """
        before = self.payment
        after = before.merged(report, at)
        if after == before:
            return self, ()
        order = replace(self, payment=after)
        why = (after.reason or "") if after.status is not before.status else ""
        order = order._noted(at, f"payment {after.status}", who, why)
        if order.paid and order.status is Status.PLACED:
            order = order._become(Status.CONFIRMED)
            return order, (order._event("OrderConfirmed", at),)
        if self.status in CALLED_OFF and held(after) > held(before):
            return order, (order._event("PaymentArrivedLate", at, reference=report.reference),)
        if after.status is before.status:
            return order, ()
        if after.status is PaymentStatus.FAILED:
            return order, (order._event("PaymentFailed", at, reason=after.reason or "unknown"),)
        if after.status is PaymentStatus.CAPTURED and self.status not in CALLED_OFF:
            return order, (order._event("PaymentCaptured", at, amount=after.balance("captured")),)
        return order, ()

    @property
    def waits_for_group(self) -> bool:
        """Whether nothing may leave yet, for the group that buys together is not complete."""
        return self.group_buy is not None and not self.group_succeeded

    def with_group(self, at: datetime) -> tuple["Order", tuple[Event, ...]]:
        """The group is complete: this order goes on. Twice is once, and called off stays so."""
        if not self.waits_for_group or self.status in CALLED_OFF:
            return self, ()
        order = replace(self, group_succeeded=True)._noted(at, "group complete", "group")
        return order, (order._event("OrderGroupComplete", at),)

    def cancelled(self, reason: str, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """Called off. Raises Conflict once a piece has left: that is a return, no cancellation."""
        if any(line.shipped for line in self.lines):
            raise Conflict(
                "part of this order has been shipped; ask for a return", code="order_shipped"
            )
        order = self._become(Status.CANCELLED)._noted(at, "cancelled", who, reason)
        order = replace(
            order,
            cancel_reason=reason,
            holds=(),
            uses=(),
            lines=tuple(replace(line, cancelled=line.quantity) for line in order.lines),
        )
        return order, (
            order._event("OrderCancelled", at, reason=reason, reference=order.payment.reference),
        )

    def shortened(self, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """What has not left by now is called off; what has left stays sold. Twice is once."""
        if self.status is not Status.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not shortened", code="order_state")
        if not any(line.shipped for line in self.lines):
            raise Conflict("nothing of this order has been shipped; cancel it", code="order_state")
        if self.shipped:
            return self, ()
        lines = tuple(replace(line, cancelled=line.quantity - line.shipped) for line in self.lines)
        order = replace(self, lines=lines, holds=())._noted(at, "shortened", who)
        return order, (
            order._event("OrderShortened", at, due=order.due, reference=order.payment.reference),
        )

    def allocated(self, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """Say which location ships which line: where its units are held. Twice changes nothing.

        Staff may be quicker than the workflow: what has left already needs no location any more.
        """
        if self.allocation:
            return self, ()
        if self.status is not Status.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not allocated", code="order_state")
        if self.shipped:
            return self, ()
        where = {hold.sku: hold.location for hold in self.holds}
        left = [line for line in self.lines if line.shipped < line.wanted]
        allocation = {line.id: where[line.sku] for line in left}
        order = replace(self, allocation=allocation)
        order = order._noted(at, "allocated", who, ", ".join(sorted(set(allocation.values()))))
        return order, (order._event("OrderAllocated", at, locations=sorted(set(where.values()))),)

    @property
    def to_ship(self) -> dict[str, int]:
        """The pieces of each line that are still to leave, by the line's id."""
        return {line.id: line.wanted - line.shipped for line in self.lines}

    def told_again(self, known: Parcel, lines: Mapping[str, int] | None, url: str | None) -> None:
        """Refuse a parcel of this order that is told again with other contents.

        A parcel that has left is a fact and is never changed. ``lines`` of ``None`` is everything
        that the parcels before it had left over.
        """
        if lines is None:
            before = self.parcels[: self.parcels.index(known)]
            lines = {
                line.id: line.wanted - sum(parcel.lines.get(line.id, 0) for parcel in before)
                for line in self.lines
            }
            lines = {line_id: pieces for line_id, pieces in lines.items() if pieces}
        unlike = []
        if dict(lines) != dict(known.lines):
            unlike.append(("$.lines", f"with {_counted(known.lines)}, not {_counted(lines)}"))
        if url != known.tracking_url:
            unlike.append(("$.tracking_url", f"to be followed at {known.tracking_url or 'no URL'}"))
        if unlike:
            problems = [
                Problem("parcel_differs", f"parcel {known.tracking_number} left {how}", path)
                for path, how in unlike
            ]
            raise Conflict(
                f"parcel {known.tracking_number} has left with other contents; a parcel that has "
                "left is not changed, another one has another tracking number",
                code="parcel_differs",
                problems=problems,
            )

    def stock_to_move(self, at: datetime) -> Event:
        """Told beside a change whose stock moves in batches after it, until it has moved."""
        return self._event("StockToMove", at)

    def with_parcel(self, parcel: Parcel, who: str) -> tuple["Order", tuple[Event, ...]]:
        """This order after a parcel left. Never ships more of a line than is still wanted."""
        gone = sum(line.shipped for line in self.lines)
        if gone and self.shipped:
            raise Conflict(
                f"nothing is left to ship: all {gone} piece(s) of this order have left"
                f" in {len(self.parcels)} parcel(s)",
                code="already_shipped",
            )
        if self.status is not Status.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not shipped", code="order_state")
        if self.waits_for_group:
            raise Conflict(
                "the group that this order belongs to is not complete yet", code="group_forming"
            )
        if not parcel.lines:
            raise Invalid("a parcel holds at least one piece", path="$.lines")
        unknown = set(parcel.lines) - {line.id for line in self.lines}
        if unknown:
            raise NotFound(f"this order has no line {min(unknown)}", path="$.lines")
        left_to_ship = self.to_ship
        beyond = [
            Problem(
                "quantity_invalid",
                f"line {line_id}: {left_to_ship[line_id]} piece(s) are left to ship, not {pieces}",
                f"$.lines[{place}].quantity",
            )
            for place, (line_id, pieces) in enumerate(parcel.lines.items())
            if not 0 <= pieces <= left_to_ship[line_id]
        ]
        if beyond:
            raise Invalid(beyond[0].detail, code="quantity_invalid", problems=beyond)
        lines = [
            replace(line, shipped=line.shipped + parcel.lines.get(line.id, 0))
            for line in self.lines
        ]
        _, left = drawn(self.holds, self.skus_of(parcel))
        order = replace(self, lines=tuple(lines), parcels=(*self.parcels, parcel), holds=left)
        order = order._noted(parcel.shipped_at, "shipped", who, parcel.tracking_number)
        event = order._event(
            "OrderShipped",
            parcel.shipped_at,
            parcel=parcel.id,
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            whole=order.shipped,
        )
        return order, (event,)

    def skus_of(self, parcel: Parcel) -> dict[str, int]:
        """The pieces in a parcel by SKU; two lines may share one."""
        pieces: dict[str, int] = {}
        for line in self.lines:
            if count := parcel.lines.get(line.id, 0):
                pieces[line.sku] = pieces.get(line.sku, 0) + count
        return pieces

    def tracked(
        self, parcel_id: str, heard: Tracking, at: datetime, who: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """This order after a carrier's report; the same report twice changes nothing.

        Raises Invalid for a report of a time at which it cannot have happened.
        """
        parcel = next((p for p in self.parcels if p.id == parcel_id), None)
        if parcel is None:
            raise NotFound("this order has no such parcel")
        if any(known.id == heard.id for known in parcel.tracking):
            return self, ()
        refuse_implausible(heard.at, at, since=self.placed_at)
        heard = replace(heard, at=min(heard.at, at))  # a clock that is fast does not win for ever
        after = replace(parcel, tracking=(*parcel.tracking, heard))
        if len(parcel.tracking) >= MOST_TRACKING and after.status is parcel.status:
            return self, ()
        order = replace(
            self, parcels=tuple(after if p.id == parcel_id else p for p in self.parcels)
        )
        if order.status is Status.CONFIRMED:
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
        """What left and did not arrive came back or is lost; the refund follows from the event.

        Where some of it arrived, the order is completed with that. Raises Conflict while pieces
        have not left: these are called off first.
        """
        if not self.shipped:
            raise Conflict("part of this order has not been shipped yet", code="order_state")
        lines = tuple(replace(line, returned=line.wanted - line.delivered) for line in self.lines)
        some = any(line.delivered for line in lines)
        order = self._become(Status.COMPLETED if some else Status.RETURNED)
        order = replace(order, lines=lines)._noted(at, "returned", who, reason)
        event = order._event(
            "OrderReturned", at, reason=reason, due=order.due, reference=order.payment.reference
        )
        return order, (event, order._event("OrderCompleted", at)) if some else (event,)

    def completed(self, at: datetime, who: str) -> tuple["Order", tuple[Event, ...]]:
        """Everything arrived. Raises Conflict while something is still under way."""
        if not self.delivered:
            raise Conflict("part of this order has not arrived yet", code="order_state")
        order = self._become(Status.COMPLETED)._noted(at, "completed", who)
        return order, (order._event("OrderCompleted", at),)


def refuse_implausible(happened: datetime, now: datetime, *, since: datetime) -> None:
    """Refuse the time of a carrier's event: :data:`SLACK` before ``since``, or so far ahead of us.

    Clocks differ and zones are mistaken; a parcel that was delivered in the year 1 or will have
    been next year is no parcel's news, and would decide where a parcel is for good.
    """
    if not since - SLACK <= happened <= now + SLACK:
        raise Invalid(
            f"{happened.isoformat()} is no time at which this can have happened",
            code="event_time_implausible",
            path="$.occurred_at",
        )


def _counted(pieces: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {line_id}" for line_id, count in pieces.items()) or "nothing"


def held(payment: Payment) -> int:
    """Minor units that the provider holds for us: taken and not given back, or set aside."""
    if payment.status is PaymentStatus.AUTHORISED:
        return payment.balance("authorised")
    return payment.kept


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
