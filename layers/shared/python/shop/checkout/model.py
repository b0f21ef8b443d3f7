"""A checkout session: what is bought, by whom, where to, and what the shop offers for it.

The session keeps the *offer* that was shown last. What is shown is what is paid: completing takes
the offer as it stands while it is fresh, and shows a new one where it is not. Where the session
stands is never stored twice: once an order was placed from it, the order's state decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shop.cart.model import (
    GIFT_LINE_PREFIX,
    CartItem,
    CartLine,
    Message,
    expiry_at,
    image_url,
    title,
)
from shop.catalog.model import product_id_from
from shop.inventory.model import Demand
from shop.inventory.model.kits import Kit, expand_kits
from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderLine
from shop.orders.model import OrderStatus as OrderStatus
from shop.payments.model import Payment, PaymentStatus
from shop.places.model.destination import Destination
from shop.pricing.model.quote import Quote
from shop.shipping.model import ShippingOption, Undeliverable

SESSION_TTL = timedelta(hours=6)
"""UCP's default life of a checkout session."""
PLACED_SESSION_RETENTION = timedelta(days=30)
"""How long a session is kept once an order was placed from it."""
OFFER_TTL = timedelta(minutes=15)
"""How long an offer is paid as shown."""
MAX_ROWS_PER_TRANSACTION = 100
"""What one transaction writes; an order with more of them is placed in several."""

NEEDS_POSTCODE = frozenset(
    """US CA GB DE FR IT ES NL BE AT PL SE DK FI
    NO CH CN JP KR AU BR IN MX PT CZ""".split()
)


class CheckoutStatus(StrEnum):
    """UCP's checkout status."""

    INCOMPLETE = "incomplete"
    REQUIRES_ESCALATION = "requires_escalation"
    READY = "ready_for_complete"
    IN_PROGRESS = "complete_in_progress"
    COMPLETED = "completed"
    CANCELED = "canceled"


@frozen(slots=False)
class OfferLine:
    """A line of the offer: what a later answer, and the order, must know without the catalogue."""

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    quantity: int
    image_url: str | None = None


@frozen(slots=False)
class Offer:
    """What the shop asks for the lines, and the ways it can send them."""

    lines: tuple[OfferLine, ...]
    quote: Quote
    options: tuple[ShippingOption, ...] = ()
    option_id: str | None = None
    messages: tuple[Message, ...] = ()
    usage: tuple[UsageReservation, ...] = ()
    """What an order of it uses up of limited coupons and sales."""
    group_buy: str | None = None
    """The group that buys together, whose code opened its price ..."""
    group_ends: datetime | None = None
    """... and the instant from which its code lets nobody in."""
    kits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What the kits among its lines take from stock: the units of each part, by the kit's SKU."""
    ships_from: Mapping[str, str] = field(default_factory=dict)
    """The day that its buyer was told (ISO 8601), by SKU, of what is ordered ahead."""
    undeliverable: str | None = None
    """Why there is no way to send it, as :class:`shop.shipping.model.Undeliverable` has it."""

    @property
    def gifts(self) -> tuple[OfferLine, ...]:
        """What is given along, as lines of the order that cost nothing."""
        return tuple(
            OfferLine(
                f"{GIFT_LINE_PREFIX}{gift.promotion_id}",
                product_id_from(gift.variant_id),
                gift.variant_id,
                gift.sku,
                gift.title,
                gift.quantity,
            )
            for gift in self.quote.gifts
        )

    @property
    def option(self) -> ShippingOption | None:
        """The way that was chosen."""
        return next((o for o in self.options if o.id == self.option_id), None)

    @property
    def is_short(self) -> bool:
        """Whether stock stood in the way when it was made; stock may have come since."""
        return any(message.code == "out_of_stock" for message in self.messages)

    def is_fresh(self, at: datetime) -> bool:
        """Whether it is still paid as shown: a group's price no longer than its group forms."""
        over = self.group_ends is not None and at >= self.group_ends
        return at - self.quote.at < OFFER_TTL and not over

    def demands(self) -> tuple[Demand, ...]:
        """Units per SKU, several lines of one SKU added up, and kits as their parts."""
        kits = {sku: Kit(sku, parts) for sku, parts in self.kits.items()}
        return expand_kits([Demand(n.sku, n.quantity) for n in (*self.lines, *self.gifts)], kits)

    def parts_of(self, sku: str) -> tuple[tuple[str, int], ...]:
        """What an order's line keeps of a kit; nothing for a SKU that is none."""
        return tuple(self.kits.get(sku, {}).items())


