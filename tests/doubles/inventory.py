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
    MAIN,
    Claim,
    Demand,
    Hold,
    Kind,
    LowStock,
    Movement,
    Shortage,
    StockLevel,
    Terms,
    Watch,
    add_up,
    by_level,
    merged,
)
from shop.inventory.model.bins import (
    AWAITED,
    MOST_BINS,
    NO_ALARM,
    Bin,
    Change,
    Gone,
    Step,
    agreeing,
    at_version,
    covering,
    draw,
    gathering,
    level_of,
    marking,
    moved,
    moving,
    next_step,
    relabelling,
    releasing,
    reserving,
    shipping,
    total,
    watching,
)
from shop.kernel.errors import Invalid, NotFound, Stale
from shop.kernel.events import Event
from shop.kernel.paging import Page, place_in, to_cursor
from shop.kernel.transactions import Clash, Part


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
            raise Clash(failed)
        for _, _, effect in self._parts:
            effect()


class MemoryLedger:
    """Commits parts one transaction after the other, so nobody is ever in the way."""

    _one_at_a_time = threading.RLock()

    def commit(self, *parts: Part) -> None:
        with self._one_at_a_time:
            transaction = MemoryTransaction()
            for part in parts:
                part(transaction)
            transaction.commit()


class MemoryBins:
    """The inventory table: bins, and the very changes that the real table gets, applied to them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], Bin] = {}

    def add(self, transaction: MemoryTransaction, step: Step) -> None:
        for part in step:
            name = part.bin if isinstance(part, Gone) else part
            transaction.add(
                _name(name.sku, name.shard),
                lambda part=part: self._may(part),  # type: ignore[misc]
                lambda part=part: self._do(part),  # type: ignore[misc]
            )

    def _may(self, part: Bin | Change | Gone) -> bool:
        if isinstance(part, Bin):
            return _key(part) not in self.rows
        if isinstance(part, Gone):
            there = self.rows.get(_key(part.bin))
            return there is not None and there.empty and there.version == part.bin.version
        there = self.rows.get(_key(part))
        return (
            there is not None
            and all(getattr(there, name) >= least for name, least in part.needs.items())
            and all(getattr(there, name) == value for name, value in part.exactly.items())
        )

    def _do(self, part: Bin | Change | Gone) -> None:
        if isinstance(part, Bin):
            self.rows[_key(part)] = part
        elif isinstance(part, Gone):
            del self.rows[_key(part.bin)]
        else:
            there = self.rows[_key(part)]
            counts = {name: getattr(there, name) + by for name, by in part.by.items()}
            changed: dict[str, Any] = {**counts, **part.puts}
            self.rows[_key(part)] = replace(there, **changed)

    def of(self, sku: str, location: str) -> list[Bin]:
        """All bins of a SKU at a location, in order."""
        base = self.rows.get((sku, location, 0))
        return [self.rows[sku, location, n] for n in range(base.bins)] if base else []


def _key(part: Bin | Change) -> tuple[str, str, int]:
    return part.sku, part.location, part.shard


def _name(sku: str, shard: int) -> str:
    if shard < 0:
        return f"AWAITED#{sku}"
    return f"BIN#{shard}#{sku}" if shard else f"SKU#{sku}"


class MemoryStock:
    """Both ports of the floor: the stock book and the stock side of an order's transaction."""

    def __init__(
        self,
        counts: Mapping[str, int] | None = None,
        *,
        locations: Sequence[str] = (MAIN,),
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self.bins = MemoryBins()
        self._locations = tuple(locations)
        self._chance = chance or random.Random(1)
        self._ledger = MemoryLedger()
        self._journal: dict[str, list[Movement]] = {}
        for sku, units in (counts or {}).items():
            one = Bin(sku, on_hand=units, available=units, version=1)
            self.bins.rows[sku, MAIN, 0] = one

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        return {sku: total(sku, levels) for sku, levels in self.by_location(skus).items()}

    def by_location(self, skus: Iterable[str]) -> Mapping[str, Sequence[StockLevel]]:
        return {
            sku: [self.level(sku, place) for place in self._locations if self.bins.of(sku, place)]
            for sku in skus
        }

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        awaited = self.bins.rows.get((sku, location, AWAITED))
        return level_of(self.bins.of(sku, location), sku, location, awaited)

    def at(self, places: Sequence[tuple[str, str]]) -> Sequence[StockLevel]:
        return [self.level(*one) for one in places if self.bins.of(*one)]

    def everywhere(self, sku: str) -> Sequence[StockLevel]:
        places = sorted(place for one, place, shard in self.bins.rows if (one, shard) == (sku, 0))
        return [self.level(sku, place) for place in places]

    def record(
        self,
        movement: Movement,
        before: StockLevel,
        *more: tuple[Movement, StockLevel],
        along: Sequence[Part] = (),
    ) -> StockLevel:
        moves = by_level([(movement, before), *more])
        for level, several in moves:
            self._as_read(level).after(*several)
        step: list[Bin | Change | Gone] = []
        for level, several in moves:
            if not self.bins.of(level.sku, level.location):
                self._commit((Bin(level.sku, level.location),))
            needed = -sum(one.available for one in several)
            while gathered := gathering(self.bins.of(level.sku, level.location), needed):
                self._commit(gathered)
            step.append(moved(self.bins.of(level.sku, level.location)[0], several))
        after = self.level(before.sku, before.location).after(*moves[0][1])
        try:
            self._commit(tuple(step), movement, *(one for one, _ in more), along=along)
        except Clash:
            raise Stale("what was to be written with it cannot be written") from None
        return after

    def _as_read(self, level: StockLevel) -> StockLevel:
        now = self.level(level.sku, level.location)
        if now.version != level.version:
            raise Stale(f"the stock of {level.sku} moved meanwhile")
        return now

    def agree(self, terms: Terms, before: StockLevel) -> StockLevel:
        self._as_read(before)
        if before.version == 0:
            self._commit((Bin(before.sku, before.location),))
        self._commit(agreeing(before, terms, there=before.terms is not None))
        return self.level(before.sku, before.location)

    def on_terms(self) -> Sequence[tuple[str, str]]:
        return [(sku, place) for sku, place, shard in self.bins.rows if shard == AWAITED]

    def open(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        fresh = frozenset(sku for sku in counts if self.level(sku).version == 0)
        for sku in fresh:
            movement = Movement(sku, Kind.COUNTED, at, actor, reason, on_hand=counts[sku])
            self.record(movement, StockLevel(sku))
        return fresh

    def journal(self, sku: str, *, cursor: str | None = None, limit: int = 50) -> Page[Movement]:
        start = int(place_in(cursor, re.compile("[0-9]{1,9}")) or 0)
        newest_first = sorted(self._journal.get(sku, []), key=lambda m: m.at, reverse=True)
        page = newest_first[start : start + limit]
        more = start + limit < len(newest_first)
        return Page(tuple(page), to_cursor({"after": str(start + limit)}) if more else None)

    def spread(self, sku: str, bins: int, location: str = MAIN) -> int:
        if not 1 <= bins <= MOST_BINS:
            raise Invalid(f"stock is kept in 1 to {MOST_BINS} bins", path="$.bins")
        if not self.bins.of(sku, location):
            raise NotFound(f"there is no stock of {sku} at {location}")
        while step := next_step(self.bins.of(sku, location), bins):
            self._commit(step)
        return len(self.bins.of(sku, location))

    # The stock side of an order's transaction

    def towards(self, country: str | None) -> "MemoryStock":
        return self

    def draw(self, demands: Iterable[Demand]) -> tuple[Hold, ...]:
        return tuple(hold for demand in add_up(demands) for hold in self._drawn(demand))

    def _drawn(self, demand: Demand) -> tuple[Hold, ...]:
        seen = {
            location: [one.available for one in bins]
            for location in self._locations
            if (bins := self.bins.of(demand.sku, location))
        }
        drawn = draw(demand, seen, self._chance)
        if drawn:
            return drawn
        here = sum(max(0, n) for units in seen.values() for n in units)
        part = (draw(Demand(demand.sku, here), seen, self._chance) or ()) if here else ()
        for place in self._locations:
            awaited = self._open_beyond(demand.sku, place)
            if awaited >= demand.quantity - here:
                return (*part, Hold(demand.sku, demand.quantity - here, place, AWAITED))
        return (Hold(demand.sku, demand.quantity, self._locations[0]),)

    def _open_beyond(self, sku: str, location: str) -> int:
        awaited = self.bins.rows.get((sku, location, AWAITED))
        now = datetime.fromtimestamp(self._clock(), UTC)
        return awaited.available if awaited and awaited.terms and awaited.terms.open(now) else 0

    def reserve(
        self, transaction: MemoryTransaction, wanted: Iterable[Demand | Hold]
    ) -> tuple[Hold, ...]:
        asked = list(wanted)
        drawn = self.draw(one for one in asked if isinstance(one, Demand))
        holds = merged([*drawn, *(one for one in asked if isinstance(one, Hold))])
        self.bins.add(transaction, tuple(reserving(hold) for hold in holds))
        return holds

    def release(
        self, transaction: MemoryTransaction, holds: Iterable[Hold], claim: Claim = Claim.RESERVED
    ) -> None:
        self.bins.add(transaction, tuple(releasing(hold, claim) for hold in merged(holds)))

    def commit(self, transaction: MemoryTransaction, holds: Iterable[Hold]) -> None:
        for hold in merged(holds):
            self.bins.add(transaction, (relabelling(hold, Claim.RESERVED, Claim.COMMITTED),))

    def uncommit(self, transaction: MemoryTransaction, holds: Iterable[Hold]) -> None:
        for hold in merged(holds):
            self.bins.add(transaction, (relabelling(hold, Claim.COMMITTED, Claim.RESERVED),))

    def move(
        self,
        transaction: MemoryTransaction,
        old: Iterable[Hold],
        new: Iterable[Hold],
        claim: Claim = Claim.RESERVED,
    ) -> None:
        self.bins.add(transaction, moving(old, new, claim))

    def cover(
        self, transaction: MemoryTransaction, holds: Iterable[Hold], claim: Claim = Claim.RESERVED
    ) -> tuple[Hold, ...]:
        kept = []
        for hold in merged(holds):
            step, here = covering(hold, claim) if hold.shard == AWAITED else ((), hold)
            self.bins.add(transaction, step)
            kept.append(here)
        return tuple(kept)

    def ship(
        self,
        transaction: MemoryTransaction,
        holds: Iterable[Hold],
        *,
        order: str,
        actor: str,
        at: datetime,
        claim: Claim = Claim.RESERVED,
    ) -> None:
        for hold in merged(holds):
            self.bins.add(transaction, (shipping(hold, claim),))
            movement = Movement(
                hold.sku,
                Kind.SHIPPED,
                at,
                actor,
                reference=order,
                location=hold.location,
                shard=hold.shard,
                on_hand=-hold.quantity,
            )
            transaction.add(f"MOVES#{hold.sku}", lambda: True, self._noted(movement))

    def shortages_after(self, error: Exception, demands: Iterable[Demand]) -> tuple[Shortage, ...]:
        short = []
        for one in add_up(demands):
            level = self.levels([one.sku])[one.sku]
            left = max(0, level.available) + sum(
                self._open_beyond(one.sku, place) for place in self._locations
            )
            if left < one.quantity:
                short.append(Shortage(one.sku, one.quantity, left))
        return tuple(short)

    def _commit(self, step: Step, *movements: Movement, along: Sequence[Part] = ()) -> None:
        def part(transaction: MemoryTransaction) -> None:
            self.bins.add(transaction, step)
            for movement in movements:
                transaction.add(f"MOVES#{movement.sku}", lambda: True, self._noted(movement))

        self._ledger.commit(part, *along)

    def _noted(self, movement: Movement) -> Callable[[], None]:
        return lambda: self._journal.setdefault(movement.sku, []).append(movement)


class MemoryAlarms:
    """Thresholds and crossings over the bins in memory. ``told`` is what the outbox would carry."""

    def __init__(self, stock: MemoryStock) -> None:
        self._stock = stock
        self._low: dict[tuple[str, str], LowStock] = {}
        self.told: list[Event] = []

    def set(self, low_at: int | None, before: StockLevel) -> None:
        try:
            self._stock._commit((at_version(watching(before, low_at), before),))
        except Clash:
            raise Stale(f"the stock of {before.sku} moved meanwhile") from None
        self._low.pop((before.location, before.sku), None)

    def note_low(self, news: LowStock, level: StockLevel) -> bool:
        if not self._marked(level, Watch.CROSSED):
            return False
        self._low[level.location, level.sku] = news
        self.told.append(news.event)
        return True

    def note_fine(self, level: StockLevel) -> bool:
        if not self._marked(level, Watch.FINE):
            return False
        self._low.pop((level.location, level.sku), None)
        return True

    def low(self, *, cursor: str | None, limit: int) -> Page[LowStock]:
        start = int(place_in(cursor, re.compile("[0-9]{1,9}")) or 0)
        found = [self._low[name] for name in sorted(self._low)]
        more = to_cursor({"after": str(start + limit)}) if start + limit < len(found) else None
        return Page(tuple(found[start : start + limit]), more)

    def watched(self, *, cursor: str | None, limit: int) -> Page[tuple[str, str]]:
        start = int(place_in(cursor, re.compile("[0-9]{1,9}")) or 0)
        rows = sorted(self._stock.bins.rows.values(), key=lambda one: (one.location, one.sku))
        found = [(one.sku, one.location) for one in rows if one.low_at != NO_ALARM]
        more = to_cursor({"after": str(start + limit)}) if start + limit < len(found) else None
        return Page(tuple(found[start : start + limit]), more)

    def armed(self, places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        return [
            one
            for one in places
            if any(level.low_at is not None for level in self._stock.at([one]))
        ]

    def _marked(self, level: StockLevel, watch: Watch) -> bool:
        try:
            self._stock._commit((marking(level, watch),))
        except Clash:
            return False
        return True
