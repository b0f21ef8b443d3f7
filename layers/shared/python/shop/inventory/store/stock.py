"""The stock book, and the stock side of an order's transaction, over the inventory table.

A hold is not journalled: the order that owns it is written in the same transaction and *is* its
record. What is journalled is what moves goods (docs/adr, "what the stock journal holds").
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
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
    add_up,
    merged,
)
from shop.inventory.model.bins import (
    MOST_BINS,
    Bin,
    Step,
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
from shop.inventory.store.rows import (
    BinRow,
    MovementRow,
    journal,
    key,
    place,
    read_bin,
    read_movement,
    write,
)
from shop.inventory.store.sights import LOOK_AGAIN_AFTER, Sights, read_all
from shop.kernel.errors import Invalid, NotFound, Stale, Unavailable
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Clash
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

T = TypeVar("T")

OPENED_AT_ONCE = 50
"""SKUs opened in one transaction: a level and a movement each, of the 100 actions allowed."""
TRIES = 5


class DynamoStock:
    """Both ports of the floor. ``locations`` are those that orders are served from, the preferred
    one first; ``clock`` tells seconds since the epoch."""

    def __init__(
        self,
        locations: Sequence[str] = (MAIN,),
        *,
        chance: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._locations = tuple(locations)
        self._chance = chance or random.Random()
        self._sleep = sleep
        self._sights = Sights(clock)
        self._ledger = DynamoLedger(connection())

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        asked = list(dict.fromkeys(skus))
        found: dict[str, list[StockLevel]] = {}
        for base in self._bases(asked, consistent=False):
            self._remember(base)
            level = level_of([base])
            if base.bins > 1:
                sight = self._sights.look(base.sku, base.location)
                level = sight.level if sight is not None else level
            found.setdefault(base.sku, []).append(level)
        return {sku: total(sku, found.get(sku, [])) for sku in asked}

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        return level_of(read_all(sku, location, consistent=True), sku, location)

    def record(self, movement: Movement, before: StockLevel) -> StockLevel:
        after = before.after(movement)
        if before.version == 0:
            fresh = Bin(before.sku, before.location, version=0)
            return self._recorded_first(_opened(fresh, after), movement, after)
        if before.bins == 1:
            # What is not known of bin 0 here is what a movement leaves alone.
            base = _base_of(before)
            try:
                self._commit((moved(base, movement),), movement)
            except Clash:
                raise self._in_the_way(movement, before) from None
            return after
        for _ in range(TRIES):
            bins = read_all(before.sku, before.location, consistent=True)
            now = level_of(bins, before.sku, before.location)
            if now.version != before.version:
                break
            after = now.after(movement)
            gathered = gathering(bins, -movement.available)
            try:
                if gathered:
                    self._commit(gathered)
                else:
                    self._commit((moved(bins[0], movement),), movement)
                    return after
            except Clash:
                continue
        raise self._in_the_way(movement, before)

    def _recorded_first(self, fresh: Bin, movement: Movement, after: StockLevel) -> StockLevel:
        try:
            self._commit((fresh,), movement)
        except Clash:
            raise Stale(f"somebody opened the stock of {fresh.sku} meanwhile") from None
        return after

    def _in_the_way(self, movement: Movement, before: StockLevel) -> Stale:
        """Why a movement could not be written; raises where the goods are promised by now."""
        now = self.level(before.sku, before.location)
        if now.version == before.version:
            now.after(movement)
        return Stale(f"the stock of {before.sku} at {before.location} moved meanwhile")

    def open(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        opened: set[str] = set()
        for skus in _batches(counts, OPENED_AT_ONCE):
            fresh = list(skus)
            while fresh:
                rows = BinRow.batch_get([key(sku, MAIN) for sku in fresh], consistent_read=True)
                known = {read_bin(row).sku for row in rows}
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
        rows = MovementRow.query(
            f"MOVES#{sku}",
            scan_index_forward=False,
            limit=limit,
            page_size=limit,
            last_evaluated_key=from_cursor(cursor),
        )
        return Page(
            tuple(read_movement(sku, row) for row in rows), to_cursor(rows.last_evaluated_key)
        )

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
            there = read_all(sku, location, consistent=True)
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

    # The stock side of an order's transaction

    def draw(self, demands: Iterable[Demand]) -> tuple[Hold, ...]:
        return tuple(hold for demand in add_up(demands) for hold in self._drawn(demand))

    def _drawn(self, demand: Demand) -> tuple[Hold, ...]:
        sights = self._sights.of(demand.sku)
        if sights:
            seen = {place: sights[place] for place in self._locations if place in sights}
            in_use = {place: sight.units[: sight.open] for place, sight in seen.items()}
            drawn = draw(demand, in_use, self._chance) or draw(
                demand, {place: sight.units for place, sight in seen.items()}, self._chance
            )
            if drawn is not None:
                return drawn
            # Believed gone. The condition decides, on any bin, so that no bin gets all who come.
            place, sight = next(iter(seen.items()))
            return (Hold(demand.sku, demand.quantity, place, self._chance.randrange(sight.open)),)
        return (Hold(demand.sku, demand.quantity, self._locations[0]),)

    def reserve(
        self, transaction: TransactWrite, wanted: Iterable[Demand | Hold]
    ) -> tuple[Hold, ...]:
        asked = list(wanted)
        drawn = self.draw(one for one in asked if isinstance(one, Demand))
        holds = merged([*drawn, *(one for one in asked if isinstance(one, Hold))])
        write(transaction, tuple(reserving(hold) for hold in holds))
        return holds

    def release(
        self, transaction: TransactWrite, holds: Iterable[Hold], claim: Claim = Claim.RESERVED
    ) -> None:
        write(transaction, tuple(releasing(hold, claim) for hold in merged(holds)))

    def commit(self, transaction: TransactWrite, holds: Iterable[Hold]) -> None:
        paid = (relabelling(h, Claim.RESERVED, Claim.COMMITTED) for h in merged(holds))
        write(transaction, tuple(paid))

    def uncommit(self, transaction: TransactWrite, holds: Iterable[Hold]) -> None:
        back = (relabelling(h, Claim.COMMITTED, Claim.RESERVED) for h in merged(holds))
        write(transaction, tuple(back))

    def move(
        self,
        transaction: TransactWrite,
        old: Iterable[Hold],
        new: Iterable[Hold],
        claim: Claim = Claim.RESERVED,
    ) -> None:
        write(transaction, moving(old, new, claim))

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
            write(transaction, (shipping(hold, claim),))
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
            )

    def shortages_after(self, error: Exception, demands: Iterable[Demand]) -> tuple[Shortage, ...]:
        wanted = {demand.sku: demand.quantity for demand in add_up(demands)}
        refused = [place(name) for name in error.about] if isinstance(error, Clash) else []
        failed = [one for one in refused if one is not None and one[0] in wanted]
        if isinstance(error, Clash) and not failed:
            return ()
        self._see(wanted, failed)
        short, unsure = self._short(wanted)
        if unsure and not short:
            # Somebody was faster at this bin. Wait for the next sight, and judge by that.
            self._sleep(self._chance.uniform(LOOK_AGAIN_AFTER / 2, LOOK_AGAIN_AFTER))
            self._look(wanted)
            short, _ = self._short(wanted)
        return short

    def _short(self, wanted: Mapping[str, int]) -> tuple[tuple[Shortage, ...], bool]:
        """Every line known to be short, and whether some other may be."""
        short, unsure = [], False
        for sku, quantity in wanted.items():
            sights = self._sights.of(sku)
            left = sum(max(units, 0) for sight in sights.values() for units in sight.units)
            if left >= quantity:
                unsure |= any(len(sight.units) > 1 for sight in sights.values())
            elif all(self._sights.fresh(sight) for sight in sights.values()):
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
        keys = [key(sku, place) for sku in wanted if sku not in many for place in self._locations]
        keys += [key(sku, location, shard) for sku, shard, location in refusing]
        there = [read_bin(row) for row in BinRow.batch_get(keys, consistent_read=True)]
        for one in there:
            if one.shard == 0 and one.sku not in many:
                self._sights.remember(one)
        self._sights.correct(there)
        for sku, shard, location in refusing - {(b.sku, b.shard, b.location) for b in there}:
            self._sights.missing(sku, location, shard)
        self._look(wanted)

    def _look(self, skus: Iterable[str]) -> None:
        for sku in skus:
            for location, sight in list(self._sights.of(sku).items()):
                if len(sight.units) > 1:
                    self._sights.look(sku, location)

    def _bases(self, skus: Iterable[str], *, consistent: bool) -> Iterator[Bin]:
        keys = [key(sku, location) for sku in skus for location in self._locations]
        return map(read_bin, BinRow.batch_get(keys, consistent_read=consistent))

    def _remember(self, base: Bin) -> None:
        """Most SKUs need no memory: one bin at the one location there is."""
        if base.bins > 1 or len(self._locations) > 1:
            self._sights.remember(base)
        else:
            self._sights.forget(base.sku)

    def _commit(self, step: Step, *movements: Movement) -> None:
        def part(transaction: TransactWrite) -> None:
            write(transaction, step)
            for movement in movements:
                journal(transaction, movement)

        self._ledger.commit(part)


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
    )


def _batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    walk = iter(items)
    while batch := list(islice(walk, size)):
        yield batch
