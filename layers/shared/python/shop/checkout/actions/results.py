"""What is asked of a checkout, and how it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from shop.cart.model import Message
from shop.checkout.model import CheckoutSession, CheckoutStatus, status_of
from shop.kernel.frozen import frozen
from shop.orders.model import Order
from shop.orders.model import OrderStatus as OrderStatus

UNPAID_STATUSES = (OrderStatus.PLACING, OrderStatus.PLACED)
"""Where an order stands whose money is still being asked for."""


@frozen(slots=False)
class CheckoutInput:
    """What somebody asks a checkout to be. ``None`` lines mean: those of the cart.

    ``destination`` is a UCP postal address; ``option_id`` the way of shipping chosen, if any.
    """

    lines: Sequence[tuple[str | None, str, int]] | None
    buyer: Mapping[str, Any] = field(default_factory=dict)
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    destination: Mapping[str, Any] | None = None
    option_id: str | None = None
    attribution: Mapping[str, Any] = field(default_factory=dict)
    cart_id: str | None = None
    codes: tuple[str, ...] | None = None
    """Discount codes in place of those before; ``None`` leaves them."""
    currency: str | None = None
    """What prices are asked in; ``None``: as before, or as the goods are priced."""
    channel: str = "web"


@frozen(slots=False)
class CompletionBlocked:
    """Why a checkout that lacks nothing may not be bought yet, and where its buyer goes first."""

    message: Message
    continue_url: str


CompletionGuard = Callable[[CheckoutSession], CompletionBlocked | None]
"""Whether a checkout that is ready has to wait before it is bought. Asked before anything is
written; may refuse."""


@frozen(slots=False)
class CheckoutResult:
    """A session with the order placed from it, if any, and what only this answer has to say."""

    session: CheckoutSession
    order: Order | None = None
    also: tuple[Message, ...] = ()
    continue_url: str | None = None
    """Where the buyer of a checkout that is held goes first."""

    @property
    def phase(self) -> CheckoutStatus:
        phase = status_of(self.session, self.order)
        if self.continue_url is not None and phase is CheckoutStatus.READY:
            return CheckoutStatus.REQUIRES_ESCALATION
        hindered = any(message.type == "error" for message in self.also)
        return CheckoutStatus.INCOMPLETE if phase is CheckoutStatus.READY and hindered else phase
