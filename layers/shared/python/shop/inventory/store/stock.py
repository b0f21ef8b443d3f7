"""The stock book, and the stock side of an order's transaction, over the inventory table.

A hold is not journalled: the order that owns it is written in the same transaction and *is* its
record. What is journalled is what moves goods (docs/adr/stock-journal.md).
"""

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from pynamodb.transactions import TransactWrite

from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderTerms,
    Demand,
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
from shop.inventory.model.kits import find_kits, kit_availability
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    MAX_SHARDS,
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
    set_terms_updates,
    ship_update,
    sum_levels,
)
from shop.inventory.store.backorders import index_terms_op, list_with_terms
from shop.inventory.store.kits import require_no_kits
from shop.inventory.store.locations import locations_cache
from shop.inventory.store.rows import (
    STOCK_TABLES,
    MovementRow,
    ShardRow,
    ShardTables,
    add_movement,
    add_shard_writes,
    movement_from_row,
    parse_shard_key,
    shard_from_row,
    shard_key,
)
from shop.inventory.store.shard_cache import (
    MAX_CACHED_SKUS,
    MIN_REFRESH_INTERVAL,
    ShardCache,
    ShardSnapshot,
    read_all_shards,
)
from shop.kernel.errors import InvalidRequest, NotFound, Unavailable, VersionConflict
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

T = TypeVar("T")

MAX_NEW_LEVELS_PER_TRANSACTION = 50
"""SKUs opened in one transaction: a level and a movement each, of the 100 actions allowed."""
MAX_ATTEMPTS = 5
NO_LOCATION = "-"
"""No location ships there: units are asked for where there is no row, and refused."""
MOVEMENT_KEY_PATTERN = re.compile(r"[0-9T:+.-]{26,40}#mov_[a-z0-9]{1,60}")
"""How a line of the journal is named."""


