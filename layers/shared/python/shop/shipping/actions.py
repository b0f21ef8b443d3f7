"""Use cases of shipping: price the shipping options of goods, and replace the shipping table."""

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
    """A source that always returns the default table, for tests and benchmarks."""

    def table(self, at: datetime) -> ShippingTable:
        return DEFAULT_TABLE


def shipping_options(
    goods: Consignment,
    destination: Destination,
    *,
    table: ShippingTable = DEFAULT_TABLE,
    at: datetime,
) -> tuple[ShippingOption, ...]:
    """Return the shipping options, cheapest first; none if the shop cannot deliver.

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
    """Replace the shipping table at once; earlier versions stay stored.

    Raises VersionConflict if the current version is not ``expected_version``.
    """
    current = repository.get_current()
    # An early check with a clear message; the write checks again, for a change in between.
    check_version("the shipping table", current.version, expected_version)
    new = ShippingTableVersion(current.version + 1, table, at, actor, reason)
    event = Event(
        id=f"shipping:{new.version}",
        type="ShippingTableChanged",
        subject="shipping",
        at=at,
        data={"version": new.version, "zones": len(table.zones), "methods": len(table.methods)},
    )
    return repository.save(new, [event])
