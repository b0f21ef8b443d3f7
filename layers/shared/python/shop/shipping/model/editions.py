"""The shipping table as staff keep it: each version whole, none ever rewritten."""

from datetime import UTC, datetime

from shop.kernel.frozen import frozen
from shop.shipping.model.standard import STANDARD
from shop.shipping.model.table import ShippingTable


@frozen(slots=False)
class Edition:
    """A table, the version it is, and who put it in force when and why.

    Version 0 is the table that the shop comes with, which nobody wrote.
    """

    version: int
    table: ShippingTable
    at: datetime
    who: str = ""
    why: str = ""


BUNDLED = Edition(0, STANDARD, datetime(2026, 11, 1, tzinfo=UTC), "shop")
