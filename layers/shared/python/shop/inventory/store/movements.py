"""Write stock movements, first counts and back-order terms, and change the number of shards."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from pynamodb.attributes import UnicodeAttribute

from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderTerms,
    MovementType,
    StockKey,
    StockLevel,
    StockMovement,
    group_by_level,
)
from shop.inventory.model.shard_writes import (
    expect_version,
    gather_step,
    movement_update,
    next_reshard_step,
    set_terms_updates,
)
from shop.inventory.model.shards import (
    MAX_SHARDS,
    ShardUpdate,
    StockShard,
    combine_shards,
)
from shop.inventory.store.kits import require_no_kits
from shop.inventory.store.levels import StockLevelReader
from shop.inventory.store.rows import (
    MovementRow,
    movement_from_row,
    movement_partition,
    parse_shard_key,
    shard_key,
)
from shop.inventory.store.shard_cache import read_all_shards
from shop.kernel.errors import (
    Contention,
    InvalidRequest,
    NotFound,
    Unavailable,
    VersionConflict,
)
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage.connection import Row

T = TypeVar("T")

MAX_NEW_LEVELS_PER_TRANSACTION = 33
"""New SKUs per transaction: each writes three items, and a transaction has 100 at most."""
MAX_ATTEMPTS = 5
MIN_RESHARD_ATTEMPTS = 100
RESHARD_ATTEMPTS_PER_SHARD = 20
MOVEMENT_KEY_PATTERN = re.compile(r"[0-9T:+.-]{26,40}#mov_[a-z0-9]{1,60}")
"""The sort key of a journal entry, as cursors contain it."""
TERMS_PARTITION = "TERMS"


class TermsRow(Row):
    """``TERMS``/``<location>#<sku>``: the level had back-order terms at least once."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


