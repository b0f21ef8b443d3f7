"""Stock in memory. It behaves like the inventory table and passes the port tests."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from shop.inventory.model import (
    MAIN_LOCATION,
    AlertState,
    BackorderTerms,
    Demand,
    LowStockCrossing,
    MovementType,
    Reservation,
    ReservationState,
    Shortage,
    StockKey,
    StockLevel,
    StockMovement,
    group_by_level,
    merge_demands,
    merge_reservations,
)
from shop.inventory.model.shard_writes import (
    change_state_update,
    cover_backorder_updates,
    expect_version,
    gather_step,
    movement_update,
    next_reshard_step,
    release_update,
    relocate_updates,
    reserve_update,
    restock_write,
    set_alert_state_update,
    set_terms_updates,
    set_threshold_update,
    ship_update,
)
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    MAX_SHARDS,
    NO_THRESHOLD,
    ShardRemoval,
    ShardUpdate,
    ShardWrite,
    ShardWrites,
    StockShard,
    combine_shards,
    pick_shards,
    sum_levels,
)
from shop.kernel.errors import Contention, InvalidRequest, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation

T = TypeVar("T")

_OFFSET = re.compile("[0-9]{1,9}")


class MemoryTransaction:
    """Writes of stores in memory: all conditions are checked before the first effect."""

    def __init__(self) -> None:
        self._writes: list[tuple[str, Callable[[], bool], Callable[[], object]]] = []

    def add(self, name: str, check: Callable[[], bool], effect: Callable[[], object]) -> None:
        """Add a write to the row ``name``: ``effect`` runs at the commit if all checks hold."""
        self._writes.append((name, check, effect))

    def commit(self) -> None:
        failed = frozenset(name for name, check, _ in self._writes if not check())
        if failed:
            raise ConditionFailed(failed)
        for _, _, effect in self._writes:
            effect()


class MemoryUnitOfWork:
    """Commits one transaction after the other, so that no two of them conflict."""

    _lock = threading.RLock()

    def commit(self, *writes: WriteOperation) -> None:
        with self._lock:
            transaction = MemoryTransaction()
            for write in writes:
                write(transaction)
            transaction.commit()


class MemoryShards:
    """The shards of the inventory table. It applies the same writes as the table."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], StockShard] = {}

    def add_writes(self, transaction: MemoryTransaction, writes: ShardWrites) -> None:
        for write in writes:
            shard = write.shard if isinstance(write, ShardRemoval) else write
            transaction.add(
                _hash_key(shard.sku, shard.shard),
                lambda write=write: self._is_allowed(write),  # type: ignore[misc]
                lambda write=write: self._apply(write),  # type: ignore[misc]
            )

    def _is_allowed(self, write: ShardWrite) -> bool:
        if isinstance(write, StockShard):
            return _key(write) not in self.rows
        if isinstance(write, ShardRemoval):
            stored = self.rows.get(_key(write.shard))
            return stored is not None and stored.is_empty and stored.version == write.shard.version
        stored = self.rows.get(_key(write))
        return (
            stored is not None
            and all(getattr(stored, name) >= least for name, least in write.minimums.items())
            and all(getattr(stored, name) == value for name, value in write.expected.items())
            and not (write.requires_no_kit and stored.parts)
        )

    def _apply(self, write: ShardWrite) -> None:
        if isinstance(write, StockShard):
            self.rows[_key(write)] = write
        elif isinstance(write, ShardRemoval):
            del self.rows[_key(write.shard)]
        else:
            stored = self.rows[_key(write)]
            counts = {name: getattr(stored, name) + delta for name, delta in write.deltas.items()}
            changed: dict[str, Any] = {**counts, **write.assignments}
            self.rows[_key(write)] = replace(stored, **changed)

    def list_shards(self, sku: str, location: str) -> list[StockShard]:
        """Return all shards of a SKU at a location in order."""
        base = self.rows.get((sku, location, 0))
        return [self.rows[sku, location, n] for n in range(base.shard_count)] if base else []


def _key(shard: StockShard | ShardUpdate) -> tuple[str, str, int]:
    return shard.sku, shard.location, shard.shard


def _hash_key(sku: str, shard: int) -> str:
    if shard < 0:
        return f"INBOUND#{sku}"
    return f"SHARD#{shard}#{sku}" if shard else f"SKU#{sku}"


