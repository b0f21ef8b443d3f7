"""What was last seen of stock that many buyers draw from at once: hints, on which nothing rests.

A sale of a hot SKU would read itself to death if every buyer looked into every bin. So one row, the
sight, holds what somebody saw in all of them. A process that was refused looks at it, at most four
times a second; where it is old, one process, elected by a conditional write, reads all bins and
renews it for everybody. The figures of bench/partition_simulator.py are those of this protocol.
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
)

MIN_REFRESH_INTERVAL = 0.25
"""Seconds after which a process that was refused looks again, and a sight is renewed."""
READ_ONLY_REFRESH_INTERVAL = 2.0
"""Seconds after which a process that may not write reads all bins for itself."""
EMPTY_SNAPSHOT_TTL = 1.0
"""Seconds for which it is believed that nothing is left; what comes back may wait so long."""
MAX_CACHED_SKUS = 2_000
MAX_CONSISTENT_READS = 10
"""Times that bins are read before they are taken for damaged, and not for just moving."""

_OTHERS_WERE_FASTER = {
    "ConditionalCheckFailedException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
}


@dataclass
class ShardSnapshot:
    """The units for sale in each bin of a SKU at a location, when they were seen, and the level.

    ``units`` are corrected by what is learned of single bins and serve for drawing; ``left`` is
    what was seen at one moment and serves for judging, for units also move between bins.
    """

    level: StockLevel
    open: int
    units: list[int]
    left: int
    seen_at: float
    looked_at: float = float("-inf")


class ShardCache:
    """The memory of one process, and the rows through which processes tell each other."""

    def __init__(
        self, clock: Callable[[], float] = time.time, books: ShardTables = STOCK_TABLES
    ) -> None:
        self._clock = clock
        self._books = books
        self._seen: dict[str, dict[str, ShardSnapshot]] = {}
        self._tells = books.writable

    def get(self, sku: str) -> Mapping[str, ShardSnapshot]:
        """What is remembered of a SKU, by location; empty for the many that need no memory."""
        return self._seen.get(sku, {})

    def is_fresh(self, snapshot: ShardSnapshot, at: float) -> bool:
        """Whether what was seen may be believed at an instant (seconds since the epoch)."""
        return at - snapshot.seen_at <= EMPTY_SNAPSHOT_TTL

    def put(self, base: StockShard) -> ShardSnapshot:
        """Bin 0 was read: it is all there is, or tells how many others there are."""
        places = self._seen.setdefault(base.sku, {})
        known = places.get(base.location)
        if base.shard_count == 1:
            known = ShardSnapshot(
                combine_shards([base]), 1, [base.available], max(0, base.available), self._clock()
            )
        elif known is None or len(known.units) != base.shard_count:
            # Nothing is known of the others: buyers try any of them, and learn.
            unseen = [UNKNOWN] * base.shard_count
            known = ShardSnapshot(combine_shards([base]), base.open, unseen, UNKNOWN, float("-inf"))
        known.open = base.open
        places[base.location] = known
        while len(self._seen) > MAX_CACHED_SKUS:
            self._seen.pop(next(iter(self._seen)))
        return known

    def discard(self, sku: str) -> None:
        self._seen.pop(sku, None)

    def update(self, shards: Iterable[StockShard]) -> None:
        """Single bins were read: that much is in them."""
        for one in shards:
            sight = self._seen.get(one.sku, {}).get(one.location)
            if sight is not None and 0 <= one.shard < len(sight.units):
                sight.units[one.shard] = one.available

    def remove_shard(self, sku: str, location: str, shard: int) -> None:
        """A bin is not there any more."""
        sight = self._seen.get(sku, {}).get(location)
        if sight is not None and 0 <= shard < len(sight.units):
            sight.units[shard] = 0

    def refresh_if_stale(self, sku: str, location: str) -> ShardSnapshot | None:
        """See what the others saw; renew it where nobody did lately. ``None`` for unknown SKUs."""
        sight = self._seen.get(sku, {}).get(location)
        now = self._clock()
        if sight is None or now - sight.looked_at < MIN_REFRESH_INTERVAL:
            return sight
        sight.looked_at = now
        row = next(self._books.sights.batch_get([_sight_key(sku, location)]), None)
        if row is not None and row.units is not None and float(row.captured_at) > sight.seen_at:
            sight = self._take(sku, location, row.units, float(row.captured_at), now)
        if row is not None and float(row.refresh_lease_until) > now:
            return sight
        if self._tells:
            return self.refresh(sku, location) if self._elected(sku, location, now) else sight
        # Those who sell renew it while it sells; who may only look reads when nobody did.
        if now - sight.seen_at >= READ_ONLY_REFRESH_INTERVAL:
            return self.refresh(sku, location, tell=False)
        return sight

    def refresh(self, sku: str, location: str, *, tell: bool = True) -> ShardSnapshot | None:
        """Read all bins and tell everybody, or keep it to oneself."""
        bins = read_all_shards(sku, location, consistent=False, books=self._books)
        if not bins:
            return None
        now = self._clock()
        level = combine_shards(bins)
        seen = {
            "open": bins[0].open,
            "units": [one.available for one in bins],
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
        newest = ShardSnapshotRow.captured_at.does_not_exist() | (
            ShardSnapshotRow.captured_at <= now
        )
        actions: list[Action] = [
            ShardSnapshotRow.units.set(seen),
            ShardSnapshotRow.captured_at.set(now),
            ShardSnapshotRow.refresh_lease_until.set(now + MIN_REFRESH_INTERVAL),
        ]
        if tell:
            _written(self._books.sights(*_sight_key(sku, location)), actions, newest)
        return self._take(sku, location, seen, now, now)

    def _take(
        self, sku: str, location: str, seen: Mapping[str, Any], seen_at: float, now: float
    ) -> ShardSnapshot:
        on_hand, reserved, committed, unavailable, safety, incoming, version, aside = seen["level"]
        units = list(seen["units"])
        level = StockLevel(
            sku,
            location,
            on_hand,
            reserved,
            committed,
            unavailable,
            safety,
            incoming,
            version,
            shard_count=len(units),
            earmarked=aside,
            in_transit=seen.get("in_transit", 0),
        )
        left = sum(max(0, n) for n in units)
        sight = ShardSnapshot(level, int(seen["open"]), units, left, seen_at, now)
        self._seen.setdefault(sku, {})[location] = sight
        return sight

    def _elected(self, sku: str, location: str, now: float) -> bool:
        """Whether it is this process that renews the sight now."""
        free = ShardSnapshotRow.refresh_lease_until.does_not_exist() | (
            ShardSnapshotRow.refresh_lease_until <= now
        )
        actions: list[Action] = [
            ShardSnapshotRow.refresh_lease_until.set(now + MIN_REFRESH_INTERVAL)
        ]
        return _written(self._books.sights(*_sight_key(sku, location)), actions, free)


def _written(row: ShardSnapshotRow, actions: list[Action], condition: Condition) -> bool:
    """Write if the condition holds; whether it did. Twice the same write is the same sight."""
    try:
        row.update(actions=actions, condition=condition)
    except UpdateError as error:
        if error.cause_response_code in _OTHERS_WERE_FASTER:
            return False
        raise
    return True


def read_all_shards(
    sku: str, location: str, *, consistent: bool, books: ShardTables = STOCK_TABLES
) -> list[StockShard]:
    """All bins of a SKU at a location, in order; none for a SKU that was never there.

    Bins come and go while this reads. What is returned is whole: if one that bin 0 spoke of is
    not there, all is read again. Raises RuntimeError where it never appears, for then the books
    are damaged and no sum of them would be true.
    """
    found: list[StockShard] = []
    for attempt in range(MAX_CONSISTENT_READS):
        again = consistent or attempt > 0
        rows = books.shards.batch_get([shard_key(sku, location)], consistent_read=again)
        found = [shard_from_row(row) for row in rows]
        if not found:
            return []
        keys = [shard_key(sku, location, shard) for shard in range(1, found[0].shard_count)]
        rows = books.shards.batch_get(keys, consistent_read=again)
        found += sorted((shard_from_row(row) for row in rows), key=lambda one: one.shard)
        if len(found) == found[0].shard_count:
            return found
    raise RuntimeError(
        f"{sku} at {location} has {found[0].shard_count} bins, but {len(found)} are found"
    )


def _sight_key(sku: str, location: str) -> tuple[str, str]:
    return f"SIGHT#{sku}", f"LOC#{location}"
