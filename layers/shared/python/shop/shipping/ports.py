"""What shipping needs from the world."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shop.kernel.events import Event
from shop.kernel.pagination import Page
from shop.places.model.destination import Destination
from shop.shipping.model.options import Consignment, ShippingOption
from shop.shipping.model.rate_table import ShippingTable
from shop.shipping.model.table_versions import ShippingTableVersion


class ShippingTableSource(Protocol):
    """The table in force, kept in memory: the same object until it changes."""

    def table(self, at: datetime) -> ShippingTable:
        """The table, at most five seconds older than the last change; mostly without a read."""


class ShippingTableRepository(Protocol):
    """Where staff keep the table, with all it has been."""

    def get_current(self) -> ShippingTableVersion:
        """The edition in force; the bundled one where none was ever written."""

    def get(self, version: int) -> ShippingTableVersion:
        """The edition of that version. Raises NotFound."""

    def list_versions(self, *, cursor: str | None, limit: int) -> Page[ShippingTableVersion]:
        """The editions, newest first."""

    def save(self, edition: ShippingTableVersion, events: Sequence[Event]) -> ShippingTableVersion:
        """Write the next edition and put it in force. Raises Stale where it is not the next."""


class RateProvider(Protocol):
    """A carrier or broker who knows prices of its own, asked beside the table."""

    def options(
        self, goods: Consignment, destination: Destination, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """What it offers; nothing where it does not deliver. Raises Unavailable."""
