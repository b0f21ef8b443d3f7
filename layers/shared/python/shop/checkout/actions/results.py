"""Input and result of the checkout use cases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from shop.cart.model import LineInput, Message
from shop.checkout.model import CheckoutSession, CheckoutStatus, status_of
from shop.credits.model.payment_split import CreditInstrument
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.frozen import frozen
from shop.orders.model import Order, OrderStatus
from shop.payments.model import Credential

UNPAID_STATUSES = (OrderStatus.PLACING, OrderStatus.PLACED)
"""Statuses of an order whose payment is not certain yet. The checkout is locked meanwhile."""


@frozen(slots=False)
class CheckoutInput:
    """The content that a client wants a checkout to have.

    Without ``lines`` the checkout takes the lines of the cart ``cart_id``. ``option_id`` is the
    shipping option that the client selected, if any.
    """

    lines: Sequence[LineInput] | None
    buyer: Buyer = field(default_factory=Buyer)
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    destination: PostalAddress | None = None
    option_id: str | None = None
    attribution: Mapping[str, Any] = field(default_factory=dict)
    cart_id: str | None = None
    codes: tuple[str, ...] | None = None
    """Discount codes that replace the current ones; ``None`` keeps these."""
    currency: str | None = None
    """Currency for prices; ``None`` keeps that of the checkout; a new one uses its products'."""
    channel: str = "web"


@frozen(slots=False)
class PaymentInput:
    """The instruments that a buyer pays with: credits in their order, then one for the rest.

    ``credential`` belongs to the last instrument, unless that is a credit. ``amount`` is the sum
    that the platform wants it to pay, in minor units. ``ids`` are the instruments' ids as sent.
    """

    credential: Credential | None
    credits: tuple[CreditInstrument, ...] = ()
    ids: tuple[str, ...] = ()
    amount: int | None = None


@frozen(slots=False)
class CompletionBlocked:
    """The reason to hold back a checkout that is ready, and a page for its buyer."""

    message: Message
    continue_url: str


CompletionGuard = Callable[[CheckoutSession], CompletionBlocked | None]
"""Decides, before anything is written, whether a checkout that is ready may be completed now."""


@frozen(slots=False)
class CheckoutResult:
    """A session, the order placed from it, and messages of this response alone."""

    session: CheckoutSession
    order: Order | None = None
    extra_messages: tuple[Message, ...] = ()
    continue_url: str | None = None
    """Page for the buyer of a checkout whose completion is blocked."""

    @property
    def status(self) -> CheckoutStatus:
        """Return the session's status, corrected by the messages of this response."""
        status = status_of(self.session, self.order)
        if status is not CheckoutStatus.READY:
            return status
        if self.continue_url is not None:
            return CheckoutStatus.REQUIRES_ESCALATION
        has_error = any(message.type == "error" for message in self.extra_messages)
        return CheckoutStatus.INCOMPLETE if has_error else status
