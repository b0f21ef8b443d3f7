"""The list of all stock: an entry for each SKU at each location that ever held it.

The transaction that creates a level writes its entry. A level is created once, so sales write
nothing here.
"""

import re

from shop.inventory.store.movements import page_of
from shop.inventory.store.rows import StockListRow
from shop.kernel.pagination import Page, decode_name_cursor

_SKU = re.compile(r".{1,128}", re.DOTALL)
_FIRST, _LAST = "\x00", "\U0010ffff"
"""Sort before and after every character of a SKU."""


class DynamoStockList:
    """See :class:`shop.inventory.ports.StockList`."""

    def list_skus(self, location: str, *, prefix: str, cursor: str | None, limit: int) -> Page[str]:
        after = decode_name_cursor(cursor, _SKU)
        first = prefix if after is None else max(prefix, f"{after}{_FIRST}")
        last = f"{prefix}{_LAST}"
        # DynamoDB rejects a range that ends before it begins, and an empty key.
        if first > last:
            return Page(())
        rows = StockListRow.query(
            f"STOCK_LIST#{location}",
            StockListRow.sk.between(first or _FIRST, last),
            limit=limit + 1,
        )
        return page_of(list(rows), limit, lambda row: str(row.sk))
