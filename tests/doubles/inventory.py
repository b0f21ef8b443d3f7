"""Stock in memory: what the inventory table does, without one. Runs the ports' own test-suite."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

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
    StockLevel,
    StockMovement,
    group_by_level,
    merge_demands,
    merge_reservations,
)
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    MAX_SHARDS,
    NO_THRESHOLD,
    ShardRemoval,
    ShardUpdate,
    ShardWrites,
    StockShard,
    combine_shards,
    cover_backorder_updates,
    expect_version,
    gather_step,
    move_claim_update,
    movement_update,
    next_reshard_step,
    pick_shards,
    release_update,
    relocate_updates,
    reserve_update,
    set_alert_state_update,
    set_terms_updates,
    set_threshold_update,
    ship_update,
    sum_levels,
)
from shop.kernel.errors import InvalidRequest, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation


class MemoryTransaction:
    """All or nothing: checks first, then effects. Stores in memory write their parts into it."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, Callable[[], bool], Callable[[], object]]] = []

    def add(self, name: str, check: Callable[[], bool], effect: Callable[[], object]) -> None:
        """Write ``effect`` to the row called ``name`` if ``check`` holds when it is committed."""
        self._parts.append((name, check, effect))

    def commit(self) -> None:
        failed = frozenset(name for name, check, _ in self._parts if not check())
        if failed:
            raise ConditionFailed(failed)
        for _, _, effect in self._parts:
            effect()


class MemoryUnitOfWork:
    """Commits parts one transaction after the other, so nobody is ever in the way."""

    _one_at_a_time = threading.RLock()

    def commit(self, *parts: WriteOperation) -> None:
        with self._one_at_a_time:
            transaction = MemoryTransaction()
            for part in parts:
                part(transaction)
            transaction.commit()


