"""The state of an order: its stored fields and the values derived from them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shop.credits.model.payment_split import excess_credits
from shop.inventory.model import Reservation
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.frozen import frozen
from shop.kernel.money import Money, apportion
from shop.kernel.usage import UsageReservation
from shop.orders.model.lines import OrderLine, pieces_at, promised_pieces, waiting_pieces
from shop.orders.model.returns import OrderRefund, OrderReturn, TaxShare
from shop.orders.model.shipments import FINAL_STATUSES, OrderShippingOption, Shipment
from shop.payments.model import Payment, PaymentStatus

if TYPE_CHECKING:
    from shop.pricing.model.quote import Quote

BACKORDER_OVERDUE_AFTER = timedelta(days=14)
"""How long after the ship date shown to the buyer a back-ordered line may still be shipped."""


class OrderStatus(StrEnum):
    """The status of an order."""

    PLACING = "placing"
    """Too large for one transaction: its stock is being reserved in batches. Not yet visible."""
    PLACED = "placed"
    """Its stock is reserved; the payment is not certain yet."""
    CONFIRMED = "confirmed"
    """The payment is authorized or captured: the merchant owes the goods."""
    COMPLETED = "completed"
    """All pieces that were not cancelled or returned have arrived."""
    CANCELLED = "cancelled"
    """Cancelled before a piece was shipped; its stock is released and its money refunded."""
    RETURNED = "returned"
    """Shipped, but no piece arrived: lost or returned to sender; its money is refunded."""


GUEST_OWNER = "guest"
"""The owner of orders that were placed without signing in."""


TERMINATED = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED})
"""Statuses in which the merchant owes no goods and the buyer no money."""


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

ABANDONED = "abandoned"
DELAY_ANNOUNCED = "delay announced"
PARTIALLY_CANCELLED = "partially cancelled"
"""History events that properties of an order depend on; staff see the same names."""

_PAYMENT_CERTAIN = {
    f"payment {status}" for status in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)
}
"""History events after which the payment was certain."""


@frozen(slots=False)
class HistoryEntry:
    """One entry of an order's append-only history: time, event, actor and reason."""

    at: datetime
    event: str
    actor: str
    reason: str = ""


@frozen(slots=False)
class OrderCredit:
    """A credit that pays part of an order.

    ``account`` is a gift card, store credit or points account, ``amount`` minor units, and
    ``instrument_id`` the payment instrument in the request that completed the checkout.
    """

    account: str
    amount: int
    instrument_id: str


@frozen(slots=False)
class PlacedQuote:
    """The quote that an order was placed with, as stored.

    ``values`` is the result of ``Quote.to_dict``. Most orders are read without their quote, and it
    is the longest part of a large order, so it is decoded on request only.
    """

    values: Mapping[str, Any]

    def decode(self) -> "Quote":
        """Return the quote."""
        from shop.pricing.model.quote import Quote  # lazy: most orders are read without it

        return Quote.from_dict(dict(self.values))


