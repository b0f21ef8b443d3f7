"""What buying takes, and what is paid with."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shop.cart.actions import PricingContext
from shop.checkout.ports import CheckoutSessionRepository
from shop.inventory.ports import StockReservations
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore
from shop.kernel.unit_of_work import UnitOfWork
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.ports import OrderRepository
from shop.payments.model import Credential
from shop.payments.ports import PaymentProvider
from shop.pricing.actions.credits import CreditInstrument
from shop.pricing.ports import CodeAttemptLimiter, CreditAccountRepository, UsageCounters


@frozen(slots=False)
class CheckoutDependencies:
    """Everything that buying takes. ``placing`` is where orders are written: it does not insist on
    rows that are crowded, since others can be drawn."""

    sessions: CheckoutSessionRepository
    orders: OrderRepository
    stock: StockReservations[Any]
    usage: UsageCounters
    idempotency: IdempotencyStore
    uow: UnitOfWork
    placing: UnitOfWork
    provider: PaymentProvider
    pricing: PricingContext
    credit_accounts: CreditAccountRepository
    code_attempts: CodeAttemptLimiter
    payment_window: timedelta

    @property
    def order_writes(self) -> OrderWrites:
        """The repositories that a use case of the order takes."""
        return OrderWrites(orders=self.orders, stock=self.stock, usage=self.usage, uow=self.uow)

    def for_destination(self, destination: Mapping[str, Any] | None) -> "CheckoutDependencies":
        """This till for goods that go to this address: not every location ships everywhere."""
        country = destination.get("address_country") if destination else None
        return replace(self, stock=self.stock.for_destination(country))


@frozen(slots=False)
class PaymentInput:
    """What the buyer pays with: credits first, in their order, and the rest in money.

    ``amount`` is what the platform wants to be paid in money, if it said; ``ids`` are the
    instruments' own, credits first.
    """

    credential: Credential | None
    credits: tuple[CreditInstrument, ...] = ()
    ids: tuple[str, ...] = ()
    amount: int | None = None
