"""Dependencies of completing a checkout, and the request that its steps share."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shop.cart.actions import PricingContext
from shop.checkout.actions.results import CheckoutResult, CompletionGuard, PaymentInput
from shop.checkout.model import stated_place
from shop.checkout.ports import CheckoutSessionRepository
from shop.credits.ports import CodeAttemptLimiter, CreditAccountRepository
from shop.kernel.contacts import PostalAddress
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest
from shop.kernel.unit_of_work import UnitOfWork
from shop.orders.actions.order_writes import OrderWrites
from shop.payments.ports import PaymentProvider
from shop.pricing.ports import UsageCounters


@frozen(slots=False)
class PlacementWrites(OrderWrites):
    """Order writes that can also place an order: they consume usage and not only release it.

    ``placement_uow`` does not retry throttled rows. Placing picks other shards instead, because a
    hot partition stays hot while others may be idle.
    """

    usage: UsageCounters
    placement_uow: UnitOfWork


@frozen(slots=False)
class CheckoutDependencies:
    """The ports that completing a checkout uses."""

    sessions: CheckoutSessionRepository
    writes: PlacementWrites
    idempotency: IdempotencyStore
    provider: PaymentProvider
    pricing: PricingContext
    credit_accounts: CreditAccountRepository
    code_attempts: CodeAttemptLimiter
    payment_window: timedelta
    """Time from placing an order until it expires unpaid."""

    def for_destination(self, address: PostalAddress | None) -> "CheckoutDependencies":
        """Return these dependencies with the stock of the locations that ship to an address."""
        destination = stated_place(address).destination
        stock = self.writes.stock.for_destination(destination.country if destination else None)
        return replace(self, writes=replace(self.writes, stock=stock))


@frozen(slots=False)
class Completion:
    """One request to complete a checkout, with everything that its steps need."""

    request: IdempotentRequest
    payment: PaymentInput
    deps: CheckoutDependencies
    render: Callable[[CheckoutResult], Mapping[str, Any]]
    guard: CompletionGuard
    rate_limit_subject: str

    @property
    def at(self) -> datetime:
        """Return the instant at which the request was received."""
        return self.request.at

    def for_destination(self, address: PostalAddress | None) -> "Completion":
        """Return this request with the stock of the locations that ship to an address."""
        return replace(self, deps=self.deps.for_destination(address))
