"""Read stock levels from their shards; the base of both writers of this package."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Self

from pynamodb.transactions import TransactWrite

from shop.inventory.model import MAIN_LOCATION, StockKey, StockLevel, StockMovement
from shop.inventory.model.kits import find_kits, kit_availability
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    ShardWrites,
    StockShard,
    combine_shards,
    sum_levels,
)
from shop.inventory.store.companion_rows import CompanionRows
from shop.inventory.store.locations import locations_cache
from shop.inventory.store.rows import (
    STOCK_TABLES,
    ShardRow,
    ShardTables,
    add_movement,
    add_shard_writes,
    shard_from_row,
    shard_key,
)
from shop.inventory.store.shard_cache import MAX_CACHED_SKUS, ShardCache, read_all_shards
from shop.kernel.unit_of_work import WriteOperation
from shop.storage.connection import connection
from shop.storage.prefetch import get_many
from shop.storage.transactions import DynamoUnitOfWork


class StockLevelReader:
    """Reads stock levels, and caches the shards from which reservations are picked.

    ``locations`` are those that serve orders, the preferred one first; ``None`` means those that
    staff describe. ``clock`` returns seconds since the epoch. ``tables`` are the rows to use.
    """

    def __init__(
        self,
        locations: Sequence[str] | None = None,
        *,
        chance: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        tables: ShardTables = STOCK_TABLES,
    ) -> None:
        self._tables = tables
        self._fixed_locations = None if locations is None else tuple(locations)
        self._country: str | None = None
        self._chance = chance or random.Random()
        self._sleep = sleep
        self._clock = clock
        self._shard_cache = ShardCache(clock, tables)
        self._inbound_shards: dict[str, dict[str, StockShard]] = {}
        self._companions = CompanionRows(tables)
        self._uow = DynamoUnitOfWork(connection())

    def for_destination(self, country: str | None) -> Self:
        """See :class:`shop.inventory.ports.StockRepository`; the result shares all caches."""
        restricted = copy(self)
        restricted._country = country
        return restricted

    @property
    def _shipping_locations(self) -> tuple[str, ...]:
        if self._fixed_locations is not None:
            return self._fixed_locations
        return locations_cache()().shipping_locations(self._country)

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        requested = list(dict.fromkeys(skus))
        locations = self._shipping_locations
        with self._companions.prefetch(requested, self._read_locations(locations)):
            return self._levels(locations, requested)

    def _levels(self, locations: Sequence[str], skus: Iterable[str]) -> dict[str, StockLevel]:
        by_location = self._levels_at(locations, skus)
        levels = {sku: sum_levels(sku, found) for sku, found in by_location.items()}
        kits = find_kits(levels)
        # Parts that the caller did not request: a second read, if this process sees the kit for the
        # first time.
        if missing := {sku for kit in kits.values() for sku in kit.parts} - set(levels):
            levels |= self._levels(locations, missing)
        for sku, level in levels.items():
            self._companions.set_parts(sku, level.parts)
        for sku, kit in kits.items():
            levels[sku] = replace(levels[sku], on_hand=kit_availability(kit, levels))
        return levels

    def _levels_at(
        self, locations: Sequence[str], skus: Iterable[str]
    ) -> dict[str, Sequence[StockLevel]]:
        requested = list(dict.fromkeys(skus))
        read_locations = self._read_locations(locations)
        keys = [shard_key(sku, location) for sku in requested for location in read_locations]
        found = self._combine(self._read_shards(keys, consistent=False), consistent=False)
        return {
            sku: [
                level
                for location in read_locations
                if (level := found.get((sku, location))) is not None
                and (location in locations or level.parts)
            ]
            for sku in requested
        }

    def _read_locations(self, locations: Sequence[str]) -> Sequence[str]:
        # The row at the main location defines which SKUs are kits, whether it ships or not.
        is_fixed = self._fixed_locations is not None
        return tuple(dict.fromkeys(locations if is_fixed else (*locations, MAIN_LOCATION)))

    def get_levels_at(self, keys: Sequence[StockKey]) -> Sequence[StockLevel]:
        bases = self._read_shards([shard_key(*key) for key in keys], consistent=True)
        return list(self._combine(bases, consistent=True).values())

    def levels_by_location(self, sku: str) -> Sequence[StockLevel]:
        hash_key, _ = shard_key(sku, MAIN_LOCATION)
        rows = self._tables.shards.query(
            hash_key, ShardRow.sk.startswith("LOC#"), consistent_read=True
        )
        bases = [shard_from_row(row) for row in rows]
        return list(self._combine(bases, consistent=True).values())

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        shards = read_all_shards(sku, location, consistent=True, tables=self._tables)
        inbound = self._read_inbound_shards(shards[:1], consistent=True)
        return combine_shards(shards, sku, location, inbound.get((sku, location)))

    def _combine(self, bases: Sequence[StockShard], consistent: bool) -> dict[StockKey, StockLevel]:
        """Return the levels of the shards 0 in ``bases``, with their other shards."""
        inbound = self._read_inbound_shards(bases, consistent)
        levels: dict[StockKey, StockLevel] = {}
        for base in bases:
            self._remember(base)
            self._companions.add_rows_of(base)
            key = (base.sku, base.location)
            level = combine_shards([base], inbound=inbound.get(key))
            if base.shard_count > 1:
                level = self._with_other_shards(level, consistent)
            levels[key] = level
        return levels

    def _with_other_shards(self, level: StockLevel, consistent: bool) -> StockLevel:
        """Complete the level of a shard 0 with its other shards."""
        if consistent:
            shards = read_all_shards(
                level.sku, level.location, consistent=True, tables=self._tables
            )
            total = combine_shards(shards) if shards else level
        else:
            # Reading hundreds of shards for a page would exhaust the table: use the snapshot.
            snapshot = self._shard_cache.refresh_if_stale(level.sku, level.location)
            total = snapshot.level if snapshot is not None else level
        # A snapshot does not have the fields of shard 0.
        return replace(
            total,
            backordered=level.backordered,
            terms=level.terms,
            low_stock_threshold=level.low_stock_threshold,
            alert_state=level.alert_state,
            crossings=level.crossings,
        )

    def _read_inbound_shards(
        self, bases: Iterable[StockShard], consistent: bool
    ) -> dict[StockKey, StockShard]:
        """Read and cache the inbound shards of the levels that have one."""
        keys = [
            shard_key(base.sku, base.location, INBOUND_SHARD)
            for base in bases
            if base.inbound_shard_count
        ]
        if not keys:
            return {}
        shards = self._read_shards(keys, consistent)
        for shard in shards:
            self._inbound_shards.setdefault(shard.sku, {})[shard.location] = shard
        while len(self._inbound_shards) > MAX_CACHED_SKUS:
            self._inbound_shards.pop(next(iter(self._inbound_shards)))
        return {(shard.sku, shard.location): shard for shard in shards}

    def _remember(self, base: StockShard) -> None:
        """Cache shard 0 of SKUs with several shards or locations; most SKUs have one of each."""
        has_choice = base.shard_count > 1 or base.inbound_shard_count
        if has_choice or len(self._shipping_locations) > 1:
            self._shard_cache.put(base)
        else:
            self._shard_cache.discard(base.sku)

    def _read_shards(self, keys: Sequence[tuple[str, str]], consistent: bool) -> list[StockShard]:
        rows = get_many(self._tables.shards, keys, consistent=consistent)
        return [shard_from_row(row) for row in rows]

    def _add_writes(self, transaction: TransactWrite, writes: ShardWrites) -> None:
        add_shard_writes(transaction, writes, self._tables)

    def _commit(
        self,
        writes: ShardWrites,
        *movements: StockMovement,
        extra_writes: Sequence[WriteOperation] = (),
    ) -> None:
        def add(transaction: TransactWrite) -> None:
            self._add_writes(transaction, writes)
            for movement in movements:
                add_movement(transaction, movement, self._tables)

        self._uow.commit(add, *extra_writes)
