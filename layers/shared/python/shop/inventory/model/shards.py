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

from shop.inventory.model.stock_level import (
    MAIN_LOCATION,
    AlertState,
    BackorderTerms,
    Demand,
    Reservation,
    ReservationState,
    StockLevel,
    StockMovement,
    merge_reservations,
)
from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen

INBOUND_SHARD = -1
"""The bin of goods that are still to come: what it has on hand is how much may be sold of them."""
ALL_LOCATIONS = "*"
"""What a level over several locations has for its location."""
NO_THRESHOLD = -1
UNKNOWN = 1 << 30
"""Units in a bin that nobody has looked into yet: worth a try."""
MAX_SHARDS = 512
MAX_SHARDS_PER_DEMAND = 20
"""Bins that one demand is at most spread over: a transaction holds 100 rows."""
MAX_SHARDS_PER_TRANSFER = 24
"""Bins on the other side of one transfer. A bigger transaction meets more buyers and fails more."""
MAX_NEW_SHARDS_PER_TRANSACTION = 90


@frozen
class StockShard:
    """A part of a SKU's stock at a location. ``available`` follows from the rest and is stored,
    since a database condition cannot subtract.

    The bin of goods still to come (``shard`` :data:`AWAITED`) has on hand what its ``terms`` allow
    to be sold of them; bin 0 says in ``awaits`` whether there is one.
    """

    sku: str
    location: str = MAIN_LOCATION
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
    shard_count: int = 1
    open: int = 1
    earmarked: int = 0
    version_of_terms: int = 0
    low_stock_threshold: int = NO_THRESHOLD
    alert_state: int = 0
    crossings: int = 0
    terms: BackorderTerms | None = None
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
class ShardUpdate:
    """One bin moves, if it is there. ``by`` are differences; ``needs`` the least and ``exactly``
    the very value that a count must have for that; ``puts`` replaces what is no count."""

    sku: str
    location: str
    shard: int
    deltas: Mapping[str, int] = field(default_factory=dict)
    minimums: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    assignments: Mapping[str, Any] = field(default_factory=dict)


@frozen
class ShardRemoval:
    """An empty bin is taken away, if it is still as it was seen."""

    shard: StockShard


ShardWrites = tuple[StockShard | ShardUpdate | ShardRemoval, ...]
"""What is written in one transaction: new bins (where there are none), changes, removals."""


def combine_shards(
    shards: Sequence[StockShard],
    sku: str = "",
    location: str = MAIN_LOCATION,
    awaited: StockShard | None = None,
) -> StockLevel:
    """The level that the bins of a SKU at a location add up to; ``awaited`` is its bin, if any."""
    if not shards:
        return StockLevel(sku, location)
    base = shards[0]
    return StockLevel(
        base.sku,
        base.location,
        on_hand=sum(b.on_hand for b in shards),
        reserved=sum(b.reserved for b in shards),
        committed=sum(b.committed for b in shards),
        unavailable_by=base.unavailable_by,
        safety=base.safety,
        incoming=base.incoming,
        in_transit=base.in_transit,
        version=sum(b.version for b in shards),
        shard_count=len(shards),
        earmarked=base.earmarked,
        backordered=awaited.reserved + awaited.committed if awaited else 0,
        terms=awaited.terms if awaited else None,
        low_stock_threshold=None
        if base.low_stock_threshold == NO_THRESHOLD
        else base.low_stock_threshold,
        alert_state=AlertState(base.alert_state),
        crossings=base.crossings,
        parts=base.parts,
    )


def sum_levels(sku: str, levels: Sequence[StockLevel]) -> StockLevel:
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
        ALL_LOCATIONS if levels else MAIN_LOCATION,
        on_hand=sum(level.on_hand for level in levels),
        reserved=sum(level.reserved for level in levels),
        committed=sum(level.committed for level in levels),
        unavailable_by=unavailable,
        safety=sum(level.safety for level in levels),
        incoming=sum(level.incoming for level in levels),
        in_transit=sum(level.in_transit for level in levels),
        version=sum(level.version for level in levels),
        shard_count=sum(level.shard_count for level in levels) if levels else 1,
        earmarked=sum(level.earmarked for level in levels),
        backordered=terms.backordered if terms else 0,
        terms=terms.terms if terms else None,
        parts=next((level.parts for level in levels if level.parts), {}),
    )


