"""An order and its life cycle.

An order is a snapshot: it stores names, SKUs, prices and the quote as they were when it was placed,
so deleting a product changes no order. Its status follows the table :data:`MAY_BECOME`. The state
of its goods is derived from quantities per line, and of its money from the payment's entries::

    placing ──▶ placed ──▶ confirmed ──▶ completed
       │           │           ├──▶ returned
       └───────────┴───────────┴──▶ cancelled
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shop.inventory.model import Reservation, merge_reservations
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, counted
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.orders.model.after_sale import AfterSale
from shop.orders.model.lines import OrderLine, take_from_reservations
from shop.orders.model.order_state import (
    ABANDONED,
    DELAY_ANNOUNCED,
    GUEST_OWNER,
    PARTIALLY_CANCELLED,
    TERMINATED,
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
class Order(AfterSale):
    """An order and its transitions: each returns the new order and the events to publish.

    The caller writes both in one transaction, so an event exists if and only if its change does.
    A transition that would change nothing returns the same order and no event.
    """

    def place(self) -> tuple["Order", tuple[Event, ...]]:
        """Place the order; ``OrderPlaced`` is its first event."""
        actor = "guest" if self.owner == GUEST_OWNER else "customer"
        order = self._become(OrderStatus.PLACED) if self.status is OrderStatus.PLACING else self
        order = order._with_history(self.placed_at, "placed", actor)
        # Placing in one transaction writes version 1, placing in batches a later one. The event's
        # id is the same for both.
        event = replace(
            order._event("OrderPlaced", self.placed_at, **_placed_data(self)),
            id=f"{self.id}.1.OrderPlaced",
        )
        return order, (event,)

    def abandoned(self, reason: str, at: datetime, actor: str) -> "Order":
        """Return the order as cancelled before it was placed: no event was published before."""
        order = replace(self, reservations=(), usage=(), cancel_reason=reason)
        return order._become(OrderStatus.CANCELLED)._with_history(at, ABANDONED, actor, reason)

    def with_payment(
        self, state: ProviderPaymentState, at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """Merge the provider's report on the payment; a known report changes nothing.

        A placed order is confirmed when the payment for all of it is certain. Money that arrives
        for a terminated order publishes ``PaymentReceivedLate``, whose handler refunds it. A
        capture of more than is still due does so too: a refund was granted while it was under way.
        """
        before = self.payment
        after = before.with_provider_state(state, at)
        if after == before:
            return self, ()
        status_changed = after.status is not before.status
        reason = (after.reason or "") if status_changed else ""
        order = replace(self, payment=after)
        for change in after.changes_since(before):
            order = order._with_history(at, f"payment {change}", actor, reason)
        if order.paid and order.status is OrderStatus.PLACED:
            order = order._become(OrderStatus.CONFIRMED)
            return order, (order._event("OrderConfirmed", at),)
        # Money for a terminated order is compared by amount: its status may be the same as before.
        if self.status in TERMINATED and held_amount(after) > held_amount(before):
            return order, (order._late_payment_event(at),)
        if not status_changed:
            return order, ()
        if after.status is PaymentStatus.FAILED:
            return order, (order._event("PaymentFailed", at, reason=after.reason or "unknown"),)
        if after.status is PaymentStatus.CAPTURED and self.status not in TERMINATED:
            captured = order._event("PaymentCaptured", at, amount=after.total_of("captured"))
            # The event of the refund found nothing captured, so this one pays it.
            late = () if order.settled else (order._late_payment_event(at),)
            return order, (captured, *late)
        return order, ()

    def _late_payment_event(self, at: datetime) -> Event:
        return self._event("PaymentReceivedLate", at, reference=self.payment.reference)

    def with_group(self, at: datetime) -> tuple["Order", tuple[Event, ...]]:
        """Record that the order's group buy is complete; a terminated order stays as it is."""
        if not self.awaits_group or self.status in TERMINATED:
            return self, ()
        order = replace(self, group_succeeded=True)._with_history(at, "group completed", "group")
        return order, (order._event("OrderGroupCompleted", at),)

    def cancel(self, reason: str, at: datetime, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """Cancel the whole order. Raises Conflict once a piece is shipped: that needs a return."""
        if any(line.shipped for line in self.lines):
            raise Conflict(
                "This order has shipped pieces, which cannot be cancelled."
                " Create a return after they have arrived.",
                code="order_shipped",
            )
        order = self._become(OrderStatus.CANCELLED)
        order = order._with_history(at, "cancelled", actor, reason)
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
        """Cancel the pieces that are not shipped; the order continues with the others.

        Raises Conflict unless the order is confirmed and some pieces are shipped.
        """
        self._require_confirmed("partially cancelled")
        if not any(line.shipped for line in self.lines):
            raise Conflict(
                "This order has no shipped pieces. Cancel the whole order.", code="order_state"
            )
        if self.shipped:
            return self, ()
        lines = tuple(replace(line, cancelled=line.quantity - line.shipped) for line in self.lines)
        # Usage stays counted: the prices of the shipped pieces were calculated with it.
        order = replace(self, lines=lines, reservations=())
        outside, taxes = self._reduction_to(order)
        order = replace(order, cancelled_outside=outside, cancelled_taxes=taxes)
        order = order._with_history(at, PARTIALLY_CANCELLED, actor, reason)
        return order, (
            order._event(
                "OrderPartiallyCancelled", at, due=order.due, reference=order.payment.reference
            ),
        )

    def with_allocation(
        self, at: datetime, actor: str, reservations: tuple[Reservation, ...] | None = None
    ) -> tuple["Order", tuple[Event, ...]]:
        """Allocate each line to the location of its reservations, or of the new ``reservations``.

        If a line is split, its first location is recorded. An allocated order stays as it is, and
        so does a shipped one: staff may ship before the workflow allocates.
        """
        if self.allocation:
            return self, ()
        self._require_confirmed("allocated")
        if self.shipped:
            return self, ()
        reserved = self.reservations if reservations is None else reservations
        first_location: dict[str, str] = {}
        for reservation in reserved:
            first_location.setdefault(reservation.sku, reservation.location)
        unshipped = [line for line in self.lines if line.shipped < line.quantity_to_ship]
        allocation = {
            line.id: first_location[next(iter(line.units_by_sku(1)))] for line in unshipped
        }
        locations = sorted({reservation.location for reservation in reserved})
        order = replace(self, allocation=allocation, reservations=reserved)
        order = order._with_history(at, "allocated", actor, ", ".join(locations))
        return order, (order._event("OrderAllocated", at, locations=locations),)

    def with_backorder_allocated(
        self, received: Sequence[Reservation], at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """Move reservations from inbound stock that was received to stock on hand."""
        unchanged = [each for each in self.reservations if each not in received]
        on_hand = (replace(each, shard=0) for each in received)
        order = replace(self, reservations=merge_reservations([*unchanged, *on_hand]))
        units = ", ".join(f"{each.quantity} of {each.sku}" for each in received)
        order = order._with_history(at, "back-order allocated", actor, units)
        return order, (order._event("BackorderAllocated", at, whole=not order.is_awaiting_stock),)

    def batches_queued_event(self, at: datetime) -> Event:
        """Return the event whose handler moves the stock of queued batches after the change."""
        return self._event("StockBatchesQueued", at)

    def with_shipment(self, shipment: Shipment, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """Add a shipment. Raises Conflict or InvalidRequest if its pieces are not to be shipped."""
        self._require_shippable(shipment)
        lines = tuple(
            replace(line, shipped=line.shipped + shipment.lines.get(line.id, 0))
            for line in self.lines
        )
        _, remaining = take_from_reservations(
            self.reservations, self.skus_of(shipment), shipment.location
        )
        order = replace(
            self, lines=lines, shipments=(*self.shipments, shipment), reservations=remaining
        )
        order = order._with_history(shipment.shipped_at, "shipped", actor, shipment.tracking_number)
        event = order._event(
            "OrderShipped",
            shipment.shipped_at,
            shipment_id=shipment.id,
            carrier=shipment.carrier,
            tracking_number=shipment.tracking_number,
            whole=order.shipped,
        )
        return order, (event,)

    def _require_shippable(self, shipment: Shipment) -> None:
        shipped = sum(line.shipped for line in self.lines)
        # Checked before the status: for a completed order this is the more helpful answer.
        if shipped and self.shipped:
            raise Conflict(
                f"The whole order is shipped: {counted(shipped, 'piece')} in"
                f" {counted(len(self.shipments), 'parcel')}.",
                code="already_shipped",
            )
        self._require_confirmed("shipped")
        if self.awaits_group:
            raise Conflict(
                "This order's group buy is not complete yet. Ship it after the group is complete.",
                code="group_forming",
            )
        if not shipment.lines:
            raise InvalidRequest(
                "A parcel must contain at least one piece.", code="missing", path="$.lines"
            )
        self._require_at_most(shipment.lines, self.to_ship, "still to ship")

    def with_tracking(
        self, shipment_id: str, event: TrackingEvent, at: datetime, actor: str
    ) -> tuple["Order", tuple[Event, ...]]:
        """Add a carrier's tracking event; a known event changes nothing.

        Raises NotFound for an unknown shipment, and InvalidRequest if the event's time is
        implausible.
        """
        shipment = next((each for each in self.shipments if each.id == shipment_id), None)
        if shipment is None:
            raise NotFound("This order has no such parcel. Send the number of one of its parcels.")
        if any(known.id == event.id for known in shipment.tracking):
            return self, ()
        validate_event_time(event.at, at, since=self.placed_at)
        # A time in the future counts as now: a fast clock must not decide the status permanently.
        event = replace(event, at=min(event.at, at))
        after = replace(shipment, tracking=(*shipment.tracking, event))
        # A full shipment stores only events that change its status, so the item stays small.
        if len(shipment.tracking) >= MAX_TRACKING_EVENTS and after.status is shipment.status:
            return self, ()
        shipments = tuple(after if each.id == shipment_id else each for each in self.shipments)
        order = replace(self, shipments=shipments)
        # After completion the quantities are final: a late event only adds to the tracking.
        if order.status is OrderStatus.CONFIRMED:
            order = replace(order, lines=order._lines_as_delivered())
        order = order._with_history(event.at, f"parcel {event.status}", actor, event.text)
        if after.status is shipment.status:
            return order, ()
        data = {"shipment_id": shipment_id, "to": after.status.value, "delivered": order.delivered}
        return order, (order._event("ShipmentUpdated", at, **data),)

    def _lines_as_delivered(self) -> tuple[OrderLine, ...]:
        arrived: dict[str, int] = {}
        for shipment in self.shipments:
            if shipment.status is ShipmentStatus.DELIVERED:
                for line_id, pieces in shipment.lines.items():
                    arrived[line_id] = arrived.get(line_id, 0) + pieces
        sent_back = self.pieces_sent_back
        # A parcel may be reported as lost after pieces of it were sent back.
        return tuple(
            replace(line, delivered=max(0, arrived.get(line.id, 0) - sent_back[line.id]))
            for line in self.lines
        )

    def announce_delay(self, at: datetime, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """Record that the promised date has passed; the buyer is emailed by the event."""
        order = self._with_history(at, DELAY_ANNOUNCED, actor)
        return order, (order._event("OrderDelayed", at),)

    def complete(self, at: datetime, actor: str) -> tuple["Order", tuple[Event, ...]]:
        """Complete the order. Raises Conflict while pieces have not arrived."""
        if not self.delivered:
            raise Conflict("Some pieces have not arrived. Wait for them.", code="order_state")
        order = self._become(OrderStatus.COMPLETED)._with_history(at, "completed", actor)
        return order, (order._event("OrderCompleted", at),)


def _placed_data(order: "Order") -> dict[str, str]:
    """Return the data of ``OrderPlaced``: the payment deadline, and an untaxed place.

    The place is there if it was sold to without tax without a decision.
    """
    data = {"pay_by": order.pay_by.isoformat()}
    for entry in order.quote.values.get("trace", ()) if order.quote is not None else ():
        if entry.get("reason") == "untaxed_undecided":
            data["untaxed_undecided"] = entry["rule"]
    return data
