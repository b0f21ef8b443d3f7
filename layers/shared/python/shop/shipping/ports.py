"""What shipping needs from the world."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shop.kernel.events import Event
from shop.kernel.paging import Page
from shop.shipping.model.editions import Edition
from shop.shipping.model.options import Consignment, Place, ShippingOption
from shop.shipping.model.table import ShippingTable


class ShippingTables(Protocol):
    """The table in force, kept in memory: the same object until it changes."""

    def table(self, at: datetime) -> ShippingTable:
        """The table, at most five seconds older than the last change; mostly without a read."""


class ShippingBook(Protocol):
    """Where staff keep the table, with all it has been."""

    def now(self) -> Edition:
        """The edition in force; the bundled one where none was ever written."""

    def of(self, version: int) -> Edition:
        """The edition of that version. Raises NotFound."""

    def past(self, *, cursor: str | None, limit: int) -> Page[Edition]:
        """The editions, newest first."""

    def save(self, edition: Edition, events: Sequence[Event]) -> Edition:
        """Write the next edition and put it in force. Raises Stale where it is not the next."""


class RateProvider(Protocol):
    """A carrier or broker who knows prices of its own, asked beside the table."""

    def options(
        self, goods: Consignment, destination: Place, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """What it offers; nothing where it does not deliver. Raises Unavailable."""
