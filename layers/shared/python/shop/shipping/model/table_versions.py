"""Versions of the shipping table: each is stored whole and never rewritten."""

from datetime import UTC, datetime

from shop.kernel.frozen import frozen
from shop.shipping.model.default_table import DEFAULT_TABLE
from shop.shipping.model.rate_table import ShippingTable


@frozen(slots=False)
class ShippingTableVersion:
    """A table with its version number, and the actor, time and reason of the change.

    Version 0 is the default table of the shop.
    """

    version: int
    table: ShippingTable
    at: datetime
    actor: str = ""
    reason: str = ""


BUNDLED_VERSION = ShippingTableVersion(0, DEFAULT_TABLE, datetime(2026, 11, 1, tzinfo=UTC), "shop")
