"""An order as it stands: what was written down, and what follows from it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shop.credits.model.payment_split import excess_credits
from shop.inventory.model import Reservation
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.frozen import frozen
from shop.kernel.money import Money, apportion
from shop.kernel.usage import UsageReservation
from shop.orders.model.lines import OrderLine
from shop.orders.model.shipments import FINAL_STATUSES, Shipment
from shop.payments.model import Payment, PaymentStatus

if TYPE_CHECKING:
    from shop.pricing.model.quote import Quote

BACKORDER_OVERDUE_AFTER = timedelta(days=14)
"""How long after the day that its buyer was told an order ahead may leave the house."""


class OrderStatus(StrEnum):
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


GUEST_OWNER = "guest"
"""The owner of what is bought without signing in."""


TERMINATED = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED})
"""The shop owes no goods any more, and no money is due."""


MAY_BECOME: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PLACING: frozenset({OrderStatus.PLACED, OrderStatus.CANCELLED}),
    OrderStatus.PLACED: frozenset({OrderStatus.CONFIRMED, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset(
        {OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.RETURNED}
    ),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.RETURNED: frozenset(),
}


_CERTAIN = {f"payment {status}" for status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)}
"""How an order's history tells that its money was certain."""


@frozen(slots=False)
class HistoryEntry:
    """One entry of an order's history: when, who, what, why. Never changed, only added to."""

    at: datetime
    event: str
    actor: str
    reason: str = ""


