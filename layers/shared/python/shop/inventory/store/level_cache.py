"""Levels as product pages show them: a little old, and read once for all who look."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Protocol

from shop.inventory.model import USAGE_LOCATION, StockLevel
from shop.inventory.store.rows import tables_in
from shop.inventory.store.stock import DynamoStockRepository

LEVEL_CACHE_SECONDS = 2.0
"""Seconds for which a process shows what it read: a page is this much behind at most, plus the
moment that an eventually consistent read may be. A thousand processes then read the hottest
article 500 times a second, a twelfth of what one partition of DynamoDB serves."""
MAX_CACHED_SKUS = 5_000


class LevelReader(Protocol):
    """The part of the stock book that is read here."""

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]: ...


class LevelCache:
    """The levels of another stock book, remembered for a moment. For showing, never for buying:
    the checkout promises nothing by what it read either, but it should not tell old news."""

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
        self._read: dict[str, tuple[float, StockLevel]] = {}

    def levels(
        self, skus: Iterable[str], *, bypass_cache: bool = False
    ) -> Mapping[str, StockLevel]:
        """``anew``: what is remembered is too old for this."""
        requested_ids = list(dict.fromkeys(skus))
        now = self._clock()
        old = [sku for sku in requested_ids if bypass_cache or not self._fresh(sku, now)]
        if old:
            for sku, level in self._stock.levels(old).items():
                self._read.pop(sku, None)  # to the end, so that what is oldest goes first
                self._read[sku] = (now, level)
        answer = {sku: self._read[sku][1] for sku in requested_ids}
        while len(self._read) > MAX_CACHED_SKUS:
            del self._read[next(iter(self._read))]
        return answer

    def _fresh(self, sku: str, now: float) -> bool:
        return sku in self._read and now - self._read[sku][0] < self._fresh_for

    def clear(self) -> None:
        """Read everything anew."""
        self._read.clear()


@lru_cache(maxsize=1)
def level_cache() -> LevelCache:
    """What this process shows, one memory for all its pages."""
    return LevelCache(DynamoStockRepository())


@lru_cache(maxsize=1)
def counter_shards() -> DynamoStockRepository:
    """The bins of counts that are kept like stock, one memory for all who take and look. They are
    in pricing's table: a rush writes a bin of stock and one of uses, and each table has its own
    partitions."""
    return DynamoStockRepository((USAGE_LOCATION,), books=tables_in(os.environ["TABLE_PRICING"]))


@lru_cache(maxsize=1)
def counter_level_cache() -> LevelCache:
    """What is left in them, as this process shows it."""
    return LevelCache(counter_shards())
