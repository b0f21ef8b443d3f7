"""What buying takes, and what is paid with."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shop.cart.actions import Shelf
from shop.checkout.ports import Sessions
from shop.inventory.ports import Holds
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import Keys
from shop.kernel.transactions import Ledger
from shop.orders.ports import Orders
from shop.payments.model import Credential
from shop.payments.ports import PaymentProvider
from shop.pricing.actions.credits import Instrument
from shop.pricing.ports import Guesses, Ledgers, Tallies


@frozen(slots=False)
class Till:
    """Everything that buying takes. ``placing`` is where orders are written: it does not insist on
    rows that are crowded, since others can be drawn."""

    sessions: Sessions
    orders: Orders
    stock: Holds[Any]
    tallies: Tallies
    keys: Keys
    ledger: Ledger
    placing: Ledger
    provider: PaymentProvider
    shelf: Shelf
    ledgers: Ledgers
    guesses: Guesses
    payment_window: timedelta

    def towards(self, destination: Mapping[str, Any] | None) -> "Till":
        """This till for goods that go to this address: not every location ships everywhere."""
        country = destination.get("address_country") if destination else None
        return replace(self, stock=self.stock.towards(country))


@frozen(slots=False)
class Tender:
    """What the buyer pays with: credits first, in their order, and the rest in money.

    ``amount`` is what the platform wants to be paid in money, if it said; ``ids`` are the
    instruments' own, credits first.
    """

    credential: Credential | None
    credits: tuple[Instrument, ...] = ()
    ids: tuple[str, ...] = ()
    amount: int | None = None