class StockMovementWriter(StockLevelReader):
    """The writing side of :class:`shop.inventory.ports.StockRepository`."""

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *additional: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        groups = group_by_level([(movement, before), *additional])
        entries = [movement, *(one for one, _ in additional)]
        after = before.with_movements(*groups[0][1])
        for _ in range(MAX_ATTEMPTS):
            writes = tuple(self._write_for(level, moves) for level, moves in groups)
            # The row at the main location defines whether a SKU is a kit. If this transaction
            # writes that row, its version detects a new kit; otherwise a condition check does.
            written = {level.sku for level, _ in groups if level.location == MAIN_LOCATION}
            kit_check = require_no_kits({level.sku for level, _ in groups} - written)
            try:
                self._commit(writes, *entries, extra_writes=(*extra_writes, kit_check))
            except ConditionFailed as failure:
                for level, moves in groups:
                    self._raise_if_rejected(level, moves)
                if not any(parse_shard_key(key) for key in failure.keys):
                    raise Contention(
                        "Another request wrote the same entry at the same moment. Try again."
                    ) from None
                # The entry is valid at the level as it is now: a reservation or a reshard changed
                # a shard between the read and the write.
            else:
                return after
        raise Contention(
            f"The stock of {before.sku} at {before.location} changes too often. Try again."
        )

    def _write_for(
        self, before: StockLevel, movements: Sequence[StockMovement]
    ) -> StockShard | ShardUpdate:
        """Return the write of a level's movements.

        Raises VersionConflict, and the errors of :meth:`StockLevel.with_movements`.
        """
        after = before.with_movements(*movements)
        if before.version == 0:
            return _new_shard(after)
        if before.shard_count == 1:
            return movement_update(_base_of(before), movements)
        # Movements change shard 0 only, and sales may have emptied it. Units that the movements
        # remove are therefore gathered there first.
        removed = -sum(movement.available for movement in movements)
        shards = read_all_shards(before.sku, before.location, consistent=True, tables=self._tables)
        while shards and (gathering := gather_step(shards, removed)):
            # A buyer may reserve the units first; the next read shows the remaining ones.
            with contextlib.suppress(ConditionFailed):
                self._commit(gathering)
            shards = read_all_shards(
                before.sku, before.location, consistent=True, tables=self._tables
            )
        if combine_shards(shards, before.sku, before.location).version != before.version:
            raise _moved_since_read(before)
        return movement_update(shards[0], movements)

    def _raise_if_rejected(self, before: StockLevel, movements: Sequence[StockMovement]) -> None:
        """Raise the error that explains a failed write; return if a retry may succeed."""
        if before.location != MAIN_LOCATION:
            self.level(before.sku).require_no_kit()
        current = self.level(before.sku, before.location)
        if current.version != before.version:
            raise _moved_since_read(before)
        current.with_movements(*movements)

    def create_levels(
        self,
        counts: Mapping[str, int],
        *,
        actor: str,
        reason: str,
        at: datetime,
        earlier: frozenset[datetime] = frozenset(),
    ) -> frozenset[str]:
        created: set[str] = set()
        for skus in _batches(counts, MAX_NEW_LEVELS_PER_TRANSACTION):
            new = list(skus)
            while new:
                keys = [shard_key(sku, MAIN_LOCATION) for sku in new]
                existing = {shard.sku for shard in self._read_shards(keys, consistent=True)}
                if earlier:
                    created.update(s for s in existing if self._first_entry_at(s) in earlier)
                new = [sku for sku in new if sku not in existing]
                new_counts = {sku: counts[sku] for sku in new}
                # If another import created one of them after the read, the others are retried.
                if not new or self._try_create(new_counts, actor, reason, at):
                    created.update(new)
                    break
        return frozenset(created)

    def _first_entry_at(self, sku: str) -> datetime | None:
        """Return the instant of the oldest entry in the journal of a SKU."""
        rows = self._tables.movements.query(
            movement_partition(sku), limit=1, page_size=1, consistent_read=True
        )
        return next((movement_from_row(sku, row).at for row in rows), None)

    def _try_create(self, counts: Mapping[str, int], actor: str, reason: str, at: datetime) -> bool:
        """Write all levels, or none and return ``False`` if one of them exists."""
        movements = [
            StockMovement(sku, MovementType.COUNTED, at, actor, reason, on_hand=units)
            for sku, units in counts.items()
        ]
        shards = tuple(
            _new_shard(StockLevel(movement.sku).with_movements(movement)) for movement in movements
        )
        try:
            self._commit(shards, *movements)
        except ConditionFailed:
            return False
        return True

    def list_movements(
        self, sku: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[StockMovement]:
        last_key = decode_name_cursor(cursor, MOVEMENT_KEY_PATTERN)
        older = None if last_key is None else MovementRow.sk < last_key
        rows = self._tables.movements.query(
            movement_partition(sku),
            older,
            scan_index_forward=False,
            limit=limit + 1,
            page_size=limit + 1,
        )
        return page_of(list(rows), limit, lambda row: movement_from_row(sku, row))

    def set_backorder_terms(self, terms: BackorderTerms, before: StockLevel) -> StockLevel:
        before.require_no_kit()
        has_inbound_shard = before.terms is not None
        writes = set_terms_updates(before, terms, has_inbound_shard=has_inbound_shard)
        if before.version == 0:
            # A pre-order may be the first entry of a SKU: there is no shard 0 to update.
            base = StockShard(before.sku, before.location, version=1, inbound_shard_count=1)
            writes = (base, *writes[1:])
        expected = tuple(expect_version(write, before) for write in writes)
        index = _index_terms_op(before.sku, before.location)
        try:
            self._commit(expected, extra_writes=(index,))
        except ConditionFailed:
            raise _moved_since_read(before) from None
        return self.level(before.sku, before.location)

    def list_backorderable(self) -> Sequence[StockKey]:
        keys = []
        for row in TermsRow.query(TERMS_PARTITION, consistent_read=True):
            location, _, sku = row.sk.partition("#")
            keys.append((sku, location))
        return keys

    def reshard(self, sku: str, shard_count: int, location: str = MAIN_LOCATION) -> int:
        """See :class:`shop.inventory.ports.StockRepository`.

        Two processes may reshard at the same time. Buyers no longer use surplus shards; those that
        hold promises are removed by a later call. Raises Unavailable after too many conflicts.
        """
        if not 1 <= shard_count <= MAX_SHARDS:
            raise InvalidRequest(
                f"The number of shards must be from 1 to {MAX_SHARDS}.",
                code="out_of_range",
                path="$.shard_count",
            )
        max_conflicts = RESHARD_ATTEMPTS_PER_SHARD * shard_count + MIN_RESHARD_ATTEMPTS
        conflicts = 0
        while True:
            shards = read_all_shards(sku, location, consistent=True, tables=self._tables)
            if not shards:
                raise NotFound(
                    f"{sku} has no stock at {location}. Enter a count first.", code="stock_unknown"
                )
            step = next_reshard_step(shards, shard_count)
            if not step:
                break
            try:
                self._commit(step)
            except (ConditionFailed, Unavailable):
                # Buyers changed a shard since the read; the next step is planned from new rows.
                conflicts += 1
                if conflicts > max_conflicts:
                    raise Unavailable(
                        f"The stock of {sku} is too busy to reshard. Try again later."
                    ) from None
        self._shard_cache.put(shards[0])
        if len(shards) > 1:
            self._shard_cache.refresh(sku, location)
        return len(shards)

    def note_shard_count(self, sku: str, shard_count: int) -> None:
        """Cache the number of shards that another row states for the first location.

        Without it, every process with an empty cache would write to shard 0 first. With it, each
        process starts at a random shard.
        """
        if shard_count > 1 and not self._shard_cache.get(sku):
            self._shard_cache.put(
                StockShard(
                    sku,
                    self._shipping_locations[0],
                    shard_count=shard_count,
                    active_shard_count=shard_count,
                )
            )


def page_of(rows: Sequence[Any], limit: int, convert: Callable[[Any], T]) -> Page[T]:
    """Convert at most ``limit`` rows to a page whose cursor is the last sort key.

    Callers read ``limit + 1`` rows: the additional one shows that another page follows.
    """
    cursor = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
    return Page(tuple(convert(row) for row in rows[:limit]), cursor)


def _index_terms_op(sku: str, location: str) -> WriteOperation:
    """Return the write by which ``list_backorderable`` finds a level; it may be repeated."""

    def add(transaction: Any) -> None:
        transaction.save(TermsRow(TERMS_PARTITION, f"{location}#{sku}"))

    return add


def _moved_since_read(before: StockLevel) -> VersionConflict:
    return VersionConflict(
        f"The stock of {before.sku} at {before.location} changed after it was read. "
        "Read it again and repeat the change."
    )


def _new_shard(level: StockLevel) -> StockShard:
    """Return shard 0 of a level that is written for the first time."""
    return StockShard(
        level.sku,
        level.location,
        on_hand=level.on_hand,
        available=level.available,
        version=level.version,
        unavailable_by=level.unavailable_by,
        safety=level.safety,
        incoming=level.incoming,
        in_transit=level.in_transit,
        earmarked=level.earmarked,
    )


def _base_of(level: StockLevel) -> StockShard:
    """Return shard 0 of a level that has no other shard."""
    return StockShard(
        level.sku,
        level.location,
        on_hand=level.on_hand,
        reserved=level.reserved,
        committed=level.committed,
        available=level.available,
        version=level.version,
        unavailable_by=level.unavailable_by,
        safety=level.safety,
        incoming=level.incoming,
        in_transit=level.in_transit,
    )


def _batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
