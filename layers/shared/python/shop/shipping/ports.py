"""Ports of shipping: the table in use, its repository, and external rate providers."""

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
    """The current table, cached in memory: the same object until it changes."""

    def table(self, at: datetime) -> ShippingTable:
        """Return the table, at most five seconds old; most calls read no database."""


class ShippingTableRepository(Protocol):
    """The stored versions of the shipping table."""

    def get_current(self) -> ShippingTableVersion:
        """Return the current version; the default table if none was ever written."""

    def get(self, version: int) -> ShippingTableVersion:
        """Return one version. Raises NotFound."""

    def list_versions(self, *, cursor: str | None, limit: int) -> Page[ShippingTableVersion]:
        """List the versions, newest first."""

    def save(self, new: ShippingTableVersion, events: Sequence[Event]) -> ShippingTableVersion:
        """Store the next version and make it current.

        Raises VersionConflict if another change used the version number first, and Conflict
        (``too_large``).
        """


class RateProvider(Protocol):
    """A carrier or broker with its own prices, used in addition to the table."""

    def options(
        self, goods: Consignment, destination: Destination, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """Return its options; none if it does not deliver there. Raises Unavailable."""
