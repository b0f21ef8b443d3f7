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
    MAIN,
    Claim,
    Demand,
    Hold,
    Kind,
    Movement,
    Shortage,
    StockLevel,
    Terms,
    add_up,
    by_level,
    merged,
)
from shop.inventory.model.bins import (
    AWAITED,
    MOST_BINS,
    Bin,
    Change,
    Step,
    agreeing,
    at_version,
    covering,
    draw,
    gathering,
    level_of,
    moved,
    moving,
    next_step,
    relabelling,
    releasing,
    reserving,
    shipping,
    total,
)
from shop.inventory.model.kits import available_kits, kits_among
from shop.inventory.store.kits import no_kits
from shop.inventory.store.network import known_network
from shop.inventory.store.rows import (
    OF_STOCK,
    BinRow,
    Books,
    MovementRow,
    journal,
    key,
    place,
    read_bin,
    read_movement,
    write,
)
from shop.inventory.store.sights import LOOK_AGAIN_AFTER, SKUS_REMEMBERED, Sight, Sights, read_all
from shop.inventory.store.terms import noting_terms, with_terms
from shop.kernel.errors import Invalid, NotFound, Stale, Unavailable
from shop.kernel.paging import Page, place_in, to_cursor
from shop.kernel.transactions import Clash, Part
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

T = TypeVar("T")

OPENED_AT_ONCE = 50
"""SKUs opened in one transaction: a level and a movement each, of the 100 actions allowed."""
TRIES = 5
NOWHERE = "-"
"""No location ships there: units are asked for where there is no row, and refused."""
LINE = re.compile(r"[0-9T:+.-]{26,40}#mov_[a-z0-9]{1,60}")
"""How a line of the journal is named."""


