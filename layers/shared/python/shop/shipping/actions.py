"""What is done with shipping: offer the ways a basket can travel, change what they cost."""

from datetime import datetime

from shop.kernel.events import Event
from shop.kernel.versions import as_read
from shop.shipping.model.editions import Edition
from shop.shipping.model.options import Consignment, Place, ShippingOption
from shop.shipping.model.standard import STANDARD
from shop.shipping.model.table import ShippingTable
from shop.shipping.ports import ShippingBook


class Standard:
    """The table that the shop comes with, for whoever keeps no other."""

    def table(self, at: datetime) -> ShippingTable:
        return STANDARD


def options(
    goods: Consignment, destination: Place, *, table: ShippingTable = STANDARD, at: datetime
) -> tuple[ShippingOption, ...]:
    """The ways these goods can get there, cheapest first; an empty tuple where the shop cannot
    deliver.

    Raises :class:`shop.kernel.errors.Invalid` for a quantity below 1 or a negative measure.
    """
    return table.options(goods, destination, at)


def change_table(
    table: ShippingTable,
    *,
    expected_version: int,
    who: str,
    why: str = "",
    book: ShippingBook,
    at: datetime,
) -> Edition:
    """Put another table in force, at once; what was before is kept for good.

    Raises Stale where somebody else changed it since ``expected_version``.
    """
    before = book.now()
    as_read("the shipping table", before.version, expected_version)
    after = Edition(before.version + 1, table, at, who, why)
    event = Event(
        id=f"shipping:{after.version}",
        type="ShippingTableChanged",
        subject="shipping",
        at=at,
        data={"version": after.version, "zones": len(table.zones), "methods": len(table.methods)},
    )
    return book.save(after, [event])