@frozen(slots=False)
class OrderState:
    """An order as it was written down. Amounts are minor units of ``currency``.

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
    reservations: tuple[Reservation, ...] = ()
    usage: tuple[UsageReservation, ...] = ()
    group_buy: str | None = None
    group_succeeded: bool = False
    quote: Mapping[str, Any] = field(default_factory=dict)
    credits: tuple[tuple[str, int, str], ...] = ()
    """What credits pay of it, in the order in which they were used: account, minor units, and the
    id of the instrument. The rest is the provider's."""
    status: OrderStatus = OrderStatus.PLACED
    cancel_reason: str | None = None
    allocation: Mapping[str, str] = field(default_factory=dict)
    shipments: tuple[Shipment, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    version: int = 1

    @property
    def priced(self) -> "Quote | None":
        """The quote that it was placed with, as it was then."""
        if not self.quote:
            return None
        from shop.pricing.model.quote import Quote  # an order without reductions is shown without

        return Quote.from_dict(dict(self.quote))

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
        if self.status is OrderStatus.CANCELLED or not self.credits:
            return ()
        paid = [(account, amount) for account, amount, _ in self.credits]
        return excess_credits(paid, self.worth_still)

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
        sure = max(payment.total_of("authorised"), payment.total_of("captured"))
        return (
            payment.status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)
            and sure >= self.amount.minor
        )

    @property
    def shipped(self) -> bool:
        """Whether every piece still wanted has left."""
        return all(line.shipped == line.quantity_to_ship for line in self.lines)

    @property
    def delivered(self) -> bool:
        """Whether every piece still wanted has arrived."""
        return all(line.delivered == line.active_quantity for line in self.lines)

    @property
    def all_delivered_or_lost(self) -> bool:
        """Whether everything has left and no parcel is on its way any more."""
        return self.shipped and all(parcel.status in FINAL_STATUSES for parcel in self.shipments)

    @property
    def due(self) -> int:
        """The money to be paid for what was not called off and did not come back, in minor units.

        Pieces are counted off one after the other at what each of them came to, so any sequence of
        partial refunds sums to the whole. Shipping is given back when nothing is left.
        """
        return max(0, self.worth_still - self.paid_by_credits)

    @property
    def worth_still(self) -> int:
        """What the order comes to by now, in minor units, by money and credits together."""
        return self.value_without({line.id: line.cancelled + line.returned for line in self.lines})

    def value_without(self, gone: Mapping[str, int]) -> int:
        """What the order comes to when so many pieces of each line are gone, whoever pays it."""
        if all(gone.get(line.id, 0) == line.quantity for line in self.lines):
            return 0
        return self.total - sum(self._worth(gone).values())

    @property
    def settled(self) -> bool:
        """Whether the shop holds no more money than is due."""
        return held_amount(self.payment) <= self.due

    @property
    def shipping_discount(self) -> int:
        """What was taken off the shipping: the part of the discount that no line has."""
        return self.discount - sum(line.discount for line in self.lines)

    def value_of(self, line: OrderLine, pieces: int) -> int:
        """What the first ``pieces`` pieces of a line came to, tax and all, in minor units."""
        return self._worth({line.id: pieces}).get(line.id, 0)

    def _worth(self, pieces: Mapping[str, int]) -> dict[str, int]:
        """The same of many lines: of a long order the quote is read once."""
        lines = [line for line in self.lines if pieces.get(line.id, 0)]
        quote = self.priced if lines else None
        sold = {line.id: line for line in quote.lines} if quote else {}
        worth = {}
        for line in lines:
            if line.id in sold:
                worth[line.id] = sold[line.id].refund_next(0, pieces[line.id]).minor
                continue
            payable = line.total if self.tax_included else line.total + line.tax
            worth[line.id] = sum(apportion(payable, [1] * line.quantity)[: pieces[line.id]])
        return worth

    @property
    def waits_for_group(self) -> bool:
        """Whether nothing may leave yet, for the group that buys together is not complete."""
        return self.group_buy is not None and not self.group_succeeded

    @property
    def to_ship(self) -> dict[str, int]:
        """The pieces of each line that are still to leave, by the line's id."""
        return {line.id: line.quantity_to_ship - line.shipped for line in self.lines}

    def skus_of(self, shipment: Shipment) -> dict[str, int]:
        """The units in a parcel by SKU; two lines may share one, and a kit leaves as its parts."""
        units: dict[str, int] = {}
        for line in self.lines:
            if pieces := shipment.lines.get(line.id, 0):
                for sku, count in line.units_by_sku(pieces).items():
                    units[sku] = units.get(sku, 0) + count
        return units

    def has_later_promise(self, at: datetime) -> bool:
        """Whether something that has not left was promised for a day which is not long past."""
        days = [line.ships_from for line in self.lines if line.shipped < line.quantity_to_ship]
        until = max((date.fromisoformat(day) for day in days if day), default=None)
        return until is not None and at.date() < until + BACKORDER_OVERDUE_AFTER

    @property
    def is_awaiting_stock(self) -> bool:
        """Whether some of its goods are still to come."""
        return any(hold.shard == INBOUND_SHARD for hold in self.reservations)

    def inbound_quantities(self) -> dict[str, int]:
        """The pieces of each line that are still to come; of two lines of a SKU, the last one's."""
        late: dict[str, int] = {}
        for hold in self.reservations:
            if hold.shard == INBOUND_SHARD:
                late[hold.sku] = late.get(hold.sku, 0) + hold.quantity
        found = {}
        for line in reversed(self.lines):
            needed = line.units_by_sku(1)
            pieces = max(-(-late.get(sku, 0) // units) for sku, units in needed.items())
            pieces = min(pieces, line.quantity_to_ship - line.shipped)
            if pieces > 0:
                found[line.id] = pieces
                for sku, units in needed.items():
                    late[sku] = max(0, late.get(sku, 0) - units * pieces)
        return found

    def reserved_at(self, location: str) -> dict[str, int]:
        """The pieces of each line that are still to leave and lie at this location, all their parts
        together."""
        there: dict[str, int] = {}
        for hold in self.reservations:
            if hold.location == location and hold.shard != INBOUND_SHARD:
                there[hold.sku] = there.get(hold.sku, 0) + hold.quantity
        found = {}
        for line in self.lines:
            remaining = line.quantity_to_ship - line.shipped
            needed = line.units_by_sku(1)
            pieces = min(remaining, *(there.get(sku, 0) // units for sku, units in needed.items()))
            if pieces:
                found[line.id] = pieces
                for sku, units in needed.items():
                    there[sku] -= units * pieces
        return found

    @property
    def never_placed(self) -> bool:
        """Whether it is not placed yet, or was given up before it was: nobody has heard of it."""
        return self.status is OrderStatus.PLACING or (
            self.status is OrderStatus.CANCELLED
            and any(moment.event == "given up" for moment in self.history[:1])
        )

    @property
    def was_confirmed(self) -> bool:
        """Whether the shop ever owed the goods, whatever became of the order later.

        Money that arrives for an order already called off confirms nothing: it goes back.
        """
        if self.status in (OrderStatus.PLACING, OrderStatus.PLACED):
            return False
        if self.status is not OrderStatus.CANCELLED:
            return True
        known = [moment.event for moment in self.history]
        before = known[: known.index("cancelled")] if "cancelled" in known else []
        return not _CERTAIN.isdisjoint(before)


def held_amount(payment: Payment) -> int:
    """Minor units that the provider holds for us: taken and not given back, or set aside."""
    if payment.status is PaymentStatus.AUTHORISED:
        return payment.total_of("authorised")
    return payment.net_captured