def _journal_key(sku: str) -> str:
    return f"MOVEMENT#{sku}"


class MemoryStockRepository:
    """See :class:`shop.inventory.ports.StockRepository` and ``StockReservations``."""

    def __init__(
        self,
        counts: Mapping[str, int] | None = None,
        *,
        locations: Sequence[str] = (MAIN_LOCATION,),
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self.shards = MemoryShards()
        self._locations = tuple(locations)
        self._chance = chance or random.Random(1)
        self._uow = MemoryUnitOfWork()
        self._journal: dict[str, list[StockMovement]] = {}
        for sku, units in (counts or {}).items():
            shard = StockShard(sku, on_hand=units, available=units, version=1)
            self.shards.rows[sku, MAIN_LOCATION, 0] = shard

    # StockRepository

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        return {
            sku: sum_levels(
                sku, self.get_levels_at([(sku, location) for location in self._locations])
            )
            for sku in skus
        }

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        inbound = self.shards.rows.get((sku, location, INBOUND_SHARD))
        return combine_shards(self.shards.list_shards(sku, location), sku, location, inbound)

    def get_levels_at(self, keys: Sequence[StockKey]) -> Sequence[StockLevel]:
        return [self.level(*key) for key in keys if self.shards.list_shards(*key)]

    def levels_by_location(self, sku: str) -> Sequence[StockLevel]:
        locations = sorted(
            location
            for row_sku, location, shard in self.shards.rows
            if (row_sku, shard) == (sku, 0)
        )
        return [self.level(sku, location) for location in locations]

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *additional: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        groups = group_by_level([(movement, before), *additional])
        for level, moves in groups:
            self._require_unchanged(level).with_movements(*moves)
        writes: list[ShardWrite] = []
        for level, moves in groups:
            key = (level.sku, level.location)
            if not self.shards.list_shards(*key):
                self._commit((StockShard(*key),))
            removed = -sum(one.available for one in moves)
            while gathering := gather_step(self.shards.list_shards(*key), removed):
                self._commit(gathering)
            writes.append(movement_update(self.shards.list_shards(*key)[0], moves))
        after = self.level(before.sku, before.location).with_movements(*groups[0][1])
        entries = [movement, *(one for one, _ in additional)]
        try:
            self._commit(tuple(writes), *entries, extra_writes=extra_writes)
        except ConditionFailed:
            raise Contention("Another request wrote the same entry.") from None
        return after

    def _require_unchanged(self, level: StockLevel) -> StockLevel:
        current = self.level(level.sku, level.location)
        if current.version != level.version:
            raise VersionConflict(f"The stock of {level.sku} changed since it was read.")
        return current

    def set_backorder_terms(self, terms: BackorderTerms, before: StockLevel) -> StockLevel:
        self._require_unchanged(before)
        if before.version == 0:
            self._commit((StockShard(before.sku, before.location),))
        has_inbound_shard = before.terms is not None
        self._commit(set_terms_updates(before, terms, has_inbound_shard=has_inbound_shard))
        return self.level(before.sku, before.location)

    def list_backorderable(self) -> Sequence[StockKey]:
        return [
            (sku, location) for sku, location, shard in self.shards.rows if shard == INBOUND_SHARD
        ]

    def create_levels(
        self,
        counts: Mapping[str, int],
        *,
        actor: str,
        reason: str,
        at: datetime,
        earlier: frozenset[datetime] = frozenset(),
    ) -> frozenset[str]:
        repeated = {sku for sku in counts if self._first_entry_at(sku) in earlier}
        new = frozenset(sku for sku in counts if self.level(sku).version == 0)
        for sku in new:
            movement = StockMovement(
                sku, MovementType.COUNTED, at, actor, reason, on_hand=counts[sku]
            )
            self.write_movement(movement, StockLevel(sku))
        return new | repeated

    def _first_entry_at(self, sku: str) -> datetime | None:
        return min((movement.at for movement in self._journal.get(sku, [])), default=None)

    def list_movements(
        self, sku: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[StockMovement]:
        newest_first = sorted(self._journal.get(sku, []), key=lambda one: one.at, reverse=True)
        return _page(newest_first, cursor, limit)

    def reshard(self, sku: str, shard_count: int, location: str = MAIN_LOCATION) -> int:
        if not 1 <= shard_count <= MAX_SHARDS:
            raise InvalidRequest(
                f"The number of shards must be from 1 to {MAX_SHARDS}.",
                code="out_of_range",
                path="$.shard_count",
            )
        if not self.shards.list_shards(sku, location):
            raise NotFound(f"{sku} has no stock at {location}.", code="stock_unknown")
        while step := next_reshard_step(self.shards.list_shards(sku, location), shard_count):
            self._commit(step)
        return len(self.shards.list_shards(sku, location))

    # StockReservations

    def for_destination(self, country: str | None) -> "MemoryStockRepository":
        return self

    def pick_shards(self, demands: Iterable[Demand]) -> tuple[Reservation, ...]:
        return tuple(
            reservation
            for demand in merge_demands(demands)
            for reservation in self._pick_for(demand)
        )

    def _pick_for(self, demand: Demand) -> tuple[Reservation, ...]:
        available = {
            location: [shard.available for shard in shards]
            for location in self._locations
            if (shards := self.shards.list_shards(demand.sku, location))
        }
        picked = pick_shards(demand, available, self._chance)
        if picked:
            return picked
        # Units on hand are sold first, and inbound stock serves the rest.
        on_hand = sum(max(0, n) for units in available.values() for n in units)
        first = pick_shards(Demand(demand.sku, on_hand), available, self._chance) if on_hand else ()
        rest = demand.quantity - on_hand
        for location in self._locations:
            if self._open_inbound_units(demand.sku, location) >= rest:
                return (*(first or ()), Reservation(demand.sku, rest, location, INBOUND_SHARD))
        return (Reservation(demand.sku, demand.quantity, self._locations[0]),)

    def _open_inbound_units(self, sku: str, location: str) -> int:
        inbound = self.shards.rows.get((sku, location, INBOUND_SHARD))
        now = datetime.fromtimestamp(self._clock(), UTC)
        is_open = inbound is not None and inbound.terms and inbound.terms.is_open(now)
        return inbound.available if inbound and is_open else 0

    def reserve(
        self, transaction: MemoryTransaction, requested: Iterable[Demand | Reservation]
    ) -> tuple[Reservation, ...]:
        items = list(requested)
        picked = self.pick_shards(item for item in items if isinstance(item, Demand))
        reservations = merge_reservations(
            [*picked, *(item for item in items if isinstance(item, Reservation))]
        )
        self.shards.add_writes(transaction, tuple(reserve_update(one) for one in reservations))
        return reservations

    def release(
        self,
        transaction: MemoryTransaction,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self.shards.add_writes(
            transaction,
            tuple(release_update(one, state) for one in merge_reservations(reservations)),
        )

    def commit(self, transaction: MemoryTransaction, reservations: Iterable[Reservation]) -> None:
        reserved, committed = ReservationState.RESERVED, ReservationState.COMMITTED
        for one in merge_reservations(reservations):
            update = change_state_update(one, reserved, committed)
            self.shards.add_writes(transaction, (update,))

    def revert_commit(
        self, transaction: MemoryTransaction, reservations: Iterable[Reservation]
    ) -> None:
        reserved, committed = ReservationState.RESERVED, ReservationState.COMMITTED
        for one in merge_reservations(reservations):
            update = change_state_update(one, committed, reserved)
            self.shards.add_writes(transaction, (update,))

    def relocate(
        self,
        transaction: MemoryTransaction,
        old: Iterable[Reservation],
        new: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self.shards.add_writes(transaction, relocate_updates(old, new, state))

    def cover_backorder(
        self,
        transaction: MemoryTransaction,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> tuple[Reservation, ...]:
        covered = []
        for one in merge_reservations(reservations):
            updates, on_hand = (
                cover_backorder_updates(one, state) if one.shard == INBOUND_SHARD else ((), one)
            )
            self.shards.add_writes(transaction, updates)
            covered.append(on_hand)
        return tuple(covered)

    def ship(
        self,
        transaction: MemoryTransaction,
        reservations: Iterable[Reservation],
        *,
        order: str,
        actor: str,
        at: datetime,
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        for one in merge_reservations(reservations):
            self.shards.add_writes(transaction, (ship_update(one, state),))
            movement = StockMovement(
                one.sku,
                MovementType.SHIPPED,
                at,
                actor,
                reference=order,
                location=one.location,
                shard=one.shard,
                on_hand=-one.quantity,
            )
            self._add_entry(transaction, movement)

    def restock_op(
        self,
        returned: Iterable[Reservation],
        *,
        order: str,
        actor: str,
        at: datetime,
        reason: str,
    ) -> WriteOperation:
        units = merge_reservations(returned)
        for one in units:
            self.level(one.sku).require_no_kit()
        writes = tuple(
            restock_write(one, exists=(one.sku, one.location, 0) in self.shards.rows)
            for one in units
        )

        def add(transaction: MemoryTransaction) -> None:
            self.shards.add_writes(transaction, writes)
            for one in units:
                movement = StockMovement(
                    one.sku,
                    MovementType.RETURNED,
                    at,
                    actor,
                    reason,
                    reference=order,
                    location=one.location,
                    on_hand=one.quantity,
                )
                self._add_entry(transaction, movement)

        return add

    def shortages_from(
        self, error: Exception | None, demands: Iterable[Demand]
    ) -> tuple[Shortage, ...]:
        shortages = []
        for demand in merge_demands(demands):
            level = self.levels([demand.sku])[demand.sku]
            available = max(0, level.available) + sum(
                self._open_inbound_units(demand.sku, location) for location in self._locations
            )
            if available < demand.quantity:
                shortages.append(Shortage(demand.sku, demand.quantity, available))
        return tuple(shortages)

    def _commit(
        self,
        writes: ShardWrites,
        *movements: StockMovement,
        extra_writes: Sequence[WriteOperation] = (),
    ) -> None:
        def add(transaction: MemoryTransaction) -> None:
            self.shards.add_writes(transaction, writes)
            for movement in movements:
                self._add_entry(transaction, movement)

        self._uow.commit(add, *extra_writes)

    def _add_entry(self, transaction: MemoryTransaction, movement: StockMovement) -> None:
        def append() -> None:
            self._journal.setdefault(movement.sku, []).append(movement)

        transaction.add(_journal_key(movement.sku), lambda: True, append)


class MemoryLowStockAlerts:
    """Thresholds and alerts over the shards in memory; ``events`` holds the published events."""

    def __init__(self, stock: MemoryStockRepository) -> None:
        self._stock = stock
        self._open: dict[tuple[str, str], LowStockCrossing] = {}
        self.events: list[Event] = []

    def set_threshold(self, threshold: int | None, before: StockLevel) -> None:
        update = expect_version(set_threshold_update(before, threshold), before)
        try:
            self._stock._commit((update,))
        except ConditionFailed:
            raise VersionConflict(f"The stock of {before.sku} changed since it was read.") from None
        self._open.pop((before.location, before.sku), None)

    def open_alert(self, crossing: LowStockCrossing, level: StockLevel) -> bool:
        if not self._set_state(level, AlertState.LOW):
            return False
        self._open[level.location, level.sku] = crossing
        self.events.append(crossing.event)
        return True

    def close_alert(self, level: StockLevel) -> bool:
        if not self._set_state(level, AlertState.OK):
            return False
        self._open.pop((level.location, level.sku), None)
        return True

    def list_open(self, *, cursor: str | None, limit: int) -> Page[LowStockCrossing]:
        return _page([self._open[key] for key in sorted(self._open)], cursor, limit)

    def list_watched(self, *, cursor: str | None, limit: int) -> Page[StockKey]:
        shards = sorted(self._stock.shards.rows.values(), key=lambda one: (one.location, one.sku))
        watched = [
            (one.sku, one.location) for one in shards if one.low_stock_threshold != NO_THRESHOLD
        ]
        return _page(watched, cursor, limit)

    def filter_watched(self, keys: Iterable[StockKey]) -> Sequence[StockKey]:
        return [
            key
            for key in keys
            if any(
                level.low_stock_threshold is not None for level in self._stock.get_levels_at([key])
            )
        ]

    def _set_state(self, level: StockLevel, alert_state: AlertState) -> bool:
        try:
            self._stock._commit((set_alert_state_update(level, alert_state),))
        except ConditionFailed:
            return False
        return True


def _page(items: Sequence[T], cursor: str | None, limit: int) -> Page[T]:
    """Return the page that starts at the cursor's offset."""
    start = int(decode_name_cursor(cursor, _OFFSET) or 0)
    end = start + limit
    next_cursor = to_cursor({"after": str(end)}) if end < len(items) else None
    return Page(tuple(items[start:end]), next_cursor)