@frozen(slots=False)
class OrderState:
    """The stored fields of an order. Amounts are minor units of ``currency``.

    - ``owner``: the customer's id, or ``"guest"``.
    - ``pay_by``: the payment deadline, at which an unpaid order expires.
    - ``reservations``: stock reserved for it, until it is shipped or released.
    - ``allocation``: the location that ships each line, by line id.
    - ``usage``: limited coupon and sale usage that it counts, until it is cancelled.
    - ``version``: the number of its writes; each write states the version that it read.
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
    buyer: Buyer
    destination: PostalAddress
    shipping_option: OrderShippingOption
    payment: Payment
    placed_at: datetime
    pay_by: datetime
    reservations: tuple[Reservation, ...] = ()
    usage: tuple[UsageReservation, ...] = ()
    group_buy: str | None = None
    group_succeeded: bool = False
    quote: PlacedQuote | None = None
    credits: tuple[OrderCredit, ...] = ()
    """Credits that pay part of the order, in the order of their use. The payment provider charges
    the rest."""
    status: OrderStatus = OrderStatus.PLACED
    cancel_reason: str | None = None
    allocation: Mapping[str, str] = field(default_factory=dict)
    shipments: tuple[Shipment, ...] = ()
    returns: tuple[OrderReturn, ...] = ()
    refunds: tuple[OrderRefund, ...] = ()
    cancelled_taxes: tuple[TaxShare, ...] = ()
    """The value of pieces that were cancelled after others were shipped, by tax rate."""
    cancelled_outside: int = 0
    """The part of that value which a refund had counted as refunded outside the shop."""
    history: tuple[HistoryEntry, ...] = ()
    version: int = 1
    ship_zone: str = "UTC"
    """IANA time zone of the market, whose days the ship dates of the lines are."""

    @property
    def placed_quote(self) -> "Quote | None":
        """The quote that the order was placed with; ``None`` if none was stored."""
        return None if self.quote is None else self.quote.decode()

    @property
    def amount(self) -> Money:
        """The amount that the payment provider charges: the total without credits."""
        return Money(self.total - self.paid_by_credits, self.currency)

    @property
    def paid_by_credits(self) -> int:
        """Minor units paid by gift cards, store credit and points when the order was placed."""
        return sum(credit.amount for credit in self.credits)

    @property
    def excess_credits(self) -> tuple[tuple[str, int], ...]:
        """Credits to reverse, by account: their part above the order's current value.

        Money is refunded before credits, and the credit used last is reversed first. A cancelled
        order has none, because its cancellation reverses all of its credits.
        """
        if self.status is OrderStatus.CANCELLED or not self.credits:
            return ()
        paid = [(credit.account, credit.amount) for credit in self.credits]
        return excess_credits(paid, self.current_value)

    @property
    def active_goods_value(self) -> int:
        """Price after discounts of the pieces that are neither cancelled nor returned."""
        return sum(
            sum(apportion(line.total, [1] * line.quantity)[line.cancelled + line.returned :])
            for line in self.lines
        )

    @property
    def paid(self) -> bool:
        """Whether the payment for the whole order is certain."""
        payment = self.payment
        certain = max(payment.total_of("authorized"), payment.total_of("captured"))
        return (
            payment.status in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)
            and certain >= self.amount.minor
        )

    @property
    def shipped(self) -> bool:
        """Whether every piece that is not cancelled is shipped."""
        return all(line.shipped == line.quantity_to_ship for line in self.lines)

    @property
    def partially_shipped(self) -> bool:
        """Whether some pieces are shipped and others are still to ship."""
        return not self.shipped and any(line.shipped for line in self.lines)

    @property
    def delivered(self) -> bool:
        """Whether every piece that is neither cancelled nor returned has arrived."""
        return all(line.delivered == line.active_quantity for line in self.lines)

    @property
    def all_delivered_or_lost(self) -> bool:
        """Whether every piece is shipped and no shipment is in transit."""
        return self.shipped and all(
            shipment.status in FINAL_STATUSES for shipment in self.shipments
        )

    @property
    def due(self) -> int:
        """Money due for the pieces that are neither cancelled nor returned, in minor units.

        It does not depend on what was paid already. :attr:`settled` compares the two.
        Pieces are valued one after the other by the quote's split of their line, so any sequence of
        partial refunds sums to the whole. Shipping is refunded when no piece remains.
        """
        return max(0, self.current_value - self.paid_by_credits)

    @property
    def current_value(self) -> int:
        """Value without cancelled and returned pieces, and less refunds by amount.

        In minor units of money and credits. A refund by amount reduces the price of what the buyer
        keeps, so it never makes a later return worth more than what is left.
        """
        reduced = sum(refund.amount for refund in self.refunds) + self.outside_uncounted
        return max(0, self.value_of_pieces - reduced)

    @property
    def outside_uncounted(self) -> int:
        """Money refunded outside the shop that a refund by amount counts, and no pieces yet."""
        counted = self.cancelled_outside + sum(each.outside for each in self.returns)
        return sum(refund.outside for refund in self.refunds) - counted

    @property
    def worth(self) -> int:
        """The current value, and 0 for a cancelled order, whose lines may count no cancelled
        pieces."""
        return 0 if self.status is OrderStatus.CANCELLED else self.current_value

    @property
    def value_of_pieces(self) -> int:
        """Value without cancelled and returned pieces, in minor units of money and credits."""
        return self.value_without(self.removed_pieces)

    @property
    def removed_pieces(self) -> dict[str, int]:
        """Cancelled and returned pieces by line id."""
        return {line.id: line.cancelled + line.returned for line in self.lines}

    def value_without(self, removed: Mapping[str, int]) -> int:
        """Value without the removed pieces (by line id), in minor units of money and credits."""
        if all(removed.get(line.id, 0) == line.quantity for line in self.lines):
            return 0  # no piece remains, so the shipping cost is refunded as well
        return self.total - sum(self.values_of(removed).values())

    @property
    def shipping_discount(self) -> int:
        """The part of the discount that belongs to no line: it reduces the shipping cost."""
        return self.discount - sum(line.discount for line in self.lines)

    def values_of(self, pieces: Mapping[str, int]) -> dict[str, int]:
        """Value of the first pieces of each line by line id, tax included, in minor units."""
        lines = [line for line in self.lines if pieces.get(line.id, 0)]
        # Read once for all lines: the quote of a large order is long.
        quote = self.placed_quote if lines else None
        quoted = {line.id: line for line in quote.lines} if quote else {}
        values = {}
        for line in lines:
            if line.id in quoted:
                values[line.id] = quoted[line.id].refund_next(0, pieces[line.id]).minor
                continue
            # An order without a quote: split the line's total evenly over its pieces.
            payable = line.total if self.tax_included else line.total + line.tax
            values[line.id] = sum(apportion(payable, [1] * line.quantity)[: pieces[line.id]])
        return values

    @property
    def awaits_group(self) -> bool:
        """Whether the order must not ship yet because its group buy is not complete."""
        return self.group_buy is not None and not self.group_succeeded

    @property
    def to_ship(self) -> dict[str, int]:
        """Pieces that are still to ship, by line id. It ignores the status: check it first."""
        return {line.id: line.quantity_to_ship - line.shipped for line in self.lines}

    def skus_of(self, shipment: Shipment) -> dict[str, int]:
        """Units in a shipment by SKU: lines may share a SKU, and a kit ships as its parts."""
        units: dict[str, int] = {}
        for line in self.lines:
            if pieces := shipment.lines.get(line.id, 0):
                for sku, count in line.units_by_sku(pieces).items():
                    units[sku] = units.get(sku, 0) + count
        return units

    def has_pending_ship_date(self, at: datetime) -> bool:
        """Whether a back-ordered line is unshipped and its ship date is not long overdue."""
        days = [line.ships_from for line in self.lines if line.shipped < line.quantity_to_ship]
        latest = max((date.fromisoformat(day) for day in days if day), default=None)
        return latest is not None and at.date() < latest + BACKORDER_OVERDUE_AFTER

    @property
    def is_awaiting_stock(self) -> bool:
        """Whether some of its reservations are on inbound stock."""
        return any(reservation.shard == INBOUND_SHARD for reservation in self.reservations)

    @property
    def delay_announced(self) -> bool:
        """Whether the buyer was told that the promised date has passed."""
        return any(entry.event == DELAY_ANNOUNCED for entry in self.history)

    @property
    def promised_pieces(self) -> dict[str, int]:
        """Undelivered pieces with a promised arrival, by line id."""
        return {} if self.awaits_group else promised_pieces(self.lines)

    def inbound_quantities(self) -> dict[str, int]:
        """Pieces that wait for inbound stock, by line id.

        If two lines share a SKU, the last line waits first.
        """
        return waiting_pieces(self.lines, self.reservations)

    def reserved_at(self, location: str) -> dict[str, int]:
        """Pieces that can be shipped from a location, by line id; a kit needs all of its parts."""
        return pieces_at(location, self.lines, self.reservations)

    @property
    def partially_cancelled(self) -> bool:
        """Whether the order continues with its shipped pieces after the rest was cancelled."""
        return any(entry.event == PARTIALLY_CANCELLED for entry in self.history)

    @property
    def never_placed(self) -> bool:
        """Whether it is still being placed or was abandoned before: no event was published."""
        return self.status is OrderStatus.PLACING or (
            self.status is OrderStatus.CANCELLED
            and any(entry.event == ABANDONED for entry in self.history[:1])
        )

    @property
    def was_confirmed(self) -> bool:
        """Whether the merchant ever owed the goods, whatever the status is now.

        Money that arrives for a cancelled order does not confirm it: the money is refunded. So only
        payments before the cancellation count, and only if they covered the whole amount.
        """
        if self.status in (OrderStatus.PLACING, OrderStatus.PLACED):
            return False
        if self.status is not OrderStatus.CANCELLED:
            return True
        events = [entry.event for entry in self.history]
        if "cancelled" not in events or _PAYMENT_CERTAIN.isdisjoint(
            events[: events.index("cancelled")]
        ):
            return False
        cancelled_at = self.history[events.index("cancelled")].at
        entries = [entry for entry in self.payment.entries if entry.at <= cancelled_at]
        authorized, captured = (
            sum(entry.amount for entry in entries if entry.kind == kind)
            for kind in ("authorized", "captured")
        )
        return max(authorized, captured) >= self.amount.minor


def held_amount(payment: Payment) -> int:
    """Minor units that the provider holds: authorized, or captured and not refunded."""
    if payment.status is PaymentStatus.AUTHORIZED:
        return payment.total_of("authorized")
    return payment.net_captured