@frozen(slots=False)
class CheckoutSession:
    """See the module.

    ``destination`` is a UCP postal address with an ``id``; ``order_id`` the order placed last from
    this session and ``placed_key`` the idempotency key it was placed under; ``attempt`` numbers the
    next order, so that each attempt's id is derived and a retry meets itself.
    """

    id: str
    owner: str
    lines: tuple[CartLine, ...]
    offer: Offer
    created_at: datetime
    expires_at: datetime
    buyer: Mapping[str, Any] = field(default_factory=dict)
    destination: Mapping[str, Any] | None = None
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    attribution: Mapping[str, Any] = field(default_factory=dict)
    cart_id: str | None = None
    channel: str = "web"
    codes: tuple[str, ...] = ()
    canceled: bool = False
    attempt: int = 1
    order_id: str | None = None
    placement_key: str | None = None
    version: int = 1

    @property
    def next_order_id(self) -> str:
        return derived_id("ord", self.id, str(self.attempt))

    def missing_messages(self) -> tuple[Message, ...]:
        """What stands in the way of buying, each with the place to mend it."""
        return (*self._missing_buyer(), *self._missing_delivery(), *self.offer.messages)

    def _missing_buyer(self) -> tuple[Message, ...]:
        if self.buyer.get("email"):
            return ()
        return (_wanted("$.buyer.email", "an e-mail address is needed for the confirmation"),)

    def _missing_delivery(self) -> tuple[Message, ...]:
        path = "$.fulfillment.methods[0]"
        if self.destination is None:
            return (_wanted(f"{path}.destinations", "where shall it be sent to?"),)
        needed = ["street_address", "address_locality", "address_country"]
        if self.destination.get("address_country") in NEEDS_POSTCODE:
            needed.append("postal_code")
        lacking = [name for name in needed if not self.destination.get(name)]
        if lacking:
            return tuple(
                _wanted(f"{path}.destinations[0].{name}", f"{name} is needed to deliver")
                for name in lacking
            )
        if not self.offer.options and self.offer.undeliverable == Undeliverable.GOODS:
            return (
                Message(
                    "error",
                    "goods_undeliverable",
                    "no way of shipping to this address takes these goods together: they are too"
                    " heavy or too large, or there is no price for them in this currency",
                    "$.line_items",
                    "recoverable",
                ),
            )
        if not self.offer.options:
            return (
                Message(
                    "error",
                    "address_undeliverable",
                    "the shop does not deliver to this address",
                    f"{path}.destinations[0]",
                    "recoverable",
                ),
            )
        if self.offer.option is None:
            return (_wanted(f"{path}.groups[0].selected_option_id", "choose a way of shipping"),)
        return ()

    @property
    def ready(self) -> bool:
        return not any(message.type == "error" for message in self.missing_messages())

    def raise_if_closed(self) -> None:
        """Raise Conflict where nothing can be changed any more."""
        if self.canceled:
            raise Conflict("this checkout was canceled; begin a new one", code="checkout_canceled")


def _wanted(path: str, text: str) -> Message:
    return Message("error", "missing", text, path, "recoverable")


def status_of(session: CheckoutSession, order: Order | None) -> CheckoutStatus:
    """Where a session stands: its order's state decides, once there is one."""
    if session.canceled:
        return CheckoutStatus.CANCELED
    if order is None:
        return CheckoutStatus.READY if session.ready else CheckoutStatus.INCOMPLETE
    if was_completed(order):
        return CheckoutStatus.COMPLETED
    if order.status is OrderStatus.CANCELLED:
        return CheckoutStatus.INCOMPLETE
    if order.payment.status is PaymentStatus.REQUIRES_ACTION:
        return CheckoutStatus.REQUIRES_ESCALATION
    return CheckoutStatus.IN_PROGRESS


def was_completed(order: Order) -> bool:
    """Whether an order was ever certain; what staff do with it later does not undo the checkout."""
    return order.was_confirmed


def session_messages(session: CheckoutSession, order: Order | None) -> tuple[Message, ...]:
    """What must be said of a session, with its order's payment."""
    if session.canceled or (order is not None and was_completed(order)):
        return ()
    if order is None:
        return session.missing_messages()
    if order.status is OrderStatus.PLACING:
        return (Message("info", "order_pending", "the order is being placed; look again soon"),)
    if order.never_placed:
        return (not_placed_message(order.cancel_reason or ""), *session.missing_messages())
    if order.status is OrderStatus.CANCELLED:
        return (
            payment_failed_message(order.payment.reason or order.cancel_reason or "payment_failed"),
        )
    if order.payment.status is PaymentStatus.REQUIRES_ACTION:
        return (
            Message(
                "error",
                "payment_challenge",
                "the buyer must approve this payment at continue_url",
                "$.payment.instruments[0]",
                "requires_buyer_review",
            ),
        )
    return (Message("info", "payment_pending", "the payment is being confirmed; look again soon"),)