# What orders do


def reserve_update(reservation: Reservation) -> ShardUpdate:
    """Put aside: never more than is for sale."""
    units = reservation.quantity
    return _change(reservation, {"reserved": units, "available": -units}, {"available": units})


def release_update(reservation: Reservation, state: ReservationState) -> ShardUpdate:
    """Give back: never more than is held."""
    units = reservation.quantity
    return _change(reservation, {state.value: -units, "available": units}, {state.value: units})


def move_claim_update(
    reservation: Reservation, source: ReservationState, target: ReservationState
) -> ShardUpdate:
    """A promise of one kind becomes one of the other."""
    units = reservation.quantity
    return _change(reservation, {source.value: -units, target.value: units}, {source.value: units})


def ship_update(reservation: Reservation, state: ReservationState) -> ShardUpdate:
    """The goods leave. What is still awaited cannot."""
    if reservation.shard == INBOUND_SHARD:
        raise Conflict(
            f"{reservation.quantity} of {reservation.sku} are not here yet and cannot be shipped",
            code="stock_awaited",
        )
    units = reservation.quantity
    return _change(
        reservation,
        {state.value: -units, "on_hand": -units, "version": 1},
        {state.value: units, "on_hand": units},
    )


def relocate_updates(
    old: Iterable[Reservation], new: Iterable[Reservation], state: ReservationState
) -> ShardWrites:
    """The same promise from other bins: what both have in common is left alone."""
    before = {(h.sku, h.location, h.shard): h.quantity for h in merge_reservations(old)}
    after = {(h.sku, h.location, h.shard): h.quantity for h in merge_reservations(new)}
    step = []
    for key in dict.fromkeys((*before, *after)):
        more = after.get(key, 0) - before.get(key, 0)
        if more > 0:
            counts = {state.value: more, "available": -more}
            step.append(ShardUpdate(*key, counts, {"available": more}))
        elif more < 0:
            counts = {state.value: more, "available": -more}
            step.append(ShardUpdate(*key, counts, {state.value: -more}))
    return tuple(step)


def _change(
    reservation: Reservation, by: Mapping[str, int], needs: Mapping[str, int]
) -> ShardUpdate:
    return ShardUpdate(reservation.sku, reservation.location, reservation.shard, by, needs)


# What staff do


def movement_update(base: StockShard, movements: Sequence[StockMovement]) -> ShardUpdate:
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
    return ShardUpdate(
        base.sku,
        base.location,
        0,
        deltas={
            "on_hand": sum(movement.on_hand for movement in movements),
            "available": difference,
            "safety": safety,
            "incoming": sum(movement.incoming for movement in movements),
            "in_transit": sum(movement.in_transit for movement in movements),
            "earmarked": sum(movement.earmarked for movement in movements),
            "version": 1,
        },
        minimums={"available": -difference - base.safety - safety}
        if difference < 0 or safety < 0
        else {},
        expected={"version": base.version, "shard_count": base.shard_count},
        assignments={"unavailable_by": aside} if aside != dict(base.unavailable_by) else {},
    )


def set_threshold_update(level: StockLevel, low_at: int | None) -> ShardUpdate:
    """Staff set the threshold of the alarm, from the version that was read; a new one begins
    anew."""
    before = NO_THRESHOLD if level.low_stock_threshold is None else level.low_stock_threshold
    after = NO_THRESHOLD if low_at is None else low_at
    return ShardUpdate(
        level.sku,
        level.location,
        0,
        deltas={
            "low_stock_threshold": after - before,
            "alert_state": -level.alert_state,
            "version": 1,
        },
        expected={"low_stock_threshold": before, "alert_state": level.alert_state},
    )


