"""What shipping needs from the world."""

from datetime import datetime
from typing import Protocol

from shop.shipping.model import Consignment, Place, ShippingOption, ShippingTable


class ShippingTables(Protocol):
    """Where the shop keeps its zones, methods and rates."""

    def table(self, at: datetime) -> ShippingTable:
        """The table in force; the same object until it changes."""

    def save(self, before: ShippingTable | None, after: ShippingTable) -> ShippingTable:
        """Write another table. Raises Stale where it changed since it was read."""


class RateProvider(Protocol):
    """A carrier or broker who knows prices of its own, asked beside the table."""

    def options(
        self, goods: Consignment, destination: Place, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """What it offers; nothing where it does not deliver. Raises Unavailable."""