def not_placed_message(reason: str) -> Message:
    """The message for an order of many articles that could not be placed."""
    return Message(
        "error",
        "order_not_placed",
        f"the order could not be placed ({reason}); nothing was bought, complete it again",
        severity="recoverable",
    )


def waiting_message() -> Message:
    """The message for a checkout whose buyer has to wait for a turn first."""
    return Message(
        "error",
        "waiting_room",
        "many want this at the same moment: the buyer waits for a turn at continue_url, and this"
        " checkout is completed with the admission that is given there",
        None,
        "requires_buyer_review",
    )


def payment_failed_message(reason: str) -> Message:
    """The message for a payment that did not happen; the buyer may try another way."""
    said = {
        "card_declined": "the payment was declined",
        "insufficient_funds": "the account does not cover the amount",
        "challenge_failed": "the buyer did not approve the payment",
        "payment_expired": "the payment was not completed in time",
        "checkout_canceled": "the purchase was called off",
    }.get(reason, "the payment failed")
    return Message(
        "error",
        "payment_failed",
        f"{said} ({reason}); nothing was bought, try another way to pay",
        "$.payment.instruments[0]",
        "recoverable",
    )


def offer_lines(items: Sequence[CartItem]) -> tuple[OfferLine, ...]:
    """The lines of an offer from priced items."""
    return tuple(
        OfferLine(
            item.line.id,
            item.product.id,
            item.variant.id,
            item.variant.sku,
            title(item),
            item.line.quantity,
            image_url(item),
        )
        for item in items
    )


def destination_from(
    destination: Mapping[str, Any] | None,
    country: str | None = None,
    region: str | None = None,
    postal_code: str | None = None,
) -> Destination | None:
    """As much of a place as tax and shipping ask for: the address, or else the context."""
    if destination and destination.get("address_country"):
        return Destination(
            destination["address_country"],
            destination.get("address_region"),
            destination.get("postal_code"),
        )
    return Destination(country, region, postal_code) if country else None


def build_order(session: CheckoutSession, provider: str, at: datetime, pay_by: datetime) -> Order:
    """The order that a ready session places: a snapshot of its offer."""
    offer, option = session.offer, session.offer.option
    if option is None or session.destination is None:
        raise Conflict("this checkout is not ready", code="checkout_incomplete")
    quote = offer.quote
    lines = []
    for line in offer.lines:
        priced = quote.line(line.id)
        lines.append(
            OrderLine(
                id=line.id,
                product_id=line.product_id,
                variant_id=line.variant_id,
                sku=line.sku,
                title=line.title,
                unit_price=priced.unit_price.minor,
                quantity=line.quantity,
                subtotal=priced.subtotal.minor,
                discount=priced.discount.minor,
                tax=priced.tax.amount.minor,
                total=priced.total.minor,
                image_url=line.image_url,
                parts=offer.parts_of(line.sku),
                ships_from=offer.ships_from.get(line.sku),
            )
        )
    lines += [
        OrderLine(
            id=gift.id,
            product_id=gift.product_id,
            variant_id=gift.variant_id,
            sku=gift.sku,
            title=gift.title,
            unit_price=0,
            quantity=gift.quantity,
            subtotal=0,
            discount=0,
            tax=0,
            total=0,
            parts=offer.parts_of(gift.sku),
        )
        for gift in offer.gifts
    ]
    return Order(
        id=session.next_order_id,
        owner=session.owner,
        checkout_id=session.id,
        currency=quote.currency,
        lines=tuple(lines),
        subtotal=quote.subtotal.minor,
        discount=quote.discount.minor,
        shipping=quote.shipping.minor,
        tax=quote.tax.minor,
        total=quote.total.minor,
        tax_included=quote.tax_included,
        email=session.buyer["email"],
        buyer=session.buyer,
        destination=session.destination,
        shipping_option={
            "id": option.id,
            "title": option.title,
            "carrier": option.carrier,
            "price": option.price.minor,
            "earliest": option.earliest.isoformat(),
            "latest": option.latest.isoformat(),
        },
        payment=Payment(provider),
        placed_at=at,
        pay_by=pay_by,
        quote=quote.to_dict(),
        usage=offer.usage,
        group_buy=offer.group_buy,
    )


def with_order(session: CheckoutSession, order: Order, key: str) -> CheckoutSession:
    """The session once the order is placed from it."""
    return replace(
        session,
        order_id=order.id,
        placement_key=key,
        attempt=session.attempt + 1,
        expires_at=expiry_at(order.placed_at, PLACED_SESSION_RETENTION),
        version=session.version + 1,
    )
