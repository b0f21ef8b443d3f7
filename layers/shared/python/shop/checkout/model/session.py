"""A checkout session: its content, the fields it still misses, and its status."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shop.cart.model import CartLine, Message, hinted_place
from shop.checkout.model.messages import (
    GOODS_UNDELIVERABLE,
    ITEM_UNAVAILABLE,
    address_undeliverable_message,
    goods_undeliverable_message,
    missing_message,
    no_longer_sold_message,
    not_placed_message,
    order_pending_message,
    payment_being_confirmed_message,
    payment_challenge_message,
    payment_failed_message,
    payment_unanswered_message,
)
from shop.checkout.model.offer import Offer
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.errors import Conflict, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.text_folding import is_blank
from shop.orders.model import Order, OrderStatus
from shop.payments.model import PaymentStatus
from shop.places.model.destination import StatedPlace
from shop.shipping.model import Undeliverable

SESSION_TTL = timedelta(hours=6)
"""Life of a session after its last change. Source: UCP's default."""

COUNTRIES_WITH_POSTCODES = frozenset(
    """US CA GB DE FR IT ES NL BE AT PL SE DK FI
    NO CH CN JP KR AU BR IN MX PT CZ""".split()
)

REQUIRED_ADDRESS_FIELDS = {
    "street_address": "Enter the street address to deliver to.",
    "address_locality": "Enter the city to deliver to.",
    "address_country": "Enter the country to deliver to.",
}
_POSTAL_CODE_TEXT = "Enter the postal code to deliver to."
_METHOD_PATH = "$.fulfillment.methods[0]"
ADDRESS_PATH = f"{_METHOD_PATH}.destinations[0]"


class CheckoutStatus(StrEnum):
    """UCP's checkout status."""

    INCOMPLETE = "incomplete"
    REQUIRES_ESCALATION = "requires_escalation"
    READY = "ready_for_complete"
    IN_PROGRESS = "complete_in_progress"
    COMPLETED = "completed"
    CANCELED = "canceled"


@frozen(slots=False)
class CheckoutSession:
    """A checkout from its first line to the order.

    - ``order_id`` is the order placed last from this session, unless the session changed after it.
    - ``attempt`` numbers the next order. The order id is derived from it, so that a retry finds
      the order of its first attempt.
    - ``country``, ``region`` and ``postal_code`` are hints that apply before there is an address.
    - ``cart_digests`` are digests of the parts of the cart as this checkout took them, by name.
      They show which parts the buyer has changed since.
    - ``has_guest_offer`` is whether a customer claimed the session after its offer was made: the
      offer has a guest's prices, and is renewed before it is shown or bought.
    """

    id: str
    owner: str
    lines: tuple[CartLine, ...]
    offer: Offer
    created_at: datetime
    expires_at: datetime
    buyer: Buyer = field(default_factory=Buyer)
    destination: PostalAddress | None = None
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    attribution: Mapping[str, Any] = field(default_factory=dict)
    cart_id: str | None = None
    cart_digests: Mapping[str, str] = field(default_factory=dict)
    channel: str = "web"
    codes: tuple[str, ...] = ()
    canceled: bool = False
    attempt: int = 1
    order_id: str | None = None
    has_guest_offer: bool = False
    version: int = 1

    @property
    def next_order_id(self) -> str:
        """Return the id of the next order that is placed from this session."""
        return derived_id("ord", self.id, str(self.attempt))

    @property
    def has_placed_order(self) -> bool:
        """Whether an order was ever placed from this session, also a cancelled one."""
        return self.attempt > 1

    def missing_messages(self) -> tuple[Message, ...]:
        """Return a message for every obstacle to completing, each with its path."""
        return (*self._missing_buyer(), *self._missing_delivery(), *self.offer.messages)

    def _missing_buyer(self) -> tuple[Message, ...]:
        if self.buyer.email:
            return ()
        text = "Enter an email address for the order confirmation."
        return (missing_message("$.buyer.email", text),)

    def _missing_delivery(self) -> tuple[Message, ...]:
        """Return the first obstacle only: address, its fields, shipping options, the choice."""
        if self.destination is None:
            return (missing_message(f"{_METHOD_PATH}.destinations", "Enter a shipping address."),)
        path = ADDRESS_PATH
        required = dict(REQUIRED_ADDRESS_FIELDS)
        if self.destination.address_country in COUNTRIES_WITH_POSTCODES:
            required["postal_code"] = _POSTAL_CODE_TEXT
        present = self.destination.to_dict()
        if missing := [name for name in required if is_blank(present.get(name, ""))]:
            return tuple(missing_message(f"{path}.{name}", required[name]) for name in missing)
        if not self.offer.options and self.offer.undeliverable == Undeliverable.UNLOCATED:
            return ()  # a message of the offer names the field of the address
        if not self.offer.options:
            reason = self.offer.undeliverable
            if reason in GOODS_UNDELIVERABLE:
                return (goods_undeliverable_message(reason),)
            return (address_undeliverable_message(path, self.destination.address_country),)
        if self.offer.option is None:
            option_path = f"{_METHOD_PATH}.groups[0].selected_option_id"
            return (missing_message(option_path, "Choose a shipping option."),)
        return ()

    @property
    def ready(self) -> bool:
        """Return whether the session can be completed."""
        return not any(message.type == "error" for message in self.missing_messages())

    def raise_unless_owned_by(self, owner: str) -> None:
        """Raise VersionConflict if a guest's payment has failed after this session was read.

        The session is open again, so the next read claims it.
        """
        if self.owner != owner:
            raise VersionConflict("The checkout has changed. Read it again and retry.")

    def raise_if_closed(self) -> None:
        """Raise Conflict (``checkout_canceled``) for a canceled session."""
        if self.canceled:
            raise Conflict(
                "This checkout was canceled. Create a new one.", code="checkout_canceled"
            )


