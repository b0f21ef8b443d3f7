"""Changes of an order after the sale: returns and refunds. The base of :class:`Order`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from shop.inventory.model import Reservation, merge_reservations
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Problem, counted
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.money import Money, ratio
from shop.orders.model.order_state import (
    MAY_BECOME,
    HistoryEntry,
    OrderState,
    OrderStatus,
    held_amount,
)
from shop.orders.model.returns import OrderRefund, OrderReturn, ReturnedPieces, TaxShare
from shop.orders.model.shipments import FAILED_STATUSES, ShipmentStatus
from shop.orders.model.tax_shares import (
    ValuesByTax,
    split_by_tax,
    values_left,
    values_removed,
)
from shop.payments.model import PaymentStatus

NOT_DELIVERED = "not delivered"
"""History event of shipped pieces that did not arrive."""


@frozen(slots=False)
class AfterSale(OrderState):
    """The helpers of every transition, and the transitions after the sale.

    Each transition returns the new order and the events to publish.
    """

    def _become(self, status: OrderStatus) -> Self:
        if status not in MAY_BECOME[self.status]:
            raise Conflict(
                f"An order with status {self.status} cannot become {status}. Read it again.",
                code="order_state",
            )
        return replace(self, status=status)

    def _require_confirmed(self, action: str) -> None:
        if self.status is not OrderStatus.CONFIRMED:
            raise Conflict(
                f"An order with status {self.status} cannot be {action}."
                " Only a confirmed order can.",
                code="order_state",
            )

    def _with_history(self, at: datetime, event: str, actor: str, reason: str = "") -> Self:
        return replace(self, history=(*self.history, HistoryEntry(at, event, actor, reason)))

    def _event(self, kind: str, at: datetime, **data: Any) -> Event:
        # The id is derived from the version that the write will have: a repeated write publishes
        # the same id, and subscribers drop the duplicate.
        payload = {
            "order_id": self.id,
            "status": self.status.value,
            "currency": self.currency,
            "total": self.total,
            **({"group_buy": self.group_buy} if self.group_buy else {}),
            **data,
        }
        return Event(f"{self.id}.{self.version + 1}.{kind}", kind, self.id, at, payload)

    def mark_returned(
        self, reason: str, at: datetime, actor: str
    ) -> tuple[Self, tuple[Event, ...]]:
        """Count shipped pieces that did not arrive as returned; their refund follows the event.

        If some pieces arrived, the order completes with them. Raises Conflict while pieces are
        still to ship: cancel those first.
        """
        if not self.shipped:
            raise Conflict("Some pieces are not shipped. Ship or cancel them.", code="order_state")
        lines = tuple(
            replace(line, returned=line.quantity_to_ship - line.delivered) for line in self.lines
        )
        # Pieces that the buyer has sent back have arrived, whatever happened to the others.
        some_arrived = any(line.delivered for line in lines) or any(self.pieces_sent_back.values())
        order = self._become(OrderStatus.COMPLETED if some_arrived else OrderStatus.RETURNED)
        for each in self._undelivered(reason, at):
            order = order._add_return(each)._with_history(at, NOT_DELIVERED, actor, each.reason)
        order = replace(order, lines=lines)
        returned = order._returned_event(reason, at, sent_back=False)
        if some_arrived:
            return order, (returned, order._event("OrderCompleted", at))
        return order, (returned,)

    def _undelivered(self, reason: str, at: datetime) -> tuple[OrderReturn, ...]:
        """Pieces that were shipped and did not arrive, by the reason of their parcel.

        ``reason`` is that of parcels whose own status is no failure.
        """
        missing = {line.id: line.active_quantity - line.delivered for line in self.lines}
        by_reason: dict[str, dict[str, int]] = {}
        for shipment in self.shipments:
            if shipment.status is ShipmentStatus.DELIVERED:
                continue
            own = shipment.status.value if shipment.status in FAILED_STATUSES else reason
            pieces = by_reason.setdefault(own, {})
            for line_id, count in shipment.lines.items():
                if taken := min(count, missing[line_id]):
                    missing[line_id] -= taken
                    pieces[line_id] = pieces.get(line_id, 0) + taken
        return tuple(
            OrderReturn(
                at,
                own,
                {line_id: ReturnedPieces(count) for line_id, count in pieces.items()},
                sent_back=False,
            )
            for own, pieces in by_reason.items()
            if pieces
        )

    def with_return(self, returned: OrderReturn, actor: str) -> tuple[Self, tuple[Event, ...]]:
        """Record pieces that the buyer sent back; their refund follows the event.

        The order keeps its status: other parcels may still be on their way. Raises Conflict unless
        the order is confirmed or completed, NotFound for an unknown line and InvalidRequest for
        more pieces than have arrived and are still with the buyer.
        """
        if self.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
            raise Conflict(
                f"An order with status {self.status} cannot be returned. Cancel unshipped pieces,"
                " or create the return after its parcel has arrived.",
                code="order_state",
            )
        pieces = returned.pieces
        delivered = {line.id: line.delivered for line in self.lines}
        self._require_at_most(pieces, delivered, "with the buyer")
        order = self._add_return(returned)
        order = order._with_history(returned.at, "returned", actor, returned.reason)
        if restocked := self.restocked_units(returned):
            units = ", ".join(
                f"{each.quantity} of {each.sku} at {each.location}" for each in restocked
            )
            order = order._with_history(returned.at, "restocked", actor, units)
        return order, (order._returned_event(returned.reason, returned.at, sent_back=True),)

    def _add_return(self, returned: OrderReturn) -> Self:
        """Count the pieces of a return, with the tax of each rate by which the order shrinks."""
        pieces = returned.pieces
        lines = tuple(
            replace(
                line,
                # Pieces that never arrived were not delivered before.
                delivered=line.delivered - (pieces.get(line.id, 0) if returned.sent_back else 0),
                returned=line.returned + pieces.get(line.id, 0),
            )
            for line in self.lines
        )
        order = replace(self, lines=lines)
        outside, taxes = self._reduction_to(order)
        recorded = replace(returned, outside=outside, taxes=taxes)
        return replace(order, returns=(*self.returns, recorded))

    def _reduction_to(self, after: OrderState) -> tuple[int, tuple[TaxShare, ...]]:
        """Return how the order shrinks to the pieces of ``after``: its value by tax rate.

        The first result is the part of the value that was refunded outside the shop before: pieces
        count it, so that it is not refunded a second time.
        """
        value = after.value_of_pieces
        outside = min(self.value_of_pieces - value, self.outside_uncounted)
        reduced = sum(refund.amount for refund in self.refunds) + self.outside_uncounted - outside
        amount = self.current_value - max(0, value - reduced)
        return outside, self._tax_shares(amount, after)

    @property
    def pieces_sent_back(self) -> dict[str, int]:
        """Pieces that the buyer had and sent back, by line id."""
        pieces = dict.fromkeys((line.id for line in self.lines), 0)
        for returned in self.returns:
            if returned.sent_back:
                for line_id, count in returned.pieces.items():
                    pieces[line_id] += count
        return pieces

    def restocked_units(self, returned: OrderReturn) -> tuple[Reservation, ...]:
        """Units that a return adds to stock, by SKU and location; a kit returns its parts."""
        return merge_reservations(
            Reservation(sku, units, location)
            for line in self.lines
            if line.id in returned.lines
            if (location := returned.lines[line.id].location) is not None
            for sku, units in line.units_by_sku(returned.lines[line.id].pieces).items()
        )

    def locations_of(self, line_id: str) -> set[str | None]:
        """Locations that shipped pieces of a line; ``None`` stands for several that are unknown."""
        return {each.location for each in self.shipments if each.lines.get(line_id)}

    @property
    def settled(self) -> bool:
        """Whether the provider holds no more of the buyer's money than is due."""
        return held_amount(self.payment) <= self.due

    @property
    def returned_value(self) -> int:
        """Value of the pieces that came back or never arrived, in minor units, tax included."""
        if not any(line.returned for line in self.lines):
            return 0
        cancelled = {line.id: line.cancelled for line in self.lines}
        return self.value_without(cancelled) - self.value_of_pieces

    @property
    def refunded_outside(self) -> int:
        """Minor units refunded at the provider, outside the shop, that no refund counts yet."""
        if self.payment.status is not PaymentStatus.CAPTURED:
            return 0
        return max(0, self.due - self.payment.net_captured)

    @property
    def cancelled_value(self) -> int:
        """Value that was cancelled, tax included: the order, or its cancelled pieces."""
        if self.status is OrderStatus.CANCELLED:
            return self.total
        cancelled = {line.id: line.cancelled for line in self.lines}
        return self.total - self.value_without(cancelled) if any(cancelled.values()) else 0

    @property
    def net_value(self) -> int:
        """What is kept of the total, also after refunds outside the shop: money and credits."""
        if self.status is OrderStatus.CANCELLED:
            return 0
        return self.current_value - self.refunded_outside

    @property
    def net_tax(self) -> int:
        """The tax in :attr:`net_value`."""
        net = self.net_value
        if net == 0 or self.quote is None:
            # An order without a quote has no tax by rate.
            return ratio(self.tax * net, self.total) if net else 0
        outside = self._tax_shares(self.refunded_outside)
        return self.tax - sum(share.tax for share in (*self.refunded_taxes, *outside))

    @property
    def net_shipping(self) -> int:
        """The shipping cost in :attr:`net_value`: it stays while a piece stays."""
        price = self.shipping - self.shipping_discount
        return min(price, self.net_value) if self.active_pieces else 0

    @property
    def active_pieces(self) -> int:
        """Pieces that are neither cancelled nor returned; 0 if the order is cancelled."""
        if self.status is OrderStatus.CANCELLED:
            return 0
        return sum(line.active_quantity for line in self.lines)

    @property
    def refundable(self) -> int:
        """The highest amount that can still be refunded, in minor units of money and credits."""
        if self.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
            return 0
        return self.current_value - self.refunded_outside

    def with_refund(
        self, amount: int, reason: str, at: datetime, actor: str
    ) -> tuple[Self, tuple[Event, ...]]:
        """Reduce the price of the order by an amount; its payment follows the event.

        Raises Conflict unless the order is confirmed or completed, and for more than can still be
        refunded.
        """
        if self.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
            raise Conflict(
                f"An order with status {self.status} has nothing to refund."
                " Only a confirmed or completed order has.",
                code="order_state",
            )
        if amount > self.refundable:
            left = Money(self.refundable, self.currency)
            raise Conflict(
                f"At most {left} of this order can still be refunded. Send a lower amount.",
                code="refund_too_high",
                path="$.amount",
            )
        order = self._add_refund(amount, reason, at)
        text = f"{Money(amount, self.currency)}: {reason}"
        order = order._with_history(at, "refund granted", actor, text)
        event = order._event(
            "OrderRefunded",
            at,
            refund=len(order.refunds),
            amount=amount,
            reason=reason,
            due=order.due,
            reference=order.payment.reference,
        )
        return order, (event,)

    def _add_refund(self, amount: int, reason: str, at: datetime) -> Self:
        """Count a refund by amount, after the money that was refunded outside the shop."""
        outside = self.refunded_outside
        refund = OrderRefund(
            at, 0, reason, outside=outside, outside_taxes=self._tax_shares(outside)
        )
        counted = replace(self, refunds=(*self.refunds, refund))
        refund = replace(refund, amount=amount, taxes=counted._tax_shares(amount))
        return replace(self, refunds=(*self.refunds, refund))

    @property
    def refunded_taxes(self) -> tuple[TaxShare, ...]:
        """All reductions of the price so far, by tax rate.

        A cancelled order has none for its cancellation, which reduces all that was left.
        """
        returned = [share for each in self.returns for share in each.taxes]
        refunded = [share for each in self.refunds for share in (*each.outside_taxes, *each.taxes)]
        return (*self.cancelled_taxes, *returned, *refunded)

    def _tax_shares(self, amount: int, after: OrderState | None = None) -> tuple[TaxShare, ...]:
        """Split an amount over the tax rates of what is left, by the value of each rate.

        If pieces leave the order, ``after`` is the order without them: their own rates come first.
        """
        quote = self.placed_quote
        if quote is None or not self.tax or not amount:
            return ()
        left = values_left(quote.values_by_tax({}), self.refunded_taxes)
        came_back: ValuesByTax = {}
        if after is not None:
            before, remaining = (quote.values_by_tax(each.removed_pieces) for each in (self, after))
            came_back = values_removed(before, remaining)
        return split_by_tax(amount, left, came_back, quote.rounding.for_tax)

    def _returned_event(self, reason: str, at: datetime, *, sent_back: bool) -> Event:
        return self._event(
            "OrderReturned",
            at,
            reason=reason,
            sent_back=sent_back,
            due=self.due,
            reference=self.payment.reference,
        )

    def _require_at_most(
        self, pieces: Mapping[str, int], limits: Mapping[str, int], state: str
    ) -> None:
        """Raise unless each line exists and its pieces are within its limit; ``state`` names it."""
        unknown = set(pieces) - set(limits)
        if unknown:
            raise NotFound(
                f"This order has no line {min(unknown)}. Send ids of its lines.",
                code="line_unknown",
                path="$.lines",
            )
        problems = [
            Problem(
                "quantity_invalid",
                f"Line {line_id} has {counted(limits[line_id], 'piece')} {state}, not {count}.",
                f"$.lines[{n}].quantity",
            )
            for n, (line_id, count) in enumerate(pieces.items())
            if not 0 <= count <= limits[line_id]
        ]
        if problems:
            raise InvalidRequest(problems[0].detail, code="quantity_invalid", problems=problems)