class DynamoStock:
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
        books: Books = OF_STOCK,
    ) -> None:
        self._books = books
        self._fixed = None if locations is None else tuple(locations)
        self._country: str | None = None
        self._chance = chance or random.Random()
        self._sleep = sleep
        self._clock = clock
        self._sights = Sights(clock, books)
        self._beyond: dict[str, dict[str, Bin]] = {}
        self._ledger = DynamoLedger(connection())

    def towards(self, country: str | None) -> "DynamoStock":
        there = copy(self)  # it shares what this one remembers
        there._country = country
        return there

    @property
    def _locations(self) -> tuple[str, ...]:
        return known_network()().sources(self._country) if self._fixed is None else self._fixed

    @property
    def _everywhere(self) -> tuple[str, ...]:
        return tuple(known_network()().locations) if self._fixed is None else self._fixed

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        read = self._by_location(skus, self._locations, False)
        levels = {sku: total(sku, levels) for sku, levels in read.items()}
        kits = kits_among(levels)
        if missing := {sku for kit in kits.values() for sku in kit.parts} - set(levels):
            levels |= self.levels(missing)
        for sku, kit in kits.items():
            made = available_kits(kit, levels)
            levels[sku] = replace(levels[sku], on_hand=made)
        return levels

    def by_location(self, skus: Iterable[str]) -> Mapping[str, Sequence[StockLevel]]:
        return self._by_location(skus, self._everywhere, True)

    def _by_location(
        self, skus: Iterable[str], places: Sequence[str], consistent: bool
    ) -> dict[str, Sequence[StockLevel]]:
        asked = list(dict.fromkeys(skus))
        # At the main location it is told which SKUs are kits, whether it ships or not.
        rows = dict.fromkeys((*places, MAIN) if self._fixed is None else places)
        keys = [key(sku, location) for sku in asked for location in rows]
        found = self._whole(self._read(keys, consistent), consistent)
        return {
            sku: [
                found[sku, place]
                for place in rows
                if (sku, place) in found and (place in places or found[sku, place].parts)
            ]
            for sku in asked
        }

    def at(self, places: Sequence[tuple[str, str]]) -> Sequence[StockLevel]:
        bases = self._read([key(*one) for one in places], True)
        return list(self._whole(bases, True).values())

    def everywhere(self, sku: str) -> Sequence[StockLevel]:
        rows = self._books.bins.query(
            f"SKU#{sku}", BinRow.sk.startswith("LOC#"), consistent_read=True
        )
        return list(self._whole([read_bin(row) for row in rows], True).values())

    def _whole(self, bases: Sequence[Bin], consistent: bool) -> dict[tuple[str, str], StockLevel]:
        """The levels of which bin 0 was read."""
        awaited = self._awaited(bases, consistent)
        found: dict[tuple[str, str], StockLevel] = {}
        for base in bases:
            self._remember(base)
            level = level_of([base], awaited=awaited.get((base.sku, base.location)))
            if base.bins > 1:
                level = self._split(base, level, consistent)
            found[base.sku, base.location] = level
        return found

    def _split(self, base: Bin, level: StockLevel, consistent: bool) -> StockLevel:
        """The whole level of a SKU of which bin 0 was read."""
        if consistent:
            bins = read_all(base.sku, base.location, consistent=True, books=self._books)
            counted = level_of(bins) if bins else level
        else:
            sight = self._sights.look(base.sku, base.location)
            counted = sight.level if sight is not None else level
        return replace(
            counted,
            awaited=level.awaited,
            terms=level.terms,
            low_at=level.low_at,
            watch=level.watch,
            crossings=level.crossings,
        )

    def _awaited(self, bases: Iterable[Bin], consistent: bool) -> dict[tuple[str, str], Bin]:
        """The bins of goods still to come, where bin 0 says that there is one."""
        keys = [key(one.sku, one.location, AWAITED) for one in bases if one.awaits]
        if not keys:
            return {}
        there = self._read(keys, consistent)
        for one in there:
            self._beyond.setdefault(one.sku, {})[one.location] = one
        while len(self._beyond) > SKUS_REMEMBERED:
            self._beyond.pop(next(iter(self._beyond)))
        return {(one.sku, one.location): one for one in there}

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        bins = read_all(sku, location, consistent=True, books=self._books)
        awaited = self._awaited(bins[:1], True)
        return level_of(bins, sku, location, awaited.get((sku, location)))

    def record(
        self,
        movement: Movement,
        before: StockLevel,
        *more: tuple[Movement, StockLevel],
        along: Sequence[Part] = (),
    ) -> StockLevel:
        moves = by_level([(movement, before), *more])
        lines = [movement, *(one for one, _ in more)]
        after = before.after(*moves[0][1])
        for _ in range(TRIES):
            step = tuple(self._moving(level, several) for level, several in moves)
            known = {level.sku for level, _ in moves if level.location == MAIN}
            single = no_kits({level.sku for level, _ in moves} - known)
            try:
                self._commit(step, *lines, along=(*along, single))
            except Clash as clash:
                for level, several in moves:
                    self._still(level, several)
                if not any(place(name) for name in clash.about):
                    raise Stale("what was to be written with it cannot be written") from None
            else:
                return after
        raise Stale(f"the stock of {before.sku} at {before.location} keeps moving")

    def _moving(self, before: StockLevel, movements: Sequence[Movement]) -> Bin | Change:
        """What is to be written for movements of a level. Raises what :meth:`after` raises."""
        after = before.after(*movements)
        if before.version == 0:
            return _opened(Bin(before.sku, before.location), after)
        if before.bins == 1:
            return moved(_base_of(before), movements)
        needed = -sum(movement.available for movement in movements)
        bins = read_all(before.sku, before.location, consistent=True, books=self._books)
        while bins and (gathered := gathering(bins, needed)):
            with contextlib.suppress(Clash):
                self._commit(gathered)
            bins = read_all(before.sku, before.location, consistent=True, books=self._books)
        if level_of(bins, before.sku, before.location).version != before.version:
            raise self._moved_meanwhile(before)
        return moved(bins[0], movements)

    def _still(self, before: StockLevel, movements: Sequence[Movement]) -> None:
        """Raise why a movement was refused; return where nothing is in its way any more."""
        if before.location != MAIN:
            self.level(before.sku).after()
        now = self.level(before.sku, before.location)
        if now.version != before.version:
            raise self._moved_meanwhile(before)
        now.after(*movements)

    def _moved_meanwhile(self, before: StockLevel) -> Stale:
        return Stale(f"the stock of {before.sku} at {before.location} moved meanwhile")

    def open(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        opened: set[str] = set()
        for skus in _batches(counts, OPENED_AT_ONCE):
            fresh = list(skus)
            while fresh:
                known = {one.sku for one in self._read([key(sku, MAIN) for sku in fresh], True)}
                fresh = [sku for sku in fresh if sku not in known]
                if not fresh or self._opened({s: counts[s] for s in fresh}, actor, reason, at):
                    opened.update(fresh)
                    break
        return frozenset(opened)

    def _opened(self, counts: Mapping[str, int], actor: str, reason: str, at: datetime) -> bool:
        """Write all of them, or none and ``False`` where somebody opened one of them just now."""
        movements = [
            Movement(sku, Kind.COUNTED, at, actor, reason, on_hand=units)
            for sku, units in counts.items()
        ]
        fresh = tuple(_opened(Bin(m.sku), StockLevel(m.sku).after(m)) for m in movements)
        try:
            self._commit(fresh, *movements)
        except Clash:
            return False
        return True

    def journal(self, sku: str, *, cursor: str | None = None, limit: int = 50) -> Page[Movement]:
        after = place_in(cursor, LINE)
        older = None if after is None else MovementRow.sk < after
        found = self._books.movements.query(
            f"MOVES#{sku}", older, scan_index_forward=False, limit=limit + 1, page_size=limit + 1
        )
        rows = list(found)
        more = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(read_movement(sku, row) for row in rows[:limit]), more)

    def agree(self, terms: Terms, before: StockLevel) -> StockLevel:
        before.after()  # a kit is refused
        step: Step = agreeing(before, terms, there=before.terms is not None)
        if before.version == 0:
            # Nothing of it was ever here: a pre-order is the first that is heard of it.
            made = Bin(before.sku, before.location, version=1, awaits=1)
            step = (made, *step[1:])
        return self._policy(step, before, noting_terms(before.sku, before.location))

    def on_terms(self) -> Sequence[tuple[str, str]]:
        return with_terms()

    def _policy(self, step: Step, before: StockLevel, *along: Part) -> StockLevel:
        try:
            self._commit(tuple(at_version(part, before) for part in step), along=along)
        except Clash:
            raise self._moved_meanwhile(before) from None
        return self.level(before.sku, before.location)

    # Hot SKUs

    def spread(self, sku: str, bins: int, location: str = MAIN) -> int:
        """Keep a SKU's stock in so many bins, while it sells; returns how many there are now.

        More than wanted means that some still hold promises; they are not drawn from any more, and
        a later call takes them away. Safe to run twice at once. Raises NotFound for a SKU that has
        no stock here, Unavailable where buyers leave no gap.
        """
        if not 1 <= bins <= MOST_BINS:
            raise Invalid(f"stock is kept in 1 to {MOST_BINS} bins", path="$.bins")
        clashes = 0
        while True:
            there = read_all(sku, location, consistent=True, books=self._books)
            if not there:
                raise NotFound(f"there is no stock of {sku} at {location}")
            step = next_step(there, bins)
            if not step:
                break
            try:
                self._commit(step)
            except (Clash, Unavailable):
                clashes += 1
                if clashes > 20 * bins + 100:
                    raise Unavailable("this stock is too busy to be shared out now") from None
        self._sights.remember(there[0])
        if len(there) > 1:
            self._sights.renew(sku, location)
        return len(there)

    def told(self, sku: str, bins: int) -> None:
        """Somebody read that a SKU has so many bins at the first location: whoever knows nothing of
        it yet need not begin at bin 0, where all who know nothing meet.
        """
        if bins > 1 and not self._sights.of(sku):
            self._sights.remember(Bin(sku, self._locations[0], bins=bins, open=bins))

    # The stock side of an order's transaction

    def draw(self, demands: Iterable[Demand]) -> tuple[Hold, ...]:
        return tuple(hold for demand in add_up(demands) for hold in self._drawn(demand))

    def _drawn(self, demand: Demand) -> tuple[Hold, ...]:
        seen = self._seen(demand.sku)
        if seen:
            in_use = {place: sight.units[: sight.open] for place, sight in seen.items()}
            drawn = draw(demand, in_use, self._chance) or draw(
                demand, {place: sight.units for place, sight in seen.items()}, self._chance
            )
            if drawn is None and self._just_seen(seen):
                # What is here is sold first, so old knowledge sends nobody to what is to come.
                drawn = self._drawn_beyond(demand, seen)
            if drawn:
                return drawn
            # Believed gone. The condition decides, on any bin, so that no bin gets all who come.
            place, sight = next(iter(seen.items()))
            return (Hold(demand.sku, demand.quantity, place, self._chance.randrange(sight.open)),)
        places = self._locations
        return (Hold(demand.sku, demand.quantity, places[0] if places else NOWHERE),)

    def _just_seen(self, seen: Mapping[str, Sight]) -> bool:
        now = self._clock()
        return all(self._sights.fresh(sight, now) for sight in seen.values())

    def _seen(self, sku: str) -> dict[str, Sight]:
        """What is remembered of a SKU where orders are served from, the first choice first."""
        sights = self._sights.of(sku)
        return {place: sights[place] for place in self._locations if place in sights}

    def _drawn_beyond(self, demand: Demand, seen: Mapping[str, Sight]) -> tuple[Hold, ...] | None:
        """What is here, and the rest from what is still to come, where the terms allow it."""
        units = {place: sight.units for place, sight in seen.items()}
        here = sum(max(0, n) for several in units.values() for n in several)
        part = draw(Demand(demand.sku, here), units, self._chance) if here else ()
        if part is None:
            part, here = (), 0
        for location, awaited in self._open_beyond(demand.sku).items():
            if awaited.available >= demand.quantity - here:
                rest = Hold(demand.sku, demand.quantity - here, location, AWAITED)
                return (*part, rest)
        return None

    def _open_beyond(self, sku: str) -> Mapping[str, Bin]:
        """Goods still to come that may be sold now."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        return {
            location: awaited
            for location, awaited in self._beyond.get(sku, {}).items()
            if location in self._locations and awaited.terms and awaited.terms.open(now)
        }

    def reserve(
        self, transaction: TransactWrite, wanted: Iterable[Demand | Hold]
    ) -> tuple[Hold, ...]:
        asked = list(wanted)
        drawn = self.draw(one for one in asked if isinstance(one, Demand))
        holds = merged([*drawn, *(one for one in asked if isinstance(one, Hold))])
        self._write(transaction, tuple(reserving(hold) for hold in holds))
        return holds

    def release(
        self, transaction: TransactWrite, holds: Iterable[Hold], claim: Claim = Claim.RESERVED
    ) -> None:
        self._write(transaction, tuple(releasing(hold, claim) for hold in merged(holds)))

    def commit(self, transaction: TransactWrite, holds: Iterable[Hold]) -> None:
        paid = (relabelling(h, Claim.RESERVED, Claim.COMMITTED) for h in merged(holds))
        self._write(transaction, tuple(paid))

    def uncommit(self, transaction: TransactWrite, holds: Iterable[Hold]) -> None:
        back = (relabelling(h, Claim.COMMITTED, Claim.RESERVED) for h in merged(holds))
        self._write(transaction, tuple(back))

    def move(
        self,
        transaction: TransactWrite,
        old: Iterable[Hold],
        new: Iterable[Hold],
        claim: Claim = Claim.RESERVED,
    ) -> None:
        self._write(transaction, moving(old, new, claim))

    def cover(
        self, transaction: TransactWrite, holds: Iterable[Hold], claim: Claim = Claim.RESERVED
    ) -> tuple[Hold, ...]:
        kept = []
        for hold in merged(holds):
            if hold.shard == AWAITED:
                step, hold = covering(hold, claim)
                self._write(transaction, step)
            kept.append(hold)
        return tuple(kept)

    def ship(
        self,
        transaction: TransactWrite,
        holds: Iterable[Hold],
        *,
        order: str,
        actor: str,
        at: datetime,
        claim: Claim = Claim.RESERVED,
    ) -> None:
        for hold in merged(holds):
            self._write(transaction, (shipping(hold, claim),))
            journal(
                transaction,
                Movement(
                    hold.sku,
                    Kind.SHIPPED,
                    at,
                    actor,
                    reference=order,
                    location=hold.location,
                    shard=hold.shard,
                    on_hand=-hold.quantity,
                ),
                self._books,
            )

    def shortages_after(self, error: Exception, demands: Iterable[Demand]) -> tuple[Shortage, ...]:
        wanted = {demand.sku: demand.quantity for demand in add_up(demands)}
        refused = [place(name) for name in error.about] if isinstance(error, Clash) else []
        failed = [one for one in refused if one is not None and one[0] in wanted]
        if isinstance(error, Clash) and not failed:
            return ()
        refused_at = self._clock()
        self._see(wanted, failed)
        short, unsure = self._short(wanted, refused_at)
        if unsure and not short:
            # Somebody was faster at this bin. Wait for the next sight, and judge by that.
            self._sleep(self._chance.uniform(LOOK_AGAIN_AFTER / 2, LOOK_AGAIN_AFTER))
            refused_at = self._clock()
            self._look(wanted)
            short, _ = self._short(wanted, refused_at)
        return short

    def _short(
        self, wanted: Mapping[str, int], refused_at: float
    ) -> tuple[tuple[Shortage, ...], bool]:
        """Every line known to be short, and whether some other may be.

        A sight's age counts from the refusal: reading the last of many lines must not make what was
        read of the first look old, or a long order would name some of its short lines only.
        """
        short, unsure = [], False
        for sku, quantity in wanted.items():
            sights = self._seen(sku)
            left = sum(sight.left for sight in sights.values())
            left += sum(awaited.available for awaited in self._open_beyond(sku).values())
            if left >= quantity:
                unsure |= any(len(sight.units) > 1 for sight in sights.values())
            elif all(self._sights.fresh(sight, refused_at) for sight in sights.values()):
                short.append(Shortage(sku, quantity, left))
            else:
                unsure = True
        return tuple(short), unsure

    def _see(self, wanted: Iterable[str], failed: Iterable[tuple[str, int]]) -> None:
        """Read what stood in the way: bins that refused, and the level of every single-bin SKU."""
        many = {
            sku
            for sku in wanted
            if any(len(sight.units) > 1 for sight in self._sights.of(sku).values())
        }
        refusing = {
            (sku, shard, location)
            for sku, shard in failed
            if sku in many and shard >= 0
            for location in self._locations
            if shard < len(_units(self._sights, sku, location))
        }
        places = self._locations
        keys = [key(sku, place) for sku in wanted if sku not in many for place in places]
        keys += [key(sku, location, shard) for sku, shard, location in refusing]
        there = self._read(keys, True)
        bases = [one for one in there if one.shard == 0 and one.sku not in many]
        for one in bases:
            self._sights.remember(one)
        known = [one for sku in many for one in self._beyond.get(sku, {}).values()]
        self._awaited([*bases, *(replace(one, awaits=1) for one in known)], True)
        self._sights.correct(there)
        for sku, shard, location in refusing - {(b.sku, b.shard, b.location) for b in there}:
            self._sights.missing(sku, location, shard)
        self._look(wanted)

    def _look(self, skus: Iterable[str]) -> None:
        for sku in skus:
            for location, sight in list(self._sights.of(sku).items()):
                if len(sight.units) > 1:
                    self._sights.look(sku, location)

    def _remember(self, base: Bin) -> None:
        """Most SKUs need no memory: one bin at the one location there is."""
        if base.bins > 1 or base.awaits or len(self._locations) > 1:
            self._sights.remember(base)
        else:
            self._sights.forget(base.sku)

    def _read(self, keys: Sequence[tuple[str, str]], consistent: bool) -> list[Bin]:
        rows = self._books.bins.batch_get(keys, consistent_read=consistent)
        return [read_bin(row) for row in rows]

    def _write(self, transaction: TransactWrite, step: Step) -> None:
        write(transaction, step, self._books)

    def _commit(self, step: Step, *movements: Movement, along: Sequence[Part] = ()) -> None:
        def part(transaction: TransactWrite) -> None:
            self._write(transaction, step)
            for movement in movements:
                journal(transaction, movement, self._books)

        self._ledger.commit(part, *along)


def _units(sights: Sights, sku: str, location: str) -> Sequence[int]:
    sight = sights.of(sku).get(location)
    return sight.units if sight is not None else ()


def _opened(fresh: Bin, after: StockLevel) -> Bin:
    return Bin(
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


def _base_of(level: StockLevel) -> Bin:
    """Bin 0 of a level that has no other."""
    return Bin(
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
