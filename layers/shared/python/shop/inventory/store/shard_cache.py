"""Cached snapshots of hot SKUs, from which shards are chosen; only the write guarantees units.

If every buyer read every shard, the reads of a flash sale would exhaust the table. Therefore one
row holds a snapshot of all shards for all processes. A process whose reservation failed reads the
row at most four times per second. When the row is stale, one process, elected by a conditional
write, reads all shards and refreshes it. bench/partition_simulator.py measures this protocol.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shop.inventory.model import StockLevel
from shop.inventory.model.shards import UNKNOWN, StockShard, combine_shards
from shop.inventory.store.rows import (
    STOCK_TABLES,
    ShardSnapshotRow,
    ShardTables,
    shard_from_row,
    shard_key,
    snapshot_key,
)
from shop.storage.prefetch import get_many

MIN_REFRESH_INTERVAL = 0.25
"""Seconds between two reads of the row by one process, and between two refreshes of it."""
READ_ONLY_REFRESH_INTERVAL = 2.0
"""Seconds after which a process without write access reads all shards itself."""
EMPTY_SNAPSHOT_TTL = 1.0
"""Seconds for which a snapshot may report "sold out"; released units may be missed for so long."""
MAX_CACHED_SKUS = 2_000
MAX_CONSISTENT_READS = 10
"""Reads of all shards before a missing one counts as damage and not as a running reshard."""

_LOST_RACE_CODES = {
    "ConditionalCheckFailedException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
}


@dataclass
class ShardSnapshot:
    """The available units in each shard of a SKU at a location, and the level they add up to.

    Times are seconds since the epoch.

    - ``units``: from these, shards are picked; reads of single shards correct them.
    - ``total``: the units at one instant, ``captured_at``. It decides on a shortage, because units
      move between shards.
    - ``checked_at``: the last read of the shared row.
    """

    level: StockLevel
    active_shard_count: int
    units: list[int]
    total: int
    captured_at: float
    checked_at: float = float("-inf")

    @property
    def is_sharded(self) -> bool:
        """Whether the level has more than one shard."""
        return len(self.units) > 1


class ShardCache:
    """The snapshots of one process, synchronized with the shared rows."""

    def __init__(
        self, clock: Callable[[], float] = time.time, tables: ShardTables = STOCK_TABLES
    ) -> None:
        self._clock = clock
        self._tables = tables
        self._snapshots: dict[str, dict[str, ShardSnapshot]] = {}
        self._may_publish = tables.writable

    def get(self, sku: str) -> Mapping[str, ShardSnapshot]:
        """Return the snapshots of a SKU by location; most SKUs have none."""
        return self._snapshots.get(sku, {})

    def is_sharded(self, sku: str) -> bool:
        """Return whether a cached snapshot of the SKU has more than one shard."""
        return any(snapshot.is_sharded for snapshot in self.get(sku).values())

    def is_fresh(self, snapshot: ShardSnapshot, at: float) -> bool:
        """Return whether a snapshot is recent enough, at an instant, to report a shortage."""
        return at - snapshot.captured_at <= EMPTY_SNAPSHOT_TTL

    def put(self, base: StockShard) -> ShardSnapshot:
        """Cache shard 0, which is the whole level or states the number of shards."""
        by_location = self._snapshots.setdefault(base.sku, {})
        snapshot = by_location.get(base.location)
        if base.shard_count == 1:
            available = base.available
            snapshot = ShardSnapshot(
                combine_shards([base]), 1, [available], max(0, available), self._clock()
            )
        elif snapshot is None or len(snapshot.units) != base.shard_count:
            # The other shards are unknown: buyers try any of them, and errors correct the units.
            snapshot = ShardSnapshot(
                combine_shards([base]),
                base.active_shard_count,
                [UNKNOWN] * base.shard_count,
                UNKNOWN,
                captured_at=float("-inf"),
            )
        snapshot.active_shard_count = base.active_shard_count
        by_location[base.location] = snapshot
        while len(self._snapshots) > MAX_CACHED_SKUS:
            self._snapshots.pop(next(iter(self._snapshots)))
        return snapshot

    def discard(self, sku: str) -> None:
        """Remove a SKU that needs no snapshot."""
        self._snapshots.pop(sku, None)

    def update(self, shards: Iterable[StockShard]) -> None:
        """Correct the units of single shards that were read."""
        for shard in shards:
            self._set_units(shard.sku, shard.location, shard.shard, shard.available)

    def remove_shard(self, sku: str, location: str, shard: int) -> None:
        """Record that a shard no longer exists."""
        self._set_units(sku, location, shard, 0)

    def _set_units(self, sku: str, location: str, shard: int, units: int) -> None:
        snapshot = self.get(sku).get(location)
        if snapshot is not None and 0 <= shard < len(snapshot.units):
            snapshot.units[shard] = units

    def refresh_if_stale(self, sku: str, location: str) -> ShardSnapshot | None:
        """Read the shared snapshot, and refresh it if no process did so recently.

        Returns ``None`` for a SKU that is not in the cache.
        """
        snapshot = self.get(sku).get(location)
        now = self._clock()
        if snapshot is None or now - snapshot.checked_at < MIN_REFRESH_INTERVAL:
            return snapshot
        snapshot.checked_at = now
        row = next(iter(get_many(self._tables.snapshots, [snapshot_key(sku, location)])), None)
        if row is not None and row.snapshot is not None:
            captured_at = float(row.captured_at)
            if captured_at > snapshot.captured_at:
                snapshot = self._remember(sku, location, row.snapshot, captured_at, now)
        if row is not None and float(row.refresh_lease_until) > now:
            # Another process refreshes the row, or has just refreshed it.
            return snapshot
        if self._may_publish:
            is_elected = self._claim_refresh(sku, location, now)
            return self.refresh(sku, location) if is_elected else snapshot
        # Processes with write access refresh the row while the SKU sells. Without it, a process
        # reads the shards itself only if none of them has done so for a while.
        if now - snapshot.captured_at >= READ_ONLY_REFRESH_INTERVAL:
            return self.refresh(sku, location, publish=False)
        return snapshot

    def refresh(self, sku: str, location: str, *, publish: bool = True) -> ShardSnapshot | None:
        """Read all shards, cache the snapshot and publish it to the other processes."""
        shards = read_all_shards(sku, location, consistent=False, tables=self._tables)
        if not shards:
            return None
        now = self._clock()
        content = _to_content(shards)
        if publish:
            # A slower process must not overwrite a newer snapshot.
            is_newest = ShardSnapshotRow.captured_at.does_not_exist() | (
                ShardSnapshotRow.captured_at <= now
            )
            actions: list[Action] = [
                ShardSnapshotRow.snapshot.set(content),
                ShardSnapshotRow.captured_at.set(now),
                ShardSnapshotRow.refresh_lease_until.set(now + MIN_REFRESH_INTERVAL),
            ]
            _write_if(is_newest, self._tables.snapshots(*snapshot_key(sku, location)), actions)
        return self._remember(sku, location, content, now, now)

    def _remember(
        self,
        sku: str,
        location: str,
        content: Mapping[str, Any],
        captured_at: float,
        checked_at: float,
    ) -> ShardSnapshot:
        snapshot = _from_content(sku, location, content, captured_at, checked_at)
        self._snapshots.setdefault(sku, {})[location] = snapshot
        return snapshot

    def _claim_refresh(self, sku: str, location: str, now: float) -> bool:
        """Try to become the only process that refreshes the snapshot; return whether it is."""
        is_unclaimed = ShardSnapshotRow.refresh_lease_until.does_not_exist() | (
            ShardSnapshotRow.refresh_lease_until <= now
        )
        actions: list[Action] = [
            ShardSnapshotRow.refresh_lease_until.set(now + MIN_REFRESH_INTERVAL)
        ]
        row = self._tables.snapshots(*snapshot_key(sku, location))
        return _write_if(is_unclaimed, row, actions)


def _to_content(shards: list[StockShard]) -> dict[str, Any]:
    """Build the stored snapshot; its level is a list, because the row should fit in 1 KB."""
    level = combine_shards(shards)
    return {
        "active_shard_count": shards[0].active_shard_count,
        "units": [shard.available for shard in shards],
        "level": [
            level.on_hand,
            level.reserved,
            level.committed,
            dict(level.unavailable_by),
            level.safety,
            level.incoming,
            level.version,
            level.earmarked,
        ],
        "in_transit": level.in_transit,
    }


def _from_content(
    sku: str, location: str, content: Mapping[str, Any], captured_at: float, checked_at: float
) -> ShardSnapshot:
    units = list(content["units"])
    on_hand, reserved, committed, unavailable_by, safety, incoming, version, earmarked = content[
        "level"
    ]
    level = StockLevel(
        sku,
        location,
        on_hand,
        reserved,
        committed,
        unavailable_by,
        safety,
        incoming,
        version,
        shard_count=len(units),
        earmarked=earmarked,
        in_transit=content.get("in_transit", 0),
    )
    total = sum(max(0, available) for available in units)
    active_shard_count = int(content["active_shard_count"])
    return ShardSnapshot(level, active_shard_count, units, total, captured_at, checked_at)


def _write_if(condition: Condition, row: ShardSnapshotRow, actions: list[Action]) -> bool:
    """Write a snapshot row if the condition holds; return whether it did.

    Retries of the client are harmless, because the same write twice leaves the same row.
    """
    try:
        row.update(actions=actions, condition=condition)
    except UpdateError as error:
        if error.cause_response_code in _LOST_RACE_CODES:
            # Another process writes the row; a snapshot may be outdated and needs no retry.
            return False
        raise
    return True


def read_all_shards(
    sku: str, location: str, *, consistent: bool, tables: ShardTables = STOCK_TABLES
) -> list[StockShard]:
    """Return all shards of a SKU at a location in order; none for an unknown level.

    A reshard may add and remove shards during the read. If a shard that shard 0 counts is missing,
    all are read again, so the result is complete. Raises RuntimeError if the shard never appears,
    because the sum of damaged rows would be wrong.
    """
    shards: list[StockShard] = []
    for attempt in range(MAX_CONSISTENT_READS):
        # The first read may be eventually consistent; after a missing shard, reads are consistent.
        is_consistent = consistent or attempt > 0
        rows = tables.shards.batch_get([shard_key(sku, location)], consistent_read=is_consistent)
        shards = [shard_from_row(row) for row in rows]
        if not shards:
            return []
        keys = [shard_key(sku, location, shard) for shard in range(1, shards[0].shard_count)]
        rows = tables.shards.batch_get(keys, consistent_read=is_consistent)
        shards += sorted((shard_from_row(row) for row in rows), key=lambda shard: shard.shard)
        if len(shards) == shards[0].shard_count:
            return shards
    raise RuntimeError(
        f"{sku} at {location} has {shards[0].shard_count} shards, but {len(shards)} were found"
    )
