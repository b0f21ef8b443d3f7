"""The shipping table as staff keep it: each version whole, none ever rewritten."""

from datetime import UTC, datetime

from shop.kernel.frozen import frozen
from shop.shipping.model.default_table import DEFAULT_TABLE
from shop.shipping.model.rate_table import ShippingTable


@frozen(slots=False)
class ShippingTableVersion:
    """A table, the version it is, and who put it in force when and why.

    Version 0 is the table that the shop comes with, which nobody wrote.
    """

    version: int
    table: ShippingTable
    at: datetime
    actor: str = ""
    reason: str = ""


BUNDLED_VERSION = ShippingTableVersion(0, DEFAULT_TABLE, datetime(2026, 11, 1, tzinfo=UTC), "shop")