def status_of(session: CheckoutSession, order: Order | None) -> CheckoutStatus:
    """Return the status of a session; an order that was placed from it decides."""
    if session.canceled:
        return CheckoutStatus.CANCELED
    if order is None:
        return CheckoutStatus.READY if session.ready else CheckoutStatus.INCOMPLETE
    # An order that was ever confirmed completes its checkout, even if it is cancelled later.
    if order.was_confirmed:
        return CheckoutStatus.COMPLETED
    if order.status is OrderStatus.CANCELLED:
        return CheckoutStatus.INCOMPLETE
    if order.payment.status is PaymentStatus.REQUIRES_ACTION:
        return CheckoutStatus.REQUIRES_ESCALATION
    return CheckoutStatus.IN_PROGRESS


def session_messages(session: CheckoutSession, order: Order | None) -> tuple[Message, ...]:
    """Return the messages about a session and about the payment of its order."""
    if session.canceled or (order is not None and order.was_confirmed):
        return ()
    if order is None:
        return session.missing_messages()
    if order.status is OrderStatus.PLACING:
        return (order_pending_message(),)
    if order.never_placed:
        return (not_placed_message(order.cancel_reason or ""), *session.missing_messages())
    if order.cancel_reason == ITEM_UNAVAILABLE:
        return (no_longer_sold_message(()),)
    if order.status is OrderStatus.CANCELLED:
        reason = order.payment.reason or order.cancel_reason or "payment_failed"
        return (payment_failed_message(reason),)
    if order.payment.status is PaymentStatus.REQUIRES_ACTION:
        return (payment_challenge_message(),)
    if order.payment.status is PaymentStatus.CREATED:
        return (payment_unanswered_message(),)
    return (payment_being_confirmed_message(),)


def stated_place(
    address: PostalAddress | None,
    country: str | None = None,
    region: str | None = None,
    postal_code: str | None = None,
) -> StatedPlace:
    """Return the place that tax and shipping use: the address, else the location hints."""
    if address is not None and address.address_country:
        return StatedPlace(
            address.address_country,
            address.address_region,
            address.address_locality,
            address.postal_code,
        )
    return hinted_place(country, region, postal_code)


def with_codes(address: PostalAddress) -> PostalAddress:
    """Return an address with the codes of its country and region; other texts stay as they are."""
    place = stated_place(address).with_codes()
    if place.is_hint:
        return address  # an address without a country
    return replace(address, address_country=place.country, address_region=place.region)