def set_alert_state_update(level: StockLevel, alert_state: AlertState) -> ShardUpdate:
    """A crossing is noted, or is over, if nobody else was faster. Leaves the version alone."""
    crossed = alert_state is AlertState.LOW
    low_at = NO_THRESHOLD if level.low_stock_threshold is None else level.low_stock_threshold
    return ShardUpdate(
        level.sku,
        level.location,
        0,
        deltas={"alert_state": alert_state - level.alert_state, "crossings": int(crossed)},
        expected={
            "alert_state": level.alert_state,
            "crossings": level.crossings,
            "low_stock_threshold": low_at,
        },
    )


def expect_version(
    part: StockShard | ShardUpdate | ShardRemoval, before: StockLevel
) -> StockShard | ShardUpdate | ShardRemoval:
    """Bin 0 changes from the version that was read; of a split SKU, it tells of its own changes."""
    if isinstance(part, ShardUpdate) and part.shard == 0 and before.shard_count == 1:
        return replace(part, expected={**part.expected, "version": before.version})
    return part


def set_terms_updates(level: StockLevel, terms: BackorderTerms, there: bool) -> ShardWrites:
    """Staff set the terms on which goods still to come are sold, from the version that was read.

    Raises :class:`Conflict` (``stock_promised``) for a limit below what is sold on them already.
    """
    if terms.limit < level.backordered:
        raise Conflict(
            f"{level.backordered} units of {level.sku} are sold and still to come; the limit cannot be "
            f"{terms.limit}",
            code="stock_promised",
        )
    before = level.terms.limit if level.terms else 0
    more = terms.limit - before
    whole = ShardUpdate(
        level.sku,
        level.location,
        0,
        deltas={"version": 1, "version_of_terms": 0 if there else 1},
        expected={"version_of_terms": int(there)},
    )
    if not there:
        made = StockShard(
            level.sku,
            level.location,
            INBOUND_SHARD,
            on_hand=terms.limit,
            available=terms.limit,
            version=1,
            terms=terms,
        )
        return (whole, made)
    change = ShardUpdate(
        level.sku,
        level.location,
        INBOUND_SHARD,
        deltas={"on_hand": more, "available": more, "version": 1},
        minimums={"available": max(0, -more)},
        expected={"on_hand": before},
        assignments={"terms": terms},
    )
    return (whole, change)


def cover_backorder_updates(
    reservation: Reservation, state: ReservationState
) -> tuple[ShardWrites, Reservation]:
    """Goods that were awaited are here: the promise moves to the units put aside for it.

    Returns what is to be written and the hold that the order keeps instead.
    """
    units = reservation.quantity
    step = (
        ShardUpdate(
            reservation.sku,
            reservation.location,
            INBOUND_SHARD,
            {state.value: -units, "available": units},
            {state.value: units},
        ),
        ShardUpdate(
            reservation.sku,
            reservation.location,
            0,
            {"earmarked": -units, state.value: units},
            {"earmarked": units},
        ),
    )
    return step, Reservation(reservation.sku, units, reservation.location)


# Where a demand is drawn from


def pick_shards(
    demand: Demand, seen: Mapping[str, Sequence[int]], chance: random.Random
) -> tuple[Reservation, ...] | None:
    """Choose bins for a demand, by what was last seen in them; ``None`` where that does not reach.

    ``seen`` maps locations, the preferred one first, to the units of their bins. One bin that has
    enough is taken at random, so that buyers do not queue at the same; where none has, several
    together, the fullest first.
    """
    for location, units in seen.items():
        for _ in range(4):
            shard = chance.randrange(len(units))
            if units[shard] >= demand.quantity:
                return (Reservation(demand.sku, demand.quantity, location, shard),)
        enough = [shard for shard, left in enumerate(units) if left >= demand.quantity]
        if enough:
            shard = chance.choice(enough)
            return (Reservation(demand.sku, demand.quantity, location, shard),)
    drawn: list[Reservation] = []
    missing = demand.quantity
    for location, units in seen.items():
        for shard in sorted(range(len(units)), key=lambda n: -units[n]):
            if units[shard] <= 0 or len(drawn) == MAX_SHARDS_PER_DEMAND:
                break
            taken = min(units[shard], missing)
            drawn.append(Reservation(demand.sku, taken, location, shard))
            missing -= taken
            if not missing:
                return tuple(drawn)
    return None


# How many bins there are