class MemoryShards:
    """The inventory table: bins, and the very changes that the real table gets, applied to them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], StockShard] = {}

    def add(self, transaction: MemoryTransaction, step: ShardWrites) -> None:
        for part in step:
            name = part.shard if isinstance(part, ShardRemoval) else part
            transaction.add(
                _name(name.sku, name.shard),
                lambda part=part: self._may(part),  # type: ignore[misc]
                lambda part=part: self._do(part),  # type: ignore[misc]
            )

    def _may(self, part: StockShard | ShardUpdate | ShardRemoval) -> bool:
        if isinstance(part, StockShard):
            return _key(part) not in self.rows
        if isinstance(part, ShardRemoval):
            there = self.rows.get(_key(part.shard))
            return there is not None and there.empty and there.version == part.shard.version
        there = self.rows.get(_key(part))
        return (
            there is not None
            and all(getattr(there, name) >= least for name, least in part.minimums.items())
            and all(getattr(there, name) == value for name, value in part.expected.items())
        )

    def _do(self, part: StockShard | ShardUpdate | ShardRemoval) -> None:
        if isinstance(part, StockShard):
            self.rows[_key(part)] = part
        elif isinstance(part, ShardRemoval):
            del self.rows[_key(part.shard)]
        else:
            there = self.rows[_key(part)]
            counts = {name: getattr(there, name) + by for name, by in part.deltas.items()}
            changed: dict[str, Any] = {**counts, **part.assignments}
            self.rows[_key(part)] = replace(there, **changed)

    def of(self, sku: str, location: str) -> list[StockShard]:
        """All bins of a SKU at a location, in order."""
        base = self.rows.get((sku, location, 0))
        return [self.rows[sku, location, n] for n in range(base.shard_count)] if base else []


def _key(part: StockShard | ShardUpdate) -> tuple[str, str, int]:
    return part.sku, part.location, part.shard


def _name(sku: str, shard: int) -> str:
    if shard < 0:
        return f"AWAITED#{sku}"
    return f"BIN#{shard}#{sku}" if shard else f"SKU#{sku}"


class MemoryStockRepository:
    """Both ports of the floor: the stock book and the stock side of an order's transaction."""

    def __init__(
        self,
        counts: Mapping[str, int] | None = None,
        *,
        locations: Sequence[str] = (MAIN_LOCATION,),
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self.bins = MemoryShards()
        self._locations = tuple(locations)
        self._chance = chance or random.Random(1)
        self._ledger = MemoryUnitOfWork()
        self._journal: dict[str, list[StockMovement]] = {}
        for sku, units in (counts or {}).items():
            one = StockShard(sku, on_hand=units, available=units, version=1)
            self.bins.rows[sku, MAIN_LOCATION, 0] = one

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        return {
            sku: sum_levels(sku, levels)
            for sku, levels in self.current_levels_by_location(skus).items()
        }

    def current_levels_by_location(self, skus: Iterable[str]) -> Mapping[str, Sequence[StockLevel]]:
        return {
            sku: [self.level(sku, place) for place in self._locations if self.bins.of(sku, place)]
            for sku in skus
        }

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        awaited = self.bins.rows.get((sku, location, INBOUND_SHARD))
        return combine_shards(self.bins.of(sku, location), sku, location, awaited)

    def get_levels_at(self, places: Sequence[tuple[str, str]]) -> Sequence[StockLevel]:
        return [self.level(*one) for one in places if self.bins.of(*one)]

    def levels_by_location(self, sku: str) -> Sequence[StockLevel]:
        places = sorted(place for one, place, shard in self.bins.rows if (one, shard) == (sku, 0))
        return [self.level(sku, place) for place in places]

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *more: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        moves = group_by_level([(movement, before), *more])
        for level, several in moves:
            self._as_read(level).with_movements(*several)
        step: list[StockShard | ShardUpdate | ShardRemoval] = []
        for level, several in moves:
            if not self.bins.of(level.sku, level.location):
                self._commit((StockShard(level.sku, level.location),))
            needed = -sum(one.available for one in several)
            while gathered := gather_step(self.bins.of(level.sku, level.location), needed):
                self._commit(gathered)
            step.append(movement_update(self.bins.of(level.sku, level.location)[0], several))
        after = self.level(before.sku, before.location).with_movements(*moves[0][1])
        try:
            self._commit(
                tuple(step), movement, *(one for one, _ in more), extra_writes=extra_writes
            )
        except ConditionFailed:
            raise VersionConflict("what was to be written with it cannot be written") from None
        return after

    def _as_read(self, level: StockLevel) -> StockLevel:
        now = self.level(level.sku, level.location)
        if now.version != level.version:
            raise VersionConflict(f"the stock of {level.sku} moved meanwhile")
        return now

    def set_backorder_terms(self, terms: BackorderTerms, before: StockLevel) -> StockLevel:
        self._as_read(before)
        if before.version == 0:
            self._commit((StockShard(before.sku, before.location),))
        self._commit(set_terms_updates(before, terms, there=before.terms is not None))
        return self.level(before.sku, before.location)

    def list_backorderable(self) -> Sequence[tuple[str, str]]:
        return [(sku, place) for sku, place, shard in self.bins.rows if shard == INBOUND_SHARD]

    def create_levels(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        fresh = frozenset(sku for sku in counts if self.level(sku).version == 0)
        for sku in fresh:
            movement = StockMovement(
                sku, MovementType.COUNTED, at, actor, reason, on_hand=counts[sku]
            )
            self.write_movement(movement, StockLevel(sku))
        return fresh

    def list_movements(
        self, sku: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[StockMovement]:
        start = int(decode_name_cursor(cursor, re.compile("[0-9]{1,9}")) or 0)
        newest_first = sorted(self._journal.get(sku, []), key=lambda m: m.at, reverse=True)
        page = newest_first[start : start + limit]
        more = start + limit < len(newest_first)
        return Page(tuple(page), to_cursor({"after": str(start + limit)}) if more else None)

    def reshard(self, sku: str, bins: int, location: str = MAIN_LOCATION) -> int:
        if not 1 <= bins <= MAX_SHARDS:
            raise InvalidRequest(f"stock is kept in 1 to {MAX_SHARDS} bins", path="$.bins")
        if not self.bins.of(sku, location):
            raise NotFound(f"there is no stock of {sku} at {location}")
        while step := next_reshard_step(self.bins.of(sku, location), bins):
            self._commit(step)
        return len(self.bins.of(sku, location))

    # The stock side of an order's transaction

    def for_destination(self, country: str | None) -> "MemoryStockRepository":
        return self

    def pick_shards(self, demands: Iterable[Demand]) -> tuple[Reservation, ...]:
        return tuple(hold for demand in merge_demands(demands) for hold in self._drawn(demand))

    def _drawn(self, demand: Demand) -> tuple[Reservation, ...]:
        seen = {
            location: [one.available for one in bins]
            for location in self._locations
            if (bins := self.bins.of(demand.sku, location))
        }
        drawn = pick_shards(demand, seen, self._chance)
        if drawn:
            return drawn
        here = sum(max(0, n) for units in seen.values() for n in units)
        part = (pick_shards(Demand(demand.sku, here), seen, self._chance) or ()) if here else ()
        for place in self._locations:
            awaited = self._open_beyond(demand.sku, place)
            if awaited >= demand.quantity - here:
                return (
                    *part,
                    Reservation(demand.sku, demand.quantity - here, place, INBOUND_SHARD),
                )
        return (Reservation(demand.sku, demand.quantity, self._locations[0]),)

    def _open_beyond(self, sku: str, location: str) -> int:
        awaited = self.bins.rows.get((sku, location, INBOUND_SHARD))
        now = datetime.fromtimestamp(self._clock(), UTC)
        return awaited.available if awaited and awaited.terms and awaited.terms.open(now) else 0

    def reserve(
        self, transaction: MemoryTransaction, requested: Iterable[Demand | Reservation]
    ) -> tuple[Reservation, ...]:
        asked = list(requested)
        drawn = self.pick_shards(one for one in asked if isinstance(one, Demand))
        holds = merge_reservations(
            [*drawn, *(one for one in asked if isinstance(one, Reservation))]
        )
        self.bins.add(transaction, tuple(reserve_update(hold) for hold in holds))
        return holds

    def release(
        self,
        transaction: MemoryTransaction,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self.bins.add(
            transaction,
            tuple(release_update(hold, state) for hold in merge_reservations(reservations)),
        )

    def commit(self, transaction: MemoryTransaction, reservations: Iterable[Reservation]) -> None:
        for hold in merge_reservations(reservations):
            self.bins.add(
                transaction,
                (move_claim_update(hold, ReservationState.RESERVED, ReservationState.COMMITTED),),
            )

    def revert_commit(
        self, transaction: MemoryTransaction, reservations: Iterable[Reservation]
    ) -> None:
        for hold in merge_reservations(reservations):
            self.bins.add(
                transaction,
                (move_claim_update(hold, ReservationState.COMMITTED, ReservationState.RESERVED),),
            )

    def relocate(
        self,
        transaction: MemoryTransaction,
        old: Iterable[Reservation],
        new: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self.bins.add(transaction, relocate_updates(old, new, state))

    def cover_backorder(
        self,
        transaction: MemoryTransaction,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> tuple[Reservation, ...]:
        kept = []
        for hold in merge_reservations(reservations):
            step, here = (
                cover_backorder_updates(hold, state) if hold.shard == INBOUND_SHARD else ((), hold)
            )
            self.bins.add(transaction, step)
            kept.append(here)
        return tuple(kept)

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
        for hold in merge_reservations(reservations):
            self.bins.add(transaction, (ship_update(hold, state),))
            movement = StockMovement(
                hold.sku,
                MovementType.SHIPPED,
                at,
                actor,
                reference=order,
                location=hold.location,
                shard=hold.shard,
                on_hand=-hold.quantity,
            )
            transaction.add(f"MOVES#{hold.sku}", lambda: True, self._noted(movement))

    def shortages_from(
        self, error: Exception | None, demands: Iterable[Demand]
    ) -> tuple[Shortage, ...]:
        short = []
        for one in merge_demands(demands):
            level = self.levels([one.sku])[one.sku]
            left = max(0, level.available) + sum(
                self._open_beyond(one.sku, place) for place in self._locations
            )
            if left < one.quantity:
                short.append(Shortage(one.sku, one.quantity, left))
        return tuple(short)

    def _commit(
        self,
        step: ShardWrites,
        *movements: StockMovement,
        extra_writes: Sequence[WriteOperation] = (),
    ) -> None:
        def part(transaction: MemoryTransaction) -> None:
            self.bins.add(transaction, step)
            for movement in movements:
                transaction.add(f"MOVES#{movement.sku}", lambda: True, self._noted(movement))

        self._ledger.commit(part, *extra_writes)

    def _noted(self, movement: StockMovement) -> Callable[[], None]:
        return lambda: self._journal.setdefault(movement.sku, []).append(movement)


class MemoryLowStockAlerts:
    """Thresholds and crossings over the bins in memory. ``told`` is what the outbox would carry."""

    def __init__(self, stock: MemoryStockRepository) -> None:
        self._stock = stock
        self._low: dict[tuple[str, str], LowStockCrossing] = {}
        self.told: list[Event] = []

    def set_threshold(self, low_at: int | None, before: StockLevel) -> None:
        try:
            self._stock._commit((expect_version(set_threshold_update(before, low_at), before),))
        except ConditionFailed:
            raise VersionConflict(f"the stock of {before.sku} moved meanwhile") from None
        self._low.pop((before.location, before.sku), None)

    def open_alert(self, crossing: LowStockCrossing, level: StockLevel) -> bool:
        if not self._marked(level, AlertState.LOW):
            return False
        self._low[level.location, level.sku] = crossing
        self.told.append(crossing.event)
        return True

    def close_alert(self, level: StockLevel) -> bool:
        if not self._marked(level, AlertState.OK):
            return False
        self._low.pop((level.location, level.sku), None)
        return True

    def list_open(self, *, cursor: str | None, limit: int) -> Page[LowStockCrossing]:
        start = int(decode_name_cursor(cursor, re.compile("[0-9]{1,9}")) or 0)
        found = [self._low[name] for name in sorted(self._low)]
        more = to_cursor({"after": str(start + limit)}) if start + limit < len(found) else None
        return Page(tuple(found[start : start + limit]), more)

    def list_watched(self, *, cursor: str | None, limit: int) -> Page[tuple[str, str]]:
        start = int(decode_name_cursor(cursor, re.compile("[0-9]{1,9}")) or 0)
        rows = sorted(self._stock.bins.rows.values(), key=lambda one: (one.location, one.sku))
        found = [(one.sku, one.location) for one in rows if one.low_stock_threshold != NO_THRESHOLD]
        more = to_cursor({"after": str(start + limit)}) if start + limit < len(found) else None
        return Page(tuple(found[start : start + limit]), more)

    def with_threshold(self, places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        return [
            one
            for one in places
            if any(
                level.low_stock_threshold is not None for level in self._stock.get_levels_at([one])
            )
        ]

    def _marked(self, level: StockLevel, watch: AlertState) -> bool:
        try:
            self._stock._commit((set_alert_state_update(level, watch),))
        except ConditionFailed:
            return False
        return True
