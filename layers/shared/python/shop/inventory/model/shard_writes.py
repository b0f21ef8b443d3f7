"""Writes of shards: for orders, for staff, and for a change of the number of shards.

The functions are pure. They return :data:`ShardWrites`, which the stores apply.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shop.inventory.model.movements import StockMovement
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    NO_THRESHOLD,
    ShardRemoval,
    ShardUpdate,
    ShardWrite,
    ShardWrites,
    StockShard,
)
from shop.inventory.model.stock_level import (
    AlertState,
    BackorderTerms,
    Reservation,
    ReservationState,
    StockLevel,
    merge_reservations,
)
from shop.kernel.errors import Conflict

MAX_SHARDS_PER_TRANSFER = 24
"""Source or target shards of one transfer; a larger transaction conflicts with more buyers."""
MAX_NEW_SHARDS_PER_TRANSACTION = 90
"""New or removed shards per transaction; DynamoDB allows 100 items."""


# Writes of orders


def reserve_update(reservation: Reservation) -> ShardUpdate:
    """Reserve units, never more than are available."""
    units = reservation.quantity
    return _update(reservation, {"reserved": units, "available": -units}, {"available": units})


def release_update(reservation: Reservation, state: ReservationState) -> ShardUpdate:
    """Release units, never more than are promised in this state."""
    units = reservation.quantity
    return _update(reservation, {state.value: -units, "available": units}, {state.value: units})


def change_state_update(
    reservation: Reservation, source: ReservationState, target: ReservationState
) -> ShardUpdate:
    """Move promised units from one reservation state to another."""
    units = reservation.quantity
    return _update(reservation, {source.value: -units, target.value: units}, {source.value: units})


def ship_update(reservation: Reservation, state: ReservationState) -> ShardUpdate:
    """Ship promised units.

    Raises :class:`Conflict` (``stock_awaited``) for inbound units.
    """
    if reservation.shard == INBOUND_SHARD:
        raise Conflict(
            f"{reservation.quantity} units of {reservation.sku} have not been received yet. "
            "Ship them after they arrive.",
            code="stock_awaited",
        )
    units = reservation.quantity
    return _update(
        reservation,
        {state.value: -units, "on_hand": -units, "version": 1},
        {state.value: units, "on_hand": units},
    )


def restock_write(returned: Reservation, *, exists: bool) -> ShardWrite:
    """Add units that came back to shard 0, unless their SKU has become a kit.

    The first units of a location create its level. An existing level is changed by a difference
    without a condition on its version, so that returns and sales do not conflict.
    """
    units = returned.quantity
    if not exists:
        return StockShard(
            returned.sku, returned.location, on_hand=units, available=units, version=1
        )
    deltas = {"on_hand": units, "available": units, "version": 1}
    return ShardUpdate(returned.sku, returned.location, 0, deltas, requires_no_kit=True)


def relocate_updates(
    old: Iterable[Reservation], new: Iterable[Reservation], state: ReservationState
) -> ShardWrites:
    """Move a promise to other shards; units in both ``old`` and ``new`` cause no write."""
    old_units = {(r.sku, r.location, r.shard): r.quantity for r in merge_reservations(old)}
    new_units = {(r.sku, r.location, r.shard): r.quantity for r in merge_reservations(new)}
    updates = []
    for key in dict.fromkeys((*old_units, *new_units)):
        increase = new_units.get(key, 0) - old_units.get(key, 0)
        deltas = {state.value: increase, "available": -increase}
        if increase > 0:
            updates.append(ShardUpdate(*key, deltas, {"available": increase}))
        elif increase < 0:
            updates.append(ShardUpdate(*key, deltas, {state.value: -increase}))
    return tuple(updates)


def cover_backorder_updates(
    reservation: Reservation, state: ReservationState
) -> tuple[ShardWrites, Reservation]:
    """Move a back-order's promise from inbound stock to the units earmarked for it.

    Return the writes and the reservation that replaces the order's former one.
    """
    units = reservation.quantity
    inbound = _update(reservation, {state.value: -units, "available": units}, {state.value: units})
    on_hand = ShardUpdate(
        reservation.sku,
        reservation.location,
        0,
        {"earmarked": -units, state.value: units},
        {"earmarked": units},
    )
    return (inbound, on_hand), Reservation(reservation.sku, units, reservation.location)


def _update(
    reservation: Reservation, deltas: Mapping[str, int], minimums: Mapping[str, int]
) -> ShardUpdate:
    return ShardUpdate(reservation.sku, reservation.location, reservation.shard, deltas, minimums)


# Writes of staff


def movement_update(base: StockShard, movements: Sequence[StockMovement]) -> ShardUpdate:
    """Apply movements to shard 0 as differences, if it is still at the version that was read.

    Differences keep reservations that were made since. The available units, together with the
    safety stock, must cover what the movements remove.
    """
    available = sum(movement.available for movement in movements)
    safety = sum(movement.safety for movement in movements)
    unavailable_by = dict(base.unavailable_by)
    for movement in movements:
        for reason, units in movement.unavailable.items():
            unavailable_by[reason] = unavailable_by.get(reason, 0) + units
    nonzero = {reason: units for reason, units in unavailable_by.items() if units}
    # Arriving units need no minimum, even if a loss has used the safety stock.
    reduces_stock = available < 0 or safety < 0
    return ShardUpdate(
        base.sku,
        base.location,
        0,
        deltas={
            "on_hand": sum(movement.on_hand for movement in movements),
            "available": available,
            "safety": safety,
            "incoming": sum(movement.incoming for movement in movements),
            "in_transit": sum(movement.in_transit for movement in movements),
            "earmarked": sum(movement.earmarked for movement in movements),
            "version": 1,
        },
        minimums={"available": -available - base.safety - safety} if reduces_stock else {},
        expected={"version": base.version, "shard_count": base.shard_count},
        assignments=({"unavailable_by": nonzero} if nonzero != dict(base.unavailable_by) else {}),
    )


def set_threshold_update(level: StockLevel, threshold: int | None) -> ShardUpdate:
    """Set the low-stock threshold of the level that was read, and close its alert."""
    old, new = _stored_threshold(level.low_stock_threshold), _stored_threshold(threshold)
    return ShardUpdate(
        level.sku,
        level.location,
        0,
        deltas={"low_stock_threshold": new - old, "alert_state": -level.alert_state, "version": 1},
        expected={"low_stock_threshold": old, "alert_state": level.alert_state},
    )


def set_alert_state_update(level: StockLevel, alert_state: AlertState) -> ShardUpdate:
    """Open or close the low-stock alert of the level that was read.

    Of two processes that read the same level, one succeeds. The version stays, because an alert
    changes no quantity.
    """
    is_new_crossing = alert_state is AlertState.LOW
    return ShardUpdate(
        level.sku,
        level.location,
        0,
        deltas={
            "alert_state": alert_state - level.alert_state,
            "crossings": int(is_new_crossing),
        },
        expected={
            "alert_state": level.alert_state,
            "crossings": level.crossings,
            "low_stock_threshold": _stored_threshold(level.low_stock_threshold),
        },
    )


def _stored_threshold(threshold: int | None) -> int:
    return NO_THRESHOLD if threshold is None else threshold


def expect_version(write: ShardWrite, before: StockLevel) -> ShardWrite:
    """Add the condition that shard 0 is still at the version that was read.

    The version of a resharded SKU is a sum over its shards. Its shard 0 is protected by the
    conditions of the write itself.
    """
    if isinstance(write, ShardUpdate) and write.shard == 0 and before.shard_count == 1:
        return replace(write, expected={**write.expected, "version": before.version})
    return write


def set_terms_updates(
    level: StockLevel, terms: BackorderTerms, *, has_inbound_shard: bool
) -> ShardWrites:
    """Set the back-order terms of the level that was read.

    Raises :class:`Conflict` (``stock_promised``) for a limit below the back-ordered units.
    """
    if terms.limit < level.backordered:
        raise Conflict(
            f"{level.backordered} units of {level.sku} are sold as back-orders. "
            f"The limit must be {level.backordered} or more; it is {terms.limit}.",
            code="stock_promised",
        )
    base = ShardUpdate(
        level.sku,
        level.location,
        0,
        deltas={"version": 1, "inbound_shard_count": 0 if has_inbound_shard else 1},
        expected={"inbound_shard_count": int(has_inbound_shard)},
    )
    if not has_inbound_shard:
        inbound = StockShard(
            level.sku,
            level.location,
            INBOUND_SHARD,
            on_hand=terms.limit,
            available=terms.limit,
            version=1,
            terms=terms,
        )
        return (base, inbound)
    old_limit = level.terms.limit if level.terms else 0
    increase = terms.limit - old_limit
    update = ShardUpdate(
        level.sku,
        level.location,
        INBOUND_SHARD,
        deltas={"on_hand": increase, "available": increase, "version": 1},
        # A lower limit must still cover units that were back-ordered since the level was read.
        minimums={"available": max(0, -increase)},
        expected={"on_hand": old_limit},
        assignments={"terms": terms},
    )
    return (base, update)


# The number of shards


def next_reshard_step(shards: Sequence[StockShard], target_count: int) -> ShardWrites:
    """Return the next transaction on the way to ``target_count`` shards; empty at the end.

    Every step moves available units only. So it keeps the sum of units and leaves every promise in
    its shard, even while units are sold, released or shipped. An empty step with more than
    ``target_count`` shards means that some still hold promises; repeat it after those shipped.
    """
    if not shards:
        return ()
    base, count = shards[0], len(shards)
    if count < target_count:
        # Shards are created before buyers may use them, so that no reservation needs a missing row.
        new = range(count, min(target_count, count + MAX_NEW_SHARDS_PER_TRANSACTION))
        return (
            *(StockShard(base.sku, base.location, shard) for shard in new),
            _base_update(base, {"shard_count": len(new)}),
        )
    if base.active_shard_count != target_count:
        deltas = {"active_shard_count": target_count - base.active_shard_count, "version": 1}
        return (_base_update(base, deltas),)
    return _balancing_step(shards, target_count) or _removal_step(shards, target_count)


def gather_step(shards: Sequence[StockShard], units: int) -> ShardWrites:
    """Move available units into shard 0 until it has ``units``.

    The result is empty if shard 0 has enough, or if no other shard has available units. The step
    precedes a movement that removes units. Shard 0 holds the safety stock of the whole level, which
    a loss may use only after the other shards are empty.
    """
    missing = units - shards[0].available
    donors = sorted(
        (shard for shard in shards[1:] if shard.available > 0), key=lambda shard: -shard.available
    )
    sources: list[tuple[StockShard, int]] = []
    for donor in donors[:MAX_SHARDS_PER_TRANSFER]:
        if missing <= 0:
            break
        sources.append((donor, min(donor.available, missing)))
        missing -= sources[-1][1]
    return _transfer(sources, [(shards[0], sum(moved for _, moved in sources))])


def _base_update(base: StockShard, deltas: Mapping[str, int]) -> ShardUpdate:
    """Change the shard counts in shard 0, if they are as they were read."""
    return ShardUpdate(
        base.sku,
        base.location,
        0,
        deltas,
        expected={
            "shard_count": base.shard_count,
            "active_shard_count": base.active_shard_count,
        },
    )


def _balancing_step(shards: Sequence[StockShard], target_count: int) -> ShardWrites:
    """Empty the surplus shards first, then move units from the fullest shard to poor ones."""
    active = shards[:target_count]
    surplus = [shard for shard in shards[target_count:] if shard.available > 0]
    if surplus:
        sources = [(shard, shard.available) for shard in surplus[:MAX_SHARDS_PER_TRANSFER]]
        poorest = min(active, key=lambda shard: shard.available)
        return _transfer(sources, [(poorest, sum(units for _, units in sources))])
    fair_share = max(0, sum(shard.available for shard in shards)) // target_count
    fullest = max(active, key=lambda shard: shard.available)
    # Half of the fair share suffices: balancing to the last unit would never end during a sale.
    poor = [shard for shard in active if shard.available < (fair_share + 1) // 2]
    spare = fullest.available - fair_share
    targets: list[tuple[StockShard, int]] = []
    for shard in poor[:MAX_SHARDS_PER_TRANSFER]:
        units = min(fair_share - shard.available, spare)
        if units > 0:
            targets.append((shard, units))
            spare -= units
    return _transfer([(fullest, sum(units for _, units in targets))], targets)


def _removal_step(shards: Sequence[StockShard], target_count: int) -> ShardWrites:
    """Remove empty surplus shards, the last one first, so that the numbers have no gap."""
    end = len(shards)
    while (
        end > target_count
        and shards[end - 1].is_empty
        and len(shards) - end < MAX_NEW_SHARDS_PER_TRANSACTION
    ):
        end -= 1
    removed = shards[end:]
    if not removed:
        return ()
    # Shard 0 takes over their versions, because the version of the level must never decrease.
    deltas = {"shard_count": -len(removed), "version": sum(shard.version for shard in removed)}
    return (*(ShardRemoval(shard) for shard in removed), _base_update(shards[0], deltas))


def _transfer(
    sources: Sequence[tuple[StockShard, int]], targets: Sequence[tuple[StockShard, int]]
) -> ShardWrites:
    """Move available units between shards; the units of sources and targets must be equal."""
    outgoing = [
        ShardUpdate(
            shard.sku,
            shard.location,
            shard.shard,
            {"on_hand": -units, "available": -units},
            {"available": units},
        )
        for shard, units in sources
        if units
    ]
    if not outgoing:
        return ()
    incoming = [
        ShardUpdate(shard.sku, shard.location, shard.shard, {"on_hand": units, "available": units})
        for shard, units in targets
    ]
    return (*outgoing, *incoming)