def next_reshard_step(shards: Sequence[StockShard], wanted: int) -> ShardWrites:
    """The next transaction on the way to ``wanted`` bins, sharing the units out; empty when done.

    Each step leaves the sum as it was and every promise where it is, whatever is sold, given back
    or shipped meanwhile: units are only moved while they are for sale. Bins are made before buyers
    may draw from them and taken away only once they are empty, from the last one down; buyers who
    still draw from a bin that is gone are refused by its absence. An empty step with more bins
    than wanted means that some still hold promises: ask again when those were shipped.
    """
    if not shards:
        return ()
    base, there = shards[0], len(shards)
    if there < wanted:
        made = range(there, min(wanted, there + MAX_NEW_SHARDS_PER_TRANSACTION))
        return (
            *(StockShard(base.sku, base.location, shard) for shard in made),
            _whole(base, {"shard_count": len(made)}),
        )
    if base.open != wanted:
        return (_whole(base, {"open": wanted - base.open, "version": 1}),)
    return _sharing(shards, wanted) or _trimming(shards, wanted)


def gather_step(shards: Sequence[StockShard], units: int) -> ShardWrites:
    """Bring units for sale into bin 0 until it has so many; empty when it has, or no other has.

    Done before staff take something away, and so that the safety stock, which bin 0 keeps for
    all, is never eaten into while another bin still sells.
    """
    missing = units - shards[0].available
    donors = sorted((b for b in shards[1:] if b.available > 0), key=lambda b: -b.available)
    taken: list[tuple[StockShard, int]] = []
    for donor in donors[:MAX_SHARDS_PER_TRANSFER]:
        if missing <= 0:
            break
        taken.append((donor, min(donor.available, missing)))
        missing -= taken[-1][1]
    return _transfer(taken, [(shards[0], sum(n for _, n in taken))])


def _whole(base: StockShard, by: Mapping[str, int]) -> ShardUpdate:
    """A change of what bin 0 says of the whole, if it still says what was read."""
    return ShardUpdate(
        base.sku,
        base.location,
        0,
        by,
        expected={"shard_count": base.shard_count, "open": base.open},
    )


def _sharing(shards: Sequence[StockShard], wanted: int) -> ShardWrites:
    leaving = [b for b in shards[wanted:] if b.available > 0][:MAX_SHARDS_PER_TRANSFER]
    if leaving:
        poorest = min(shards[:wanted], key=lambda b: b.available)
        return _transfer(
            [(b, b.available) for b in leaving], [(poorest, sum(b.available for b in leaving))]
        )
    fair = max(0, sum(b.available for b in shards)) // wanted
    richest = max(shards[:wanted], key=lambda b: b.available)
    # Not to the last unit: sharing out what sells meanwhile would never end.
    poor = [b for b in shards[:wanted] if b.available < (fair + 1) // 2][:MAX_SHARDS_PER_TRANSFER]
    spare, given = richest.available - fair, []
    for one in poor:
        units = min(fair - one.available, spare)
        if units > 0:
            given.append((one, units))
            spare -= units
    return _transfer([(richest, sum(n for _, n in given))], given)


def _trimming(shards: Sequence[StockShard], wanted: int) -> ShardWrites:
    base = shards[0]
    last = len(shards)
    while (
        last > wanted
        and shards[last - 1].empty
        and len(shards) - last < MAX_NEW_SHARDS_PER_TRANSACTION
    ):
        last -= 1
    gone = shards[last:]
    if not gone:
        return ()
    # Their versions live on in bin 0, for the version of the level must never go back.
    by = {"shard_count": -len(gone), "version": sum(b.version for b in gone)}
    return (*(ShardRemoval(b) for b in gone), _whole(base, by))


def _transfer(
    out: Sequence[tuple[StockShard, int]], into: Sequence[tuple[StockShard, int]]
) -> ShardWrites:
    step = [
        ShardUpdate(b.sku, b.location, b.shard, {"on_hand": -n, "available": -n}, {"available": n})
        for b, n in out
        if n
    ]
    if not step:
        return ()
    step += [
        ShardUpdate(b.sku, b.location, b.shard, {"on_hand": n, "available": n}) for b, n in into
    ]
    return tuple(step)
