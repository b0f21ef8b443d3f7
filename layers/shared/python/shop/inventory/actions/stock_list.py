"""The list of all stock at a location, for staff."""

from enum import StrEnum

from shop.inventory.model import StockLevel
from shop.inventory.ports import StockList, StockRepository
from shop.kernel.pagination import Page, to_cursor

READ_SIZE = 100
"""Levels that one read returns."""
MAX_READS = 10
"""Reads of one request. Of a long list, the next page continues where they end."""


class StockFilter(StrEnum):
    """The levels that a list has."""

    LOW = "low"
    """At or below the threshold of their low-stock alert."""
    OUT = "out"
    """Without a unit that may be sold now."""


def list_stock(
    location: str,
    *,
    prefix: str,
    only: StockFilter | None,
    cursor: str | None,
    limit: int,
    entries: StockList,
    stock: StockRepository,
) -> Page[StockLevel]:
    """Return the levels of a location, sorted by SKU, without kits: they have no stock.

    A page of a filtered list may be short, or empty, although its cursor leads to more levels.
    """
    found: list[StockLevel] = []
    for _ in range(MAX_READS):
        size = READ_SIZE if only else min(limit, READ_SIZE)
        page = entries.list_skus(location, prefix=prefix, cursor=cursor, limit=size)
        levels = {
            level.sku: level
            for level in stock.get_levels_at([(sku, location) for sku in page.items])
        }
        for sku in page.items:
            if sku in levels and _is_listed(levels[sku], only):
                found.append(levels[sku])
            if len(found) == limit:
                is_last = page.cursor is None and sku == page.items[-1]
                return Page(tuple(found), None if is_last else to_cursor({"after": sku}))
        cursor = page.cursor
        if cursor is None:
            break
    return Page(tuple(found), cursor)


def _is_listed(level: StockLevel, only: StockFilter | None) -> bool:
    if level.parts:
        return False
    match only:
        case StockFilter.LOW:
            return level.is_low
        case StockFilter.OUT:
            return level.available <= 0
        case None:
            return True
