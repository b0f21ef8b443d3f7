"""What is done with shipping: offer the ways a basket can travel, change what they cost."""

from datetime import datetime

from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.places.model.destination import Destination
from shop.shipping.model.default_table import DEFAULT_TABLE
from shop.shipping.model.options import Consignment, ShippingOption
from shop.shipping.model.rate_table import ShippingTable
from shop.shipping.model.table_versions import ShippingTableVersion
from shop.shipping.ports import ShippingTableRepository


class DefaultShippingTables:
    """The table that the shop comes with, for whoever keeps no other."""

    def table(self, at: datetime) -> ShippingTable:
        return DEFAULT_TABLE


def shipping_options(
    goods: Consignment,
    destination: Destination,
    *,
    table: ShippingTable = DEFAULT_TABLE,
    at: datetime,
) -> tuple[ShippingOption, ...]:
    """The ways these goods can get there, cheapest first; an empty tuple where the shop cannot
    deliver.

    Raises :class:`shop.kernel.errors.InvalidRequest` for a quantity below 1 or a negative measure.
    """
    return table.options(goods, destination, at)


def set_shipping_table(
    table: ShippingTable,
    *,
    expected_version: int,
    actor: str,
    reason: str = "",
    repository: ShippingTableRepository,
    at: datetime,
) -> ShippingTableVersion:
    """Put another table in force, at once; what was before is kept for good.

    Raises Stale where somebody else changed it since ``expected_version``.
    """
    before = repository.get_current()
    check_version("the shipping table", before.version, expected_version)
    after = ShippingTableVersion(before.version + 1, table, at, actor, reason)
    event = Event(
        id=f"shipping:{after.version}",
        type="ShippingTableChanged",
        subject="shipping",
        at=at,
        data={"version": after.version, "zones": len(table.zones), "methods": len(table.methods)},
    )
    return repository.save(after, [event])
