"""Cache of stock levels for product pages, which all requests of a process share."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Protocol

from shop.inventory.model import USAGE_LOCATION, StockLevel
from shop.inventory.store.rows import tables_in
from shop.inventory.store.stock import DynamoStockRepository

LEVEL_CACHE_SECONDS = 2.0
"""The maximum age of a cached level, besides the delay of an eventually consistent read. A
thousand processes then read the hottest SKU 500 times per second, a twelfth of what one DynamoDB
partition serves."""
MAX_CACHED_SKUS = 5_000


class LevelReader(Protocol):
    """The part of :class:`~shop.inventory.ports.StockRepository` that is cached."""

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]: ...


class LevelCache:
    """The levels of a repository, cached for two seconds by default.

    The cache is for display. A checkout bypasses it (``bypass_cache``), so that it does not report
    outdated numbers; its reservation is conditional in any case.
    """

    def __init__(
        self,
        stock: LevelReader,
        *,
        fresh_for: float = LEVEL_CACHE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stock = stock
        self._fresh_for = fresh_for
        self._clock = clock
        self._cached: dict[str, tuple[float, StockLevel]] = {}

    def levels(
        self, skus: Iterable[str], *, bypass_cache: bool = False
    ) -> Mapping[str, StockLevel]:
        """Return the level of every requested SKU; ``bypass_cache`` reads all of them again."""
        requested = list(dict.fromkeys(skus))
        now = self._clock()
        stale = [sku for sku in requested if bypass_cache or not self._is_fresh(sku, now)]
        if stale:
            for sku, level in self._stock.levels(stale).items():
                # Insert at the end, so that the first entries are the oldest ones.
                self._cached.pop(sku, None)
                self._cached[sku] = (now, level)
        levels = {sku: self._cached[sku][1] for sku in requested}
        while len(self._cached) > MAX_CACHED_SKUS:
            del self._cached[next(iter(self._cached))]
        return levels

    def _is_fresh(self, sku: str, now: float) -> bool:
        return sku in self._cached and now - self._cached[sku][0] < self._fresh_for

    def clear(self) -> None:
        """Remove all levels."""
        self._cached.clear()


@lru_cache(maxsize=1)
def level_cache() -> LevelCache:
    """Return the stock levels that all pages of this process share."""
    return LevelCache(DynamoStockRepository())


@lru_cache(maxsize=1)
def counter_shards() -> DynamoStockRepository:
    """Return the sharded usage counters of this process.

    They are stored like stock, but in the pricing table: in a traffic peak every order writes one
    shard of stock and one of a counter, and each table has partitions of its own.
    """
    return DynamoStockRepository((USAGE_LOCATION,), tables=tables_in(os.environ["TABLE_PRICING"]))


@lru_cache(maxsize=1)
def counter_level_cache() -> LevelCache:
    """Return the remaining uses of the sharded counters that this process shares."""
    return LevelCache(counter_shards())
