"""Cache of the current shipping table in the memory of a warm Lambda.

Every three seconds a Lambda reads the current version number, an item of a few bytes. It reads the
table only if that number changed. So a change applies everywhere within five seconds, and most
requests read nothing, however large the table is.
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
"""Time after which the version of the cached table is checked again."""


class ShippingTableCache:
    """See :class:`shop.shipping.ports.ShippingTableSource`."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Empty the cache, as after a cold start."""
        self._current: ShippingTableVersion = BUNDLED_VERSION
        self._checked_at: datetime | None = None

    def table(self, at: datetime) -> ShippingTable:
        if self._checked_at is None or not timedelta(0) <= at - self._checked_at < TABLE_CACHE_TTL:
            # Eventually consistent, at half the price: an outdated number is corrected at the next
            # check.
            version = current_version(consistent=False)
            if version != self._current.version:
                # Consistent, because the item of this version may be only milliseconds old.
                row = ShippingRow.get(SHIPPING, version_key(version), consistent_read=True)
                self._current = version_from_row(row)
            self._checked_at = at
        return self._current.table


@lru_cache(maxsize=1)
def shipping_table_cache() -> ShippingTableCache:
    """Return the cache of this process."""
    return ShippingTableCache()
