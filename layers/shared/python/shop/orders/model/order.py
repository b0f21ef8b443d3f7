"""An order and its life.

An order is a snapshot: names, SKUs, prices and the quote as they were when it was placed; deleting
a product changes no order. Its life cycle is a table, where the goods are is derived from
per-line quantities, and where the money is from the payment's ledger::

    placing ──▶ placed ──▶ confirmed ──▶ completed
       │           │           ├──▶ returned
       └───────────┴───────────┴──▶ cancelled
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.inventory.model import Reservation, merge_reservations
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Problem
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.orders.model.lines import OrderLine, take_from_reservations
from shop.orders.model.order_state import (
    GUEST_OWNER,
    MAY_BECOME,
    TERMINATED,
    HistoryEntry,
    OrderState,
    OrderStatus,
    held_amount,
)
from shop.orders.model.shipments import (
    MAX_TRACKING_EVENTS,
    Shipment,
    ShipmentStatus,
    TrackingEvent,
    validate_event_time,
)
from shop.payments.model import PaymentStatus, ProviderPaymentState


@frozen(slots=False)
class Order(OrderState):
    """An order, and what may become of it: each change gives the order after it and its events."""

    def _become(self, status: OrderStatus) -> "Order":
        if status not in MAY_BECOME[self.status]:
            raise Conflict(
                f"an order that is {self.status} cannot become {status}", code="order_state"
            )
        return replace(self, status=status)

    def _noted(self, at: datetime, what: str, actor: str, reason: str = "") -> "Order":
        return replace(self, history=(*self.history, HistoryEntry(at, what, actor, reason)))

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

    def place(self) -> tuple["Order", tuple[Event, ...]]:
        """The order as it is first heard of."""
        who = "guest" if self.owner == GUEST_OWNER else "customer"
        order = self._become(OrderStatus.PLACED) if self.status is OrderStatus.PLACING else self
        noted = order._noted(self.placed_at, "placed", who)
        event = replace(
            noted._event("OrderPlaced", self.placed_at, pay_by=self.pay_by.isoformat()),
            id=f"{self.id}.1.OrderPlaced",
        )
        return noted, (event,)

    def abandoned(self, reason: str, at: datetime, actor: str) -> "Order":
        """Called off before it was placed; as nobody has heard of it, nobody is told."""
        order = replace(self, reservations=(), usage=(), cancel_reason=reason)
        return order._become(OrderStatus.CANCELLED)._noted(at, "given up", actor, reason)

    def with_payment(
        self, state: ProviderPaymentState, at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """This order after a provider's report; no events when the report tells nothing new.

        A placed order is confirmed when the money for all of it is certain. Money for an order
        that was called off meanwhile is kept in its ledger and tells ``PaymentReceivedLate``, whose
        reaction gives it back.
        """
        before = self.payment
        after = before.with_provider_state(state, at)
        if after == before:
            return self, ()
        order = replace(self, payment=after)
        why = (after.reason or "") if after.status is not before.status else ""
        order = order._noted(at, f"payment {after.status}", actor, why)
        if order.paid and order.status is OrderStatus.PLACED:
            order = order._become(OrderStatus.CONFIRMED)
            return order, (order._event("OrderConfirmed", at),)
        if self.status in TERMINATED and held_amount(after) > held_amount(before):
            return order, (order._event("PaymentReceivedLate", at, reference=state.reference),)
        if after.status is before.status:
            return order, ()
        if after.status is PaymentStatus.FAILED:
            return order, (order._event("PaymentFailed", at, reason=after.reason or "unknown"),)
        if after.status is PaymentStatus.CAPTURED and self.status not in TERMINATED:
            return order, (order._event("PaymentCaptured", at, amount=after.total_of("captured")),)
        return order, ()

    def with_group(self, at: datetime) -> tuple["Order", tuple[Event, ...]]:
        """The group is complete: this order goes on. Twice is once, and called off stays so."""
        if not self.waits_for_group or self.status in TERMINATED:
            return self, ()
        order = replace(self, group_succeeded=True)._noted(at, "group complete", "group")
        return order, (order._event("OrderGroupCompleted", at),)

    def cancel(self, reason: str, at: datetime, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """Called off. Raises Conflict once a piece has left: that is a return, no cancellation."""
        if any(line.shipped for line in self.lines):
            raise Conflict(
                "pieces of this order have been shipped; what has left is not called off, but"
                " taken back once it arrived and was sent back",
                code="order_shipped",
            )
        order = self._become(OrderStatus.CANCELLED)._noted(at, "cancelled", actor, reason)
        order = replace(
            order,
            cancel_reason=reason,
            reservations=(),
            usage=(),
            lines=tuple(replace(line, cancelled=line.quantity) for line in order.lines),
        )
        return order, (
            order._event("OrderCancelled", at, reason=reason, reference=order.payment.reference),
        )

    def with_unshipped_cancelled(
        self, at: datetime, actor: str, reason: str = ""
    ) -> tuple["Order", tuple[Event, ...]]:
        """What has not left by now is called off; what has left stays sold. Twice is once."""
        if self.status is not OrderStatus.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not shortened", code="order_state")
        if not any(line.shipped for line in self.lines):
            raise Conflict("nothing of this order has been shipped; cancel it", code="order_state")
        if self.shipped:
            return self, ()
        lines = tuple(replace(line, cancelled=line.quantity - line.shipped) for line in self.lines)
        order = replace(self, lines=lines, reservations=())._noted(at, "shortened", actor, reason)
        return order, (
            order._event(
                "OrderPartiallyCancelled", at, due=order.due, reference=order.payment.reference
            ),
        )

    @property
    def left_in_part(self) -> bool:
        """Whether some of its pieces have left and others are still to be sent."""
        return not self.shipped and any(line.shipped for line in self.lines)

    @property
    def was_shortened(self) -> bool:
        """Whether it goes on with what had left, because the rest was called off."""
        return any(moment.event == "shortened" for moment in self.history)

    def with_allocation(
        self, at: datetime, actor: str, reservations: tuple[Reservation, ...] | None = None
    ) -> tuple["Order", tuple[Event, ...]]:
        """Say which location ships which line: where its units are held, or from now on will be
        (``holds``). Twice changes nothing. Of a line that is split, the first location is named.

        Staff may be quicker than the workflow: what has left already needs no location any more.
        """
        if self.allocation:
            return self, ()
        if self.status is not OrderStatus.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not allocated", code="order_state")
        if self.shipped:
            return self, ()
        stored = self.reservations if reservations is None else reservations
        path: dict[str, str] = {}
        for hold in stored:
            path.setdefault(hold.sku, hold.location)
        remaining = [line for line in self.lines if line.shipped < line.quantity_to_ship]
        allocation = {line.id: path[next(iter(line.units_by_sku(1)))] for line in remaining}
        places = sorted({hold.location for hold in stored})
        order = replace(self, allocation=allocation, reservations=stored)
        order = order._noted(at, "allocated", actor, ", ".join(places))
        return order, (order._event("OrderAllocated", at, locations=places),)

    def with_backorder_allocated(
        self, available: Sequence[Reservation], at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """Goods that were awaited came: the promise is on what is here now."""
        late = [hold for hold in self.reservations if hold not in available]
        holds = merge_reservations([*late, *(replace(hold, shard=0) for hold in available)])
        order = replace(self, reservations=holds)._noted(
            at, "arrived", actor, ", ".join(f"{hold.quantity} of {hold.sku}" for hold in available)
        )
        return order, (order._event("BackorderAllocated", at, whole=not order.is_awaiting_stock),)

    def require_same_shipment(
        self,
        known: Shipment,
        lines: Mapping[str, int] | None,
        url: str | None,
        location: str | None = None,
    ) -> None:
        """Refuse a parcel of this order that is told again with other contents.

        A parcel that has left is a fact and is never changed. ``lines`` of ``None`` is everything
        that the parcels before it had left over; with a ``location``, what that held of it then.
        """
        if lines is None and location is not None:
            lines = known.lines
        if lines is None:
            before = self.shipments[: self.shipments.index(known)]
            lines = {
                line.id: line.quantity_to_ship
                - sum(parcel.lines.get(line.id, 0) for parcel in before)
                for line in self.lines
            }
            lines = {line_id: pieces for line_id, pieces in lines.items() if pieces}
        unlike = []
        if dict(lines) != dict(known.lines):
            unlike.append(("$.lines", f"with {_counted(known.lines)}, not {_counted(lines)}"))
        if url != known.tracking_url:
            unlike.append(("$.tracking_url", f"to be followed at {known.tracking_url or 'no URL'}"))
        if location is not None and location != known.location:
            unlike.append(("$.location", f"from {known.location or 'several locations'}"))
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

    def batches_queued_event(self, at: datetime) -> Event:
        """Told beside a change whose stock moves in batches after it, until it has moved."""
        return self._event("StockBatchesQueued", at)

    def with_shipment(self, shipment: Shipment, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """This order after a parcel left. Never ships more of a line than is still wanted."""
        gone = sum(line.shipped for line in self.lines)
        if gone and self.shipped:
            raise Conflict(
                f"nothing is left to ship: all {gone} piece(s) of this order have left"
                f" in {len(self.shipments)} parcel(s)",
                code="already_shipped",
            )
        if self.status is not OrderStatus.CONFIRMED:
            raise Conflict(f"an order that is {self.status} is not shipped", code="order_state")
        if self.waits_for_group:
            raise Conflict(
                "the group that this order belongs to is not complete yet", code="group_forming"
            )
        if not shipment.lines:
            raise InvalidRequest("a parcel holds at least one piece", path="$.lines")
        self._refuse_beyond(shipment.lines, self.to_ship, "left to ship")
        lines = [
            replace(line, shipped=line.shipped + shipment.lines.get(line.id, 0))
            for line in self.lines
        ]
        _, remaining = take_from_reservations(
            self.reservations, self.skus_of(shipment), shipment.location
        )
        order = replace(
            self, lines=tuple(lines), shipments=(*self.shipments, shipment), reservations=remaining
        )
        order = order._noted(shipment.shipped_at, "shipped", actor, shipment.tracking_number)
        event = order._event(
            "OrderShipped",
            shipment.shipped_at,
            parcel=shipment.id,
            carrier=shipment.carrier,
            tracking_number=shipment.tracking_number,
            whole=order.shipped,
        )
        return order, (event,)

    def with_tracking(
        self, parcel_id: str, event: TrackingEvent, at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """This order after a carrier's report; the same report twice changes nothing.

        Raises Invalid for a report of a time at which it cannot have happened.
        """
        parcel = next((p for p in self.shipments if p.id == parcel_id), None)
        if parcel is None:
            raise NotFound("this order has no such parcel")
        if any(known.id == event.id for known in parcel.tracking):
            return self, ()
        validate_event_time(event.at, at, since=self.placed_at)
        event = replace(event, at=min(event.at, at))  # a clock that is fast does not win for ever
        after = replace(parcel, tracking=(*parcel.tracking, event))
        if len(parcel.tracking) >= MAX_TRACKING_EVENTS and after.status is parcel.status:
            return self, ()
        order = replace(
            self, shipments=tuple(after if p.id == parcel_id else p for p in self.shipments)
        )
        if order.status is OrderStatus.CONFIRMED:
            order = replace(order, lines=order._lines_as_delivered())
        order = order._noted(event.at, f"parcel {event.status}", actor, event.text)
        events: tuple[Event, ...] = ()
        if after.status is not parcel.status:
            events = (
                order._event(
                    "ShipmentUpdated",
                    at,
                    parcel=parcel_id,
                    to=after.status.value,
                    delivered=order.delivered,
                ),
            )
        return order, events

    def _lines_as_delivered(self) -> tuple[OrderLine, ...]:
        arrived: dict[str, int] = {}
        for parcel in self.shipments:
            if parcel.status is ShipmentStatus.DELIVERED:
                for line_id, pieces in parcel.lines.items():
                    arrived[line_id] = arrived.get(line_id, 0) + pieces
        return tuple(replace(line, delivered=arrived.get(line.id, 0)) for line in self.lines)

    def mark_returned(
        self, reason: str, at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """What left and did not arrive came back or is lost; the refund follows from the event.

        Where some of it arrived, the order is completed with that. Raises Conflict while pieces
        have not left: these are called off first.
        """
        if not self.shipped:
            raise Conflict("part of this order has not been shipped yet", code="order_state")
        lines = tuple(
            replace(line, returned=line.quantity_to_ship - line.delivered) for line in self.lines
        )
        some = any(line.delivered for line in lines)
        order = self._become(OrderStatus.COMPLETED if some else OrderStatus.RETURNED)
        order = replace(order, lines=lines)._noted(at, "returned", actor, reason)
        event = order._event(
            "OrderReturned", at, reason=reason, due=order.due, reference=order.payment.reference
        )
        return order, (event, order._event("OrderCompleted", at)) if some else (event,)

    def with_return(
        self, pieces: Mapping[str, int], reason: str, at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """Pieces that had arrived were sent back and are paid back; the refund follows from the
        event. The order stays completed.

        Raises Conflict for an order that is not, NotFound and Invalid for what never arrived.
        """
        if self.status is not OrderStatus.COMPLETED:
            raise Conflict(
                f"an order that is {self.status} is not taken back: what has not left is called"
                " off, and what has is the carrier's until all of it arrived",
                code="order_state",
            )
        arrived = {line.id: line.delivered for line in self.lines}
        self._refuse_beyond(pieces, arrived, "with the buyer")
        lines = tuple(
            replace(
                line,
                delivered=line.delivered - pieces.get(line.id, 0),
                returned=line.returned + pieces.get(line.id, 0),
            )
            for line in self.lines
        )
        order = replace(self, lines=lines)._noted(at, "returned", actor, reason)
        event = order._event(
            "OrderReturned", at, reason=reason, due=order.due, reference=order.payment.reference
        )
        return order, (event,)

    def _refuse_beyond(
        self, pieces: Mapping[str, int], there: Mapping[str, int], where: str
    ) -> None:
        """Refuse pieces of lines that this order has not, or more than ``there`` are."""
        unknown = set(pieces) - set(there)
        if unknown:
            raise NotFound(f"this order has no line {min(unknown)}", path="$.lines")
        beyond = [
            Problem(
                "quantity_invalid",
                f"line {line_id}: {there[line_id]} piece(s) are {where}, not {count}",
                f"$.lines[{place}].quantity",
            )
            for place, (line_id, count) in enumerate(pieces.items())
            if not 0 <= count <= there[line_id]
        ]
        if beyond:
            raise InvalidRequest(beyond[0].detail, code="quantity_invalid", problems=beyond)

    def complete(self, at: datetime, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """Everything arrived. Raises Conflict while something is still under way."""
        if not self.delivered:
            raise Conflict("part of this order has not arrived yet", code="order_state")
        order = self._become(OrderStatus.COMPLETED)._noted(at, "completed", actor)
        return order, (order._event("OrderCompleted", at),)


def _counted(pieces: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {line_id}" for line_id, count in pieces.items()) or "nothing"
