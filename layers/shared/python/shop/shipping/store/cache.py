"""The table in force, in the memory of warm Lambdas.

As with the rule book of prices, a request reads nothing of it: once in three seconds a Lambda reads
a row of a few bytes, and the table itself only when that has changed. So a change is in force
everywhere within five seconds, and the table may be as large as an item.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from shop.shipping.model.rate_table import ShippingTable
from shop.shipping.model.table_versions import BUNDLED_VERSION, ShippingTableVersion
from shop.shipping.store.rows import (
    SHIPPING,
    ShippingRow,
    current_version,
    version_from_row,
    version_key,
)

TABLE_CACHE_TTL = timedelta(seconds=3)
"""How long a Lambda ships by what it knows before it asks whether there is something newer."""


class ShippingTableCache:
    """See :class:`shop.shipping.ports.ShippingTableSource`."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a cold start."""
        self._edition: ShippingTableVersion = BUNDLED_VERSION
        self._asked: datetime | None = None

    def table(self, at: datetime) -> ShippingTable:
        if self._asked is None or not timedelta(0) <= at - self._asked < TABLE_CACHE_TTL:
            version = current_version(consistent=False)
            if version != self._edition.version:
                # Consistent: the version that was seen must not be older than the edition.
                row = ShippingRow.get(SHIPPING, version_key(version), consistent_read=True)
                self._edition = version_from_row(row)
            self._asked = at
        return self._edition.table


@lru_cache(maxsize=1)
def shipping_table_cache() -> ShippingTableCache:
    """The table as this process knows it."""
    return ShippingTableCache()