class DynamoStockRepository:
    """Both ports of the floor. ``locations`` are those that orders are served from, the preferred
    one first; ``None``: those that staff have described. ``clock`` tells seconds since the epoch.
    ``books`` are the rows of the table that it is kept in.
    """

    def __init__(
        self,
        locations: Sequence[str] | None = None,
        *,
        chance: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        books: ShardTables = STOCK_TABLES,
    ) -> None:
        self._books = books
        self._fixed = None if locations is None else tuple(locations)
        self._country: str | None = None
        self._chance = chance or random.Random()
        self._sleep = sleep
        self._clock = clock
        self._sights = ShardCache(clock, books)
        self._beyond: dict[str, dict[str, StockShard]] = {}
        self._ledger = DynamoUnitOfWork(connection())

    def for_destination(self, country: str | None) -> "DynamoStockRepository":
        rows = copy(self)  # it shares what this one remembers
        rows._country = country
        return rows

    @property
    def _locations(self) -> tuple[str, ...]:
        return (
            locations_cache()().shipping_locations(self._country)
            if self._fixed is None
            else self._fixed
        )

    @property
    def _everywhere(self) -> tuple[str, ...]:
        return tuple(locations_cache()().locations) if self._fixed is None else self._fixed

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        read = self._by_location(skus, self._locations, False)
        levels = {sku: sum_levels(sku, levels) for sku, levels in read.items()}
        kits = find_kits(levels)
        if missing := {sku for kit in kits.values() for sku in kit.parts} - set(levels):
            levels |= self.levels(missing)
        for sku, kit in kits.items():
            made = kit_availability(kit, levels)
            levels[sku] = replace(levels[sku], on_hand=made)
        return levels

    def current_levels_by_location(self, skus: Iterable[str]) -> Mapping[str, Sequence[StockLevel]]:
        return self._by_location(skus, self._everywhere, True)

    def _by_location(
        self, skus: Iterable[str], places: Sequence[str], consistent: bool
    ) -> dict[str, Sequence[StockLevel]]:
        requested_ids = list(dict.fromkeys(skus))
        # At the main location it is told which SKUs are kits, whether it ships or not.
        rows = dict.fromkeys((*places, MAIN_LOCATION) if self._fixed is None else places)
        keys = [shard_key(sku, location) for sku in requested_ids for location in rows]
        found = self._whole(self._read(keys, consistent), consistent)
        return {
            sku: [
                found[sku, place]
                for place in rows
                if (sku, place) in found and (place in places or found[sku, place].parts)
            ]
            for sku in requested_ids
        }

    def get_levels_at(self, places: Sequence[tuple[str, str]]) -> Sequence[StockLevel]:
        bases = self._read([shard_key(*one) for one in places], True)
        return list(self._whole(bases, True).values())

    def levels_by_location(self, sku: str) -> Sequence[StockLevel]:
        rows = self._books.shards.query(
            f"SKU#{sku}", ShardRow.sk.startswith("LOC#"), consistent_read=True
        )
        return list(self._whole([shard_from_row(row) for row in rows], True).values())

    def _whole(
        self, bases: Sequence[StockShard], consistent: bool
    ) -> dict[tuple[str, str], StockLevel]:
        """The levels of which bin 0 was read."""
        awaited = self._awaited(bases, consistent)
        found: dict[tuple[str, str], StockLevel] = {}
        for base in bases:
            self._remember(base)
            level = combine_shards([base], awaited=awaited.get((base.sku, base.location)))
            if base.shard_count > 1:
                level = self._split(base, level, consistent)
            found[base.sku, base.location] = level
        return found

    def _split(self, base: StockShard, level: StockLevel, consistent: bool) -> StockLevel:
        """The whole level of a SKU of which bin 0 was read."""
        if consistent:
            bins = read_all_shards(base.sku, base.location, consistent=True, books=self._books)
            counted = combine_shards(bins) if bins else level
        else:
            sight = self._sights.refresh_if_stale(base.sku, base.location)
            counted = sight.level if sight is not None else level
        return replace(
            counted,
            backordered=level.backordered,
            terms=level.terms,
            low_stock_threshold=level.low_stock_threshold,
            alert_state=level.alert_state,
            crossings=level.crossings,
        )

    def _awaited(
        self, bases: Iterable[StockShard], consistent: bool
    ) -> dict[tuple[str, str], StockShard]:
        """The bins of goods still to come, where bin 0 says that there is one."""
        keys = [
            shard_key(one.sku, one.location, INBOUND_SHARD) for one in bases if one.version_of_terms
        ]
        if not keys:
            return {}
        rows = self._read(keys, consistent)
        for one in rows:
            self._beyond.setdefault(one.sku, {})[one.location] = one
        while len(self._beyond) > MAX_CACHED_SKUS:
            self._beyond.pop(next(iter(self._beyond)))
        return {(one.sku, one.location): one for one in rows}

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        bins = read_all_shards(sku, location, consistent=True, books=self._books)
        awaited = self._awaited(bins[:1], True)
        return combine_shards(bins, sku, location, awaited.get((sku, location)))

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *more: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        moves = group_by_level([(movement, before), *more])
        lines = [movement, *(one for one, _ in more)]
        after = before.with_movements(*moves[0][1])
        for _ in range(MAX_ATTEMPTS):
            step = tuple(self._moving(level, several) for level, several in moves)
            known = {level.sku for level, _ in moves if level.location == MAIN_LOCATION}
            single = require_no_kits({level.sku for level, _ in moves} - known)
            try:
                self._commit(step, *lines, extra_writes=(*extra_writes, single))
            except ConditionFailed as clash:
                for level, several in moves:
                    self._still(level, several)
                if not any(parse_shard_key(name) for name in clash.keys):
                    raise VersionConflict(
                        "what was to be written with it cannot be written"
                    ) from None
            else:
                return after
        raise VersionConflict(f"the stock of {before.sku} at {before.location} keeps moving")

    def _moving(
        self, before: StockLevel, movements: Sequence[StockMovement]
    ) -> StockShard | ShardUpdate:
        """What is to be written for movements of a level. Raises what :meth:`after` raises."""
        after = before.with_movements(*movements)
        if before.version == 0:
            return _opened(StockShard(before.sku, before.location), after)
        if before.shard_count == 1:
            return movement_update(_base_of(before), movements)
        needed = -sum(movement.available for movement in movements)
        bins = read_all_shards(before.sku, before.location, consistent=True, books=self._books)
        while bins and (gathered := gather_step(bins, needed)):
            with contextlib.suppress(ConditionFailed):
                self._commit(gathered)
            bins = read_all_shards(before.sku, before.location, consistent=True, books=self._books)
        if combine_shards(bins, before.sku, before.location).version != before.version:
            raise self._moved_meanwhile(before)
        return movement_update(bins[0], movements)

    def _still(self, before: StockLevel, movements: Sequence[StockMovement]) -> None:
        """Raise why a movement was refused; return where nothing is in its way any more."""
        if before.location != MAIN_LOCATION:
            self.level(before.sku).with_movements()
        now = self.level(before.sku, before.location)
        if now.version != before.version:
            raise self._moved_meanwhile(before)
        now.with_movements(*movements)

    def _moved_meanwhile(self, before: StockLevel) -> VersionConflict:
        return VersionConflict(f"the stock of {before.sku} at {before.location} moved meanwhile")

    def create_levels(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        opened: set[str] = set()
        for skus in _batches(counts, MAX_NEW_LEVELS_PER_TRANSACTION):
            fresh = list(skus)
            while fresh:
                known = {
                    one.sku
                    for one in self._read([shard_key(sku, MAIN_LOCATION) for sku in fresh], True)
                }
                fresh = [sku for sku in fresh if sku not in known]
                if not fresh or self._opened({s: counts[s] for s in fresh}, actor, reason, at):
                    opened.update(fresh)
                    break
        return frozenset(opened)

    def _opened(self, counts: Mapping[str, int], actor: str, reason: str, at: datetime) -> bool:
        """Write all of them, or none and ``False`` where somebody opened one of them just now."""
        movements = [
            StockMovement(sku, MovementType.COUNTED, at, actor, reason, on_hand=units)
            for sku, units in counts.items()
        ]
        fresh = tuple(
            _opened(StockShard(m.sku), StockLevel(m.sku).with_movements(m)) for m in movements
        )
        try:
            self._commit(fresh, *movements)
        except ConditionFailed:
            return False
        return True

    def list_movements(
        self, sku: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[StockMovement]:
        after = decode_name_cursor(cursor, MOVEMENT_KEY_PATTERN)
        older = None if after is None else MovementRow.sk < after
        found = self._books.movements.query(
            f"MOVES#{sku}", older, scan_index_forward=False, limit=limit + 1, page_size=limit + 1
        )
        rows = list(found)
        more = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(movement_from_row(sku, row) for row in rows[:limit]), more)

    def set_backorder_terms(self, terms: BackorderTerms, before: StockLevel) -> StockLevel:
        before.with_movements()  # a kit is refused
        step: ShardWrites = set_terms_updates(before, terms, there=before.terms is not None)
        if before.version == 0:
            # Nothing of it was ever here: a pre-order is the first that is heard of it.
            made = StockShard(before.sku, before.location, version=1, version_of_terms=1)
            step = (made, *step[1:])
        return self._policy(step, before, index_terms_op(before.sku, before.location))

    def list_backorderable(self) -> Sequence[tuple[str, str]]:
        return list_with_terms()

    def _policy(
        self, step: ShardWrites, before: StockLevel, *extra_writes: WriteOperation
    ) -> StockLevel:
        try:
            self._commit(
                tuple(expect_version(part, before) for part in step), extra_writes=extra_writes
            )
        except ConditionFailed:
            raise self._moved_meanwhile(before) from None
        return self.level(before.sku, before.location)

    # Hot SKUs

    def reshard(self, sku: str, bins: int, location: str = MAIN_LOCATION) -> int:
        """Keep a SKU's stock in so many bins, while it sells; returns how many there are now.

        More than wanted means that some still hold promises; they are not drawn from any more, and
        a later call takes them away. Safe to run twice at once. Raises NotFound for a SKU that has
        no stock here, Unavailable where buyers leave no gap.
        """
        if not 1 <= bins <= MAX_SHARDS:
            raise InvalidRequest(f"stock is kept in 1 to {MAX_SHARDS} bins", path="$.bins")
        clashes = 0
        while True:
            rows = read_all_shards(sku, location, consistent=True, books=self._books)
            if not rows:
                raise NotFound(f"there is no stock of {sku} at {location}")
            step = next_reshard_step(rows, bins)
            if not step:
                break
            try:
                self._commit(step)
            except (ConditionFailed, Unavailable):
                clashes += 1
                if clashes > 20 * bins + 100:
                    raise Unavailable("this stock is too busy to be shared out now") from None
        self._sights.put(rows[0])
        if len(rows) > 1:
            self._sights.refresh(sku, location)
        return len(rows)

    def note_shard_count(self, sku: str, bins: int) -> None:
        """Somebody read that a SKU has so many bins at the first location: whoever knows nothing of
        it yet need not begin at bin 0, where all who know nothing meet.
        """
        if bins > 1 and not self._sights.get(sku):
            self._sights.put(StockShard(sku, self._locations[0], shard_count=bins, open=bins))

    # The stock side of an order's transaction

    def pick_shards(self, demands: Iterable[Demand]) -> tuple[Reservation, ...]:
        return tuple(hold for demand in merge_demands(demands) for hold in self._drawn(demand))

    def _drawn(self, demand: Demand) -> tuple[Reservation, ...]:
        seen = self._seen(demand.sku)
        if seen:
            in_use = {place: sight.units[: sight.open] for place, sight in seen.items()}
            drawn = pick_shards(demand, in_use, self._chance) or pick_shards(
                demand, {place: sight.units for place, sight in seen.items()}, self._chance
            )
            if drawn is None and self._just_seen(seen):
                # What is here is sold first, so old knowledge sends nobody to what is to come.
                drawn = self._drawn_beyond(demand, seen)
            if drawn:
                return drawn
            # Believed gone. The condition decides, on any bin, so that no bin gets all who come.
            place, sight = next(iter(seen.items()))
            return (
                Reservation(demand.sku, demand.quantity, place, self._chance.randrange(sight.open)),
            )
        places = self._locations
        return (Reservation(demand.sku, demand.quantity, places[0] if places else NO_LOCATION),)

    def _just_seen(self, seen: Mapping[str, ShardSnapshot]) -> bool:
        now = self._clock()
        return all(self._sights.is_fresh(sight, now) for sight in seen.values())

    def _seen(self, sku: str) -> dict[str, ShardSnapshot]:
        """What is remembered of a SKU where orders are served from, the first choice first."""
        sights = self._sights.get(sku)
        return {place: sights[place] for place in self._locations if place in sights}

    def _drawn_beyond(
        self, demand: Demand, seen: Mapping[str, ShardSnapshot]
    ) -> tuple[Reservation, ...] | None:
        """What is here, and the rest from what is still to come, where the terms allow it."""
        units = {place: sight.units for place, sight in seen.items()}
        here = sum(max(0, n) for several in units.values() for n in several)
        part = pick_shards(Demand(demand.sku, here), units, self._chance) if here else ()
        if part is None:
            part, here = (), 0
        for location, awaited in self._open_beyond(demand.sku).items():
            if awaited.available >= demand.quantity - here:
                rest = Reservation(demand.sku, demand.quantity - here, location, INBOUND_SHARD)
                return (*part, rest)
        return None

    def _open_beyond(self, sku: str) -> Mapping[str, StockShard]:
        """Goods still to come that may be sold now."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        return {
            location: awaited
            for location, awaited in self._beyond.get(sku, {}).items()
            if location in self._locations and awaited.terms and awaited.terms.open(now)
        }

    def reserve(
        self, transaction: TransactWrite, requested: Iterable[Demand | Reservation]
    ) -> tuple[Reservation, ...]:
        requested_ids = list(requested)
        drawn = self.pick_shards(one for one in requested_ids if isinstance(one, Demand))
        holds = merge_reservations(
            [*drawn, *(one for one in requested_ids if isinstance(one, Reservation))]
        )
        self._write(transaction, tuple(reserve_update(hold) for hold in holds))
        return holds

    def release(
        self,
        transaction: TransactWrite,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self._write(
            transaction,
            tuple(release_update(hold, state) for hold in merge_reservations(reservations)),
        )

    def commit(self, transaction: TransactWrite, reservations: Iterable[Reservation]) -> None:
        paid = (
            move_claim_update(h, ReservationState.RESERVED, ReservationState.COMMITTED)
            for h in merge_reservations(reservations)
        )
        self._write(transaction, tuple(paid))

    def revert_commit(
        self, transaction: TransactWrite, reservations: Iterable[Reservation]
    ) -> None:
        back = (
            move_claim_update(h, ReservationState.COMMITTED, ReservationState.RESERVED)
            for h in merge_reservations(reservations)
        )
        self._write(transaction, tuple(back))

    def relocate(
        self,
        transaction: TransactWrite,
        old: Iterable[Reservation],
        new: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self._write(transaction, relocate_updates(old, new, state))

    def cover_backorder(
        self,
        transaction: TransactWrite,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> tuple[Reservation, ...]:
        stored = []
        for hold in merge_reservations(reservations):
            if hold.shard == INBOUND_SHARD:
                step, hold = cover_backorder_updates(hold, state)
                self._write(transaction, step)
            stored.append(hold)
        return tuple(stored)

    def ship(
        self,
        transaction: TransactWrite,
        reservations: Iterable[Reservation],
        *,
        order: str,
        actor: str,
        at: datetime,
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        for hold in merge_reservations(reservations):
            self._write(transaction, (ship_update(hold, state),))
            add_movement(
                transaction,
                StockMovement(
                    hold.sku,
                    MovementType.SHIPPED,
                    at,
                    actor,
                    reference=order,
                    location=hold.location,
                    shard=hold.shard,
                    on_hand=-hold.quantity,
                ),
                self._books,
            )

    def shortages_from(
        self, error: Exception | None, demands: Iterable[Demand]
    ) -> tuple[Shortage, ...]:
        wanted = {demand.sku: demand.quantity for demand in merge_demands(demands)}
        refused = (
            [parse_shard_key(name) for name in error.keys]
            if isinstance(error, ConditionFailed)
            else []
        )
        failed = [one for one in refused if one is not None and one[0] in wanted]
        if isinstance(error, ConditionFailed) and not failed:
            return ()
        refused_at = self._clock()
        self._see(wanted, failed)
        short, unsure = self._short(wanted, refused_at)
        if unsure and not short:
            # Somebody was faster at this bin. Wait for the next sight, and judge by that.
            self._sleep(self._chance.uniform(MIN_REFRESH_INTERVAL / 2, MIN_REFRESH_INTERVAL))
            refused_at = self._clock()
            self._look(wanted)
            short, _ = self._short(wanted, refused_at)
        return short

    def _short(
        self, requested: Mapping[str, int], refused_at: float
    ) -> tuple[tuple[Shortage, ...], bool]:
        """Every line known to be short, and whether some other may be.

        A sight's age counts from the refusal: reading the last of many lines must not make what was
        read of the first look old, or a long order would name some of its short lines only.
        """
        short, unsure = [], False
        for sku, quantity in requested.items():
            sights = self._seen(sku)
            left = sum(sight.left for sight in sights.values())
            left += sum(awaited.available for awaited in self._open_beyond(sku).values())
            if left >= quantity:
                unsure |= any(len(sight.units) > 1 for sight in sights.values())
            elif all(self._sights.is_fresh(sight, refused_at) for sight in sights.values()):
                short.append(Shortage(sku, quantity, left))
            else:
                unsure = True
        return tuple(short), unsure

    def _see(self, wanted: Iterable[str], failed: Iterable[tuple[str, int]]) -> None:
        """Read what stood in the way: bins that refused, and the level of every single-bin SKU."""
        many = {
            sku
            for sku in wanted
            if any(len(sight.units) > 1 for sight in self._sights.get(sku).values())
        }
        refusing = {
            (sku, shard, location)
            for sku, shard in failed
            if sku in many and shard >= 0
            for location in self._locations
            if shard < len(_units(self._sights, sku, location))
        }
        places = self._locations
        keys = [shard_key(sku, place) for sku in wanted if sku not in many for place in places]
        keys += [shard_key(sku, location, shard) for sku, shard, location in refusing]
        rows = self._read(keys, True)
        bases = [one for one in rows if one.shard == 0 and one.sku not in many]
        for one in bases:
            self._sights.put(one)
        known = [one for sku in many for one in self._beyond.get(sku, {}).values()]
        self._awaited([*bases, *(replace(one, version_of_terms=1) for one in known)], True)
        self._sights.update(rows)
        for sku, shard, location in refusing - {(b.sku, b.shard, b.location) for b in rows}:
            self._sights.remove_shard(sku, location, shard)
        self._look(wanted)

    def _look(self, skus: Iterable[str]) -> None:
        for sku in skus:
            for location, sight in list(self._sights.get(sku).items()):
                if len(sight.units) > 1:
                    self._sights.refresh_if_stale(sku, location)

    def _remember(self, base: StockShard) -> None:
        """Most SKUs need no memory: one bin at the one location there is."""
        if base.shard_count > 1 or base.version_of_terms or len(self._locations) > 1:
            self._sights.put(base)
        else:
            self._sights.discard(base.sku)

    def _read(self, keys: Sequence[tuple[str, str]], consistent: bool) -> list[StockShard]:
        rows = self._books.shards.batch_get(keys, consistent_read=consistent)
        return [shard_from_row(row) for row in rows]

    def _write(self, transaction: TransactWrite, step: ShardWrites) -> None:
        add_shard_writes(transaction, step, self._books)

    def _commit(
        self,
        step: ShardWrites,
        *movements: StockMovement,
        extra_writes: Sequence[WriteOperation] = (),
    ) -> None:
        def part(transaction: TransactWrite) -> None:
            self._write(transaction, step)
            for movement in movements:
                add_movement(transaction, movement, self._books)

        self._ledger.commit(part, *extra_writes)


def _units(sights: ShardCache, sku: str, location: str) -> Sequence[int]:
    sight = sights.get(sku).get(location)
    return sight.units if sight is not None else ()


def _opened(fresh: StockShard, after: StockLevel) -> StockShard:
    return StockShard(
        fresh.sku,
        fresh.location,
        on_hand=after.on_hand,
        available=after.available,
        version=after.version,
        unavailable_by=after.unavailable_by,
        safety=after.safety,
        incoming=after.incoming,
        in_transit=after.in_transit,
        earmarked=after.earmarked,
    )


def _base_of(level: StockLevel) -> StockShard:
    """Bin 0 of a level that has no other."""
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
    walk = iter(items)
    while batch := list(islice(walk, size)):
        yield batch
