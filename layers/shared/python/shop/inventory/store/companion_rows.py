"""The rows that stock levels need beside their shards 0, as this process has met them.

A level may need a snapshot (split SKUs), an inbound shard (back-order terms), or the levels of
other SKUs (kits). Only its shard 0 says so, and reading them afterwards costs further calls. They
are few and change seldom. So a process remembers them, and from the second read on, one
``BatchGetItem`` reads them beside the shards 0.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from shop.inventory.model.shards import INBOUND_SHARD, StockShard
from shop.inventory.store.rows import ShardTables, shard_key, snapshot_key
from shop.storage.prefetch import ReadSet, prefetch

MAX_SKUS = 2_000
"""SKUs that are remembered. The oldest is forgotten first, and costs a call when met again."""

Key = tuple[str, str]


class CompanionRows:
    """Further rows by SKU and location. A wrong entry costs a read unit, or a call; never a count.

    Levels are computed from their shards 0 alone. Rows without a reader are dropped.
    """

    def __init__(self, tables: ShardTables) -> None:
        self._tables = tables
        self._snapshots: dict[Key, None] = {}
        self._inbound: dict[Key, None] = {}
        self._parts: dict[str, tuple[str, ...]] = {}

    def add_rows_of(self, base: StockShard) -> None:
        """Remember, or forget, which rows the level of a shard 0 needs."""
        key = (base.sku, base.location)
        _remember(self._snapshots, key, needed=base.shard_count > 1)
        _remember(self._inbound, key, needed=base.inbound_shard_count > 0)

    def set_parts(self, sku: str, parts: Iterable[str]) -> None:
        """Remember the SKUs of which a kit consists; a SKU without parts is not a kit."""
        self._parts.pop(sku, None)
        if known := tuple(parts):
            self._parts[sku] = known
        while len(self._parts) > MAX_SKUS:
            del self._parts[next(iter(self._parts))]

    @contextmanager
    def prefetch(self, skus: Sequence[str], locations: Sequence[str]) -> Iterator[None]:
        """Read shards 0 and all remembered rows of the SKUs with one call of 100 keys each.

        Without remembered rows nothing is read: the stores inside the block read the shards 0.
        """
        parts = [part for sku in skus for part in self._parts.get(sku, ())]
        levels = [(sku, at) for sku in dict.fromkeys((*skus, *parts)) for at in locations]
        snapshots = [snapshot_key(*key) for key in levels if key in self._snapshots]
        inbound = [shard_key(*key, INBOUND_SHARD) for key in levels if key in self._inbound]
        if not (parts or snapshots or inbound):
            yield
            return
        shards = (*(shard_key(*key) for key in levels), *inbound)
        with prefetch(
            ReadSet(self._tables.shards, shards),
            ReadSet(self._tables.snapshots, tuple(snapshots)),
        ):
            yield


def _remember(rows: dict[Key, None], key: Key, *, needed: bool) -> None:
    if not needed:
        rows.pop(key, None)
        return
    rows[key] = None
    while len(rows) > MAX_SKUS:
        del rows[next(iter(rows))]
