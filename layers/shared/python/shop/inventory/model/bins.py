"""The bins that a level is kept in, and every change that they may undergo, as data.

Most SKUs have one bin per location, number 0. A SKU that sells too fast for one database row has
many, and its level is their sum. Bin 0 also carries what concerns the whole: units set aside,
safety stock, how many bins there are (``bins``) and how many of them buyers draw from (``open``).

A change says by how much each count moves and what must hold for that, nothing else, so that the
table and the double in memory apply the very same changes, one as a conditional write, one as an
``if``. Why bins, and how many: docs/adr/hot-skus.md.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from shop.inventory.model.level import (
    MAIN,
    Claim,
    Demand,
    Hold,
    Movement,
    StockLevel,
    Terms,
    Watch,
    merged,
)
from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen

AWAITED = -1
"""The bin of goods that are still to come: what it has on hand is how much may be sold of them."""
EVERYWHERE = "*"
"""What a level over several locations has for its location."""
NO_ALARM = -1
UNSEEN = 1 << 30
"""Units in a bin that nobody has looked into yet: worth a try."""
MOST_BINS = 512
PARTS_OF_A_DEMAND = 20
"""Bins that one demand is at most spread over: a transaction holds 100 rows."""
MOVED_AT_ONCE = 24
"""Bins on the other side of one transfer. A bigger transaction meets more buyers and fails more."""
MADE_AT_ONCE = 90


@frozen
class Bin:
    """A part of a SKU's stock at a location. ``available`` follows from the rest and is stored,
    since a database condition cannot subtract.

    The bin of goods still to come (``shard`` :data:`AWAITED`) has on hand what its ``terms`` allow
    to be sold of them; bin 0 says in ``awaits`` whether there is one.
    """

    sku: str
    location: str = MAIN
    shard: int = 0
    on_hand: int = 0
    reserved: int = 0
    committed: int = 0
    available: int = 0
    version: int = 0
    unavailable_by: Mapping[str, int] = field(default_factory=dict)
    safety: int = 0
    incoming: int = 0
    in_transit: int = 0
    bins: int = 1
    open: int = 1
    earmarked: int = 0
    awaits: int = 0
    low_at: int = NO_ALARM
    watch: int = 0
    crossings: int = 0
    terms: Terms | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    """Of a kit, what one takes: told by its bin 0 at :data:`MAIN`."""
    kits: int = 0
    """How many kits it is a part of, told there as well."""

    @property
    def empty(self) -> bool:
        return not (self.on_hand or self.reserved or self.committed or self.available)

    @property
    def adds_up(self) -> bool:
        """Whether what is stored as available is what follows from the rest, with none negative."""
        kept_back = sum(self.unavailable_by.values()) + self.safety + self.earmarked
        promised = self.reserved + self.committed
        return (
            self.available == self.on_hand - promised - kept_back
            and min(self.on_hand, self.reserved, self.committed) >= 0
            and self.available >= -self.safety
        )


@frozen
class Change:
    """One bin moves, if it is there. ``by`` are differences; ``needs`` the least and ``exactly``
    the very value that a count must have for that; ``puts`` replaces what is no count."""

    sku: str
    location: str
    shard: int
    by: Mapping[str, int] = field(default_factory=dict)
    needs: Mapping[str, int] = field(default_factory=dict)
    exactly: Mapping[str, int] = field(default_factory=dict)
    puts: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Gone:
    """An empty bin is taken away, if it is still as it was seen."""

    bin: Bin


Step = tuple[Bin | Change | Gone, ...]
"""What is written in one transaction: new bins (where there are none), changes, removals."""


def level_of(
    bins: Sequence[Bin], sku: str = "", location: str = MAIN, awaited: Bin | None = None
) -> StockLevel:
    """The level that the bins of a SKU at a location add up to; ``awaited`` is its bin, if any."""
    if not bins:
        return StockLevel(sku, location)
    base = bins[0]
    return StockLevel(
        base.sku,
        base.location,
        on_hand=sum(b.on_hand for b in bins),
        reserved=sum(b.reserved for b in bins),
        committed=sum(b.committed for b in bins),
        unavailable_by=base.unavailable_by,
        safety=base.safety,
        incoming=base.incoming,
        in_transit=base.in_transit,
        version=sum(b.version for b in bins),
        bins=len(bins),
        earmarked=base.earmarked,
        awaited=awaited.reserved + awaited.committed if awaited else 0,
        terms=awaited.terms if awaited else None,
        low_at=None if base.low_at == NO_ALARM else base.low_at,
        watch=Watch(base.watch),
        crossings=base.crossings,
        parts=base.parts,
    )


def total(sku: str, levels: Sequence[StockLevel]) -> StockLevel:
    """The level of a SKU over several locations. Alarms belong to a location, and so do terms."""
    if len(levels) == 1:
        return levels[0]
    unavailable: dict[str, int] = {}
    for level in levels:
        for reason, units in level.unavailable_by.items():
            unavailable[reason] = unavailable.get(reason, 0) + units
    terms = next((level for level in levels if level.terms), None)
    return StockLevel(
        sku,
        EVERYWHERE if levels else MAIN,
        on_hand=sum(level.on_hand for level in levels),
        reserved=sum(level.reserved for level in levels),
        committed=sum(level.committed for level in levels),
        unavailable_by=unavailable,
        safety=sum(level.safety for level in levels),
        incoming=sum(level.incoming for level in levels),
        in_transit=sum(level.in_transit for level in levels),
        version=sum(level.version for level in levels),
        bins=sum(level.bins for level in levels) if levels else 1,
        earmarked=sum(level.earmarked for level in levels),
        awaited=terms.awaited if terms else 0,
        terms=terms.terms if terms else None,
        parts=next((level.parts for level in levels if level.parts), {}),
    )


# What orders do


def reserving(hold: Hold) -> Change:
    """Put aside: never more than is for sale."""
    units = hold.quantity
    return _change(hold, {"reserved": units, "available": -units}, {"available": units})


def releasing(hold: Hold, claim: Claim) -> Change:
    """Give back: never more than is held."""
    units = hold.quantity
    return _change(hold, {claim.value: -units, "available": units}, {claim.value: units})


def relabelling(hold: Hold, source: Claim, target: Claim) -> Change:
    """A promise of one kind becomes one of the other."""
    units = hold.quantity
    return _change(hold, {source.value: -units, target.value: units}, {source.value: units})


def shipping(hold: Hold, claim: Claim) -> Change:
    """The goods leave. What is still awaited cannot."""
    if hold.shard == AWAITED:
        raise Conflict(
            f"{hold.quantity} of {hold.sku} are not here yet and cannot be shipped",
            code="stock_awaited",
        )
    units = hold.quantity
    return _change(
        hold,
        {claim.value: -units, "on_hand": -units, "version": 1},
        {claim.value: units, "on_hand": units},
    )


def moving(old: Iterable[Hold], new: Iterable[Hold], claim: Claim) -> Step:
    """The same promise from other bins: what both have in common is left alone."""
    before = {(h.sku, h.location, h.shard): h.quantity for h in merged(old)}
    after = {(h.sku, h.location, h.shard): h.quantity for h in merged(new)}
    step = []
    for key in dict.fromkeys((*before, *after)):
        more = after.get(key, 0) - before.get(key, 0)
        if more > 0:
            counts = {claim.value: more, "available": -more}
            step.append(Change(*key, counts, {"available": more}))
        elif more < 0:
            counts = {claim.value: more, "available": -more}
            step.append(Change(*key, counts, {claim.value: -more}))
    return tuple(step)


def _change(hold: Hold, by: Mapping[str, int], needs: Mapping[str, int]) -> Change:
    return Change(hold.sku, hold.location, hold.shard, by, needs)


# What staff do


def moved(base: Bin, movements: Sequence[Movement]) -> Change:
    """Goods come, go or change their condition: bin 0 moves by the differences, from the version
    that was read. Reservations made meanwhile are not overwritten. What is for sale, with the
    safety stock behind it, must cover what goes away.
    """
    difference = sum(movement.available for movement in movements)
    safety = sum(movement.safety for movement in movements)
    held = dict(base.unavailable_by)
    for movement in movements:
        for reason, units in movement.unavailable.items():
            held[reason] = held.get(reason, 0) + units
    aside = {reason: units for reason, units in held.items() if units}
    return Change(
        base.sku,
        base.location,
        0,
        by={
            "on_hand": sum(movement.on_hand for movement in movements),
            "available": difference,
            "safety": safety,
            "incoming": sum(movement.incoming for movement in movements),
            "in_transit": sum(movement.in_transit for movement in movements),
            "earmarked": sum(movement.earmarked for movement in movements),
            "version": 1,
        },
        needs={"available": -difference - base.safety - safety}
        if difference < 0 or safety < 0
        else {},
        exactly={"version": base.version, "bins": base.bins},
        puts={"unavailable_by": aside} if aside != dict(base.unavailable_by) else {},
    )


def watching(level: StockLevel, low_at: int | None) -> Change:
    """Staff set the threshold of the alarm, from the version that was read; a new one begins
    anew."""
    before = NO_ALARM if level.low_at is None else level.low_at
    after = NO_ALARM if low_at is None else low_at
    return Change(
        level.sku,
        level.location,
        0,
        by={"low_at": after - before, "watch": -level.watch, "version": 1},
        exactly={"low_at": before, "watch": level.watch},
    )


def marking(level: StockLevel, watch: Watch) -> Change:
    """A crossing is noted, or is over, if nobody else was faster. Leaves the version alone."""
    crossed = watch is Watch.CROSSED
    low_at = NO_ALARM if level.low_at is None else level.low_at
    return Change(
        level.sku,
        level.location,
        0,
        by={"watch": watch - level.watch, "crossings": int(crossed)},
        exactly={"watch": level.watch, "crossings": level.crossings, "low_at": low_at},
    )


def at_version(part: Bin | Change | Gone, before: StockLevel) -> Bin | Change | Gone:
    """Bin 0 changes from the version that was read; of a split SKU, it tells of its own changes."""
    if isinstance(part, Change) and part.shard == 0 and before.bins == 1:
        return replace(part, exactly={**part.exactly, "version": before.version})
    return part


def agreeing(level: StockLevel, terms: Terms, there: bool) -> Step:
    """Staff set the terms on which goods still to come are sold, from the version that was read.

    Raises :class:`Conflict` (``stock_promised``) for a limit below what is sold on them already.
    """
    if terms.limit < level.awaited:
        raise Conflict(
            f"{level.awaited} units of {level.sku} are sold and still to come; the limit cannot be "
            f"{terms.limit}",
            code="stock_promised",
        )
    before = level.terms.limit if level.terms else 0
    more = terms.limit - before
    whole = Change(
        level.sku,
        level.location,
        0,
        by={"version": 1, "awaits": 0 if there else 1},
        exactly={"awaits": int(there)},
    )
    if not there:
        made = Bin(
            level.sku,
            level.location,
            AWAITED,
            on_hand=terms.limit,
            available=terms.limit,
            version=1,
            terms=terms,
        )
        return (whole, made)
    change = Change(
        level.sku,
        level.location,
        AWAITED,
        by={"on_hand": more, "available": more, "version": 1},
        needs={"available": max(0, -more)},
        exactly={"on_hand": before},
        puts={"terms": terms},
    )
    return (whole, change)


def covering(hold: Hold, claim: Claim) -> tuple[Step, Hold]:
    """Goods that were awaited are here: the promise moves to the units put aside for it.

    Returns what is to be written and the hold that the order keeps instead.
    """
    units = hold.quantity
    step = (
        Change(
            hold.sku,
            hold.location,
            AWAITED,
            {claim.value: -units, "available": units},
            {claim.value: units},
        ),
        Change(
            hold.sku,
            hold.location,
            0,
            {"earmarked": -units, claim.value: units},
            {"earmarked": units},
        ),
    )
    return step, Hold(hold.sku, units, hold.location)


# Where a demand is drawn from


def draw(
    demand: Demand, seen: Mapping[str, Sequence[int]], chance: random.Random
) -> tuple[Hold, ...] | None:
    """Choose bins for a demand, by what was last seen in them; ``None`` where that does not reach.

    ``seen`` maps locations, the preferred one first, to the units of their bins. One bin that has
    enough is taken at random, so that buyers do not queue at the same; where none has, several
    together, the fullest first.
    """
    for location, units in seen.items():
        for _ in range(4):
            shard = chance.randrange(len(units))
            if units[shard] >= demand.quantity:
                return (Hold(demand.sku, demand.quantity, location, shard),)
        enough = [shard for shard, left in enumerate(units) if left >= demand.quantity]
        if enough:
            shard = chance.choice(enough)
            return (Hold(demand.sku, demand.quantity, location, shard),)
    drawn: list[Hold] = []
    missing = demand.quantity
    for location, units in seen.items():
        for shard in sorted(range(len(units)), key=lambda n: -units[n]):
            if units[shard] <= 0 or len(drawn) == PARTS_OF_A_DEMAND:
                break
            taken = min(units[shard], missing)
            drawn.append(Hold(demand.sku, taken, location, shard))
            missing -= taken
            if not missing:
                return tuple(drawn)
    return None


# How many bins there are


def next_step(bins: Sequence[Bin], wanted: int) -> Step:
    """The next transaction on the way to ``wanted`` bins, sharing the units out; empty when done.

    Each step leaves the sum as it was and every promise where it is, whatever is sold, given back
    or shipped meanwhile: units are only moved while they are for sale. Bins are made before buyers
    may draw from them and taken away only once they are empty, from the last one down; buyers who
    still draw from a bin that is gone are refused by its absence. An empty step with more bins
    than wanted means that some still hold promises: ask again when those were shipped.
    """
    if not bins:
        return ()
    base, there = bins[0], len(bins)
    if there < wanted:
        made = range(there, min(wanted, there + MADE_AT_ONCE))
        return (
            *(Bin(base.sku, base.location, shard) for shard in made),
            _whole(base, {"bins": len(made)}),
        )
    if base.open != wanted:
        return (_whole(base, {"open": wanted - base.open, "version": 1}),)
    return _sharing(bins, wanted) or _trimming(bins, wanted)


def gathering(bins: Sequence[Bin], units: int) -> Step:
    """Bring units for sale into bin 0 until it has so many; empty when it has, or no other has.

    Done before staff take something away, and so that the safety stock, which bin 0 keeps for
    all, is never eaten into while another bin still sells.
    """
    missing = units - bins[0].available
    donors = sorted((b for b in bins[1:] if b.available > 0), key=lambda b: -b.available)
    taken: list[tuple[Bin, int]] = []
    for donor in donors[:MOVED_AT_ONCE]:
        if missing <= 0:
            break
        taken.append((donor, min(donor.available, missing)))
        missing -= taken[-1][1]
    return _transfer(taken, [(bins[0], sum(n for _, n in taken))])


def _whole(base: Bin, by: Mapping[str, int]) -> Change:
    """A change of what bin 0 says of the whole, if it still says what was read."""
    return Change(base.sku, base.location, 0, by, exactly={"bins": base.bins, "open": base.open})


def _sharing(bins: Sequence[Bin], wanted: int) -> Step:
    leaving = [b for b in bins[wanted:] if b.available > 0][:MOVED_AT_ONCE]
    if leaving:
        poorest = min(bins[:wanted], key=lambda b: b.available)
        return _transfer(
            [(b, b.available) for b in leaving], [(poorest, sum(b.available for b in leaving))]
        )
    fair = max(0, sum(b.available for b in bins)) // wanted
    richest = max(bins[:wanted], key=lambda b: b.available)
    # Not to the last unit: sharing out what sells meanwhile would never end.
    poor = [b for b in bins[:wanted] if b.available < (fair + 1) // 2][:MOVED_AT_ONCE]
    spare, given = richest.available - fair, []
    for one in poor:
        units = min(fair - one.available, spare)
        if units > 0:
            given.append((one, units))
            spare -= units
    return _transfer([(richest, sum(n for _, n in given))], given)


def _trimming(bins: Sequence[Bin], wanted: int) -> Step:
    base = bins[0]
    last = len(bins)
    while last > wanted and bins[last - 1].empty and len(bins) - last < MADE_AT_ONCE:
        last -= 1
    gone = bins[last:]
    if not gone:
        return ()
    # Their versions live on in bin 0, for the version of the level must never go back.
    by = {"bins": -len(gone), "version": sum(b.version for b in gone)}
    return (*(Gone(b) for b in gone), _whole(base, by))


def _transfer(out: Sequence[tuple[Bin, int]], into: Sequence[tuple[Bin, int]]) -> Step:
    step = [
        Change(b.sku, b.location, b.shard, {"on_hand": -n, "available": -n}, {"available": n})
        for b, n in out
        if n
    ]
    if not step:
        return ()
    step += [Change(b.sku, b.location, b.shard, {"on_hand": n, "available": n}) for b, n in into]
    return tuple(step)
