"""The stock side of an order's transaction: pick shards, reserve, release, ship.

Reservations are not in the journal. The order that owns them is written in the same transaction
and is their record (docs/adr/stock-journal.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pynamodb.transactions import TransactWrite

from shop.inventory.model import (
    MAIN_LOCATION,
    Demand,
    MovementType,
    Reservation,
    ReservationState,
    Shortage,
    StockMovement,
    merge_demands,
    merge_reservations,
)
from shop.inventory.model.shard_writes import (
    change_state_update,
    cover_backorder_updates,
    release_update,
    relocate_updates,
    reserve_update,
    restock_write,
    ship_update,
)
from shop.inventory.model.shards import INBOUND_SHARD, StockShard, combine_shards, pick_shards
from shop.inventory.store.kits import require_no_kits
from shop.inventory.store.levels import StockLevelReader
from shop.inventory.store.rows import add_movement, parse_shard_key, shard_key
from shop.inventory.store.shard_cache import MIN_REFRESH_INTERVAL, ShardSnapshot
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation

NO_LOCATION = "-"
"""The location of a reservation if no location ships: it has no rows, so the write fails."""


class StockReservationWriter(StockLevelReader):
    """See :class:`shop.inventory.ports.StockReservations`."""

    def pick_shards(self, demands: Iterable[Demand]) -> tuple[Reservation, ...]:
        return tuple(
            reservation
            for demand in merge_demands(demands)
            for reservation in self._pick_for(demand)
        )

    def _pick_for(self, demand: Demand) -> tuple[Reservation, ...]:
        snapshots = self._snapshots_of(demand.sku)
        if not snapshots:
            # Most SKUs have one shard at one location and need no snapshot.
            location = next(iter(self._shipping_locations), NO_LOCATION)
            return (Reservation(demand.sku, demand.quantity, location),)
        active = {
            location: snapshot.units[: snapshot.active_shard_count]
            for location, snapshot in snapshots.items()
        }
        # Surplus shards, which a merge is emptying, are used only if the active ones fall short.
        picked = pick_shards(demand, active, self._chance) or pick_shards(
            demand, _units_by_location(snapshots), self._chance
        )
        if picked is None and self._are_fresh(snapshots, self._clock()):
            # Units on hand are sold first. A stale snapshot must not cause a back-order while units
            # are on hand.
            picked = self._pick_with_inbound(demand, snapshots)
        if picked:
            return picked
        # The snapshot shows no units; the condition of the write decides. A random shard spreads
        # these attempts.
        location, snapshot = next(iter(snapshots.items()))
        shard = self._chance.randrange(snapshot.active_shard_count)
        return (Reservation(demand.sku, demand.quantity, location, shard),)

    def _are_fresh(self, snapshots: Mapping[str, ShardSnapshot], at: float) -> bool:
        return all(self._shard_cache.is_fresh(snapshot, at) for snapshot in snapshots.values())

    def _snapshots_of(self, sku: str) -> dict[str, ShardSnapshot]:
        """Return the cached snapshots at shipping locations, the first choice first."""
        cached = self._shard_cache.get(sku)
        return {
            location: cached[location]
            for location in self._shipping_locations
            if location in cached
        }

    def _pick_with_inbound(
        self, demand: Demand, snapshots: Mapping[str, ShardSnapshot]
    ) -> tuple[Reservation, ...] | None:
        """Pick all units on hand and the rest from inbound stock, if the terms allow it."""
        units = _units_by_location(snapshots)
        on_hand = sum(max(0, n) for by_shard in units.values() for n in by_shard)
        picked = pick_shards(Demand(demand.sku, on_hand), units, self._chance) if on_hand else ()
        if picked is None:
            # The units on hand are spread over more shards than one demand may use.
            picked, on_hand = (), 0
        rest = demand.quantity - on_hand
        for location, inbound in self._open_inbound_shards(demand.sku).items():
            if inbound.available >= rest:
                return (*picked, Reservation(demand.sku, rest, location, INBOUND_SHARD))
        return None

    def _open_inbound_shards(self, sku: str) -> Mapping[str, StockShard]:
        """Return the cached inbound shards by location whose terms accept orders now."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        return {
            location: inbound
            for location, inbound in self._inbound_shards.get(sku, {}).items()
            if location in self._shipping_locations and inbound.terms and inbound.terms.is_open(now)
        }

    def reserve(
        self, transaction: TransactWrite, requested: Iterable[Demand | Reservation]
    ) -> tuple[Reservation, ...]:
        items = list(requested)
        picked = self.pick_shards(item for item in items if isinstance(item, Demand))
        reservations = merge_reservations(
            [*picked, *(item for item in items if isinstance(item, Reservation))]
        )
        self._add_writes(
            transaction, tuple(reserve_update(reservation) for reservation in reservations)
        )
        return reservations

    def release(
        self,
        transaction: TransactWrite,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self._add_writes(
            transaction,
            tuple(
                release_update(reservation, state)
                for reservation in merge_reservations(reservations)
            ),
        )

    def commit(self, transaction: TransactWrite, reservations: Iterable[Reservation]) -> None:
        updates = (
            change_state_update(reservation, ReservationState.RESERVED, ReservationState.COMMITTED)
            for reservation in merge_reservations(reservations)
        )
        self._add_writes(transaction, tuple(updates))

    def revert_commit(
        self, transaction: TransactWrite, reservations: Iterable[Reservation]
    ) -> None:
        updates = (
            change_state_update(reservation, ReservationState.COMMITTED, ReservationState.RESERVED)
            for reservation in merge_reservations(reservations)
        )
        self._add_writes(transaction, tuple(updates))

    def relocate(
        self,
        transaction: TransactWrite,
        old: Iterable[Reservation],
        new: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        self._add_writes(transaction, relocate_updates(old, new, state))

    def cover_backorder(
        self,
        transaction: TransactWrite,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> tuple[Reservation, ...]:
        covered = []
        for reservation in merge_reservations(reservations):
            if reservation.shard == INBOUND_SHARD:
                updates, on_hand = cover_backorder_updates(reservation, state)
                self._add_writes(transaction, updates)
                covered.append(on_hand)
            else:
                covered.append(reservation)
        return tuple(covered)

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
        for reservation in merge_reservations(reservations):
            self._add_writes(transaction, (ship_update(reservation, state),))
            movement = StockMovement(
                reservation.sku,
                MovementType.SHIPPED,
                at,
                actor,
                reference=order,
                location=reservation.location,
                shard=reservation.shard,
                on_hand=-reservation.quantity,
            )
            add_movement(transaction, movement, self._tables)

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
        at_main = {one.sku for one in units if one.location == MAIN_LOCATION}
        # The row at the main location defines whether a SKU is a kit. A row that this transaction
        # writes has the condition itself, because a transaction may touch a row only once.
        elsewhere = {one.sku for one in units} - at_main
        keys = {(one.sku, one.location) for one in units} | {
            (sku, MAIN_LOCATION) for sku in elsewhere
        }
        shards = self._read_shards([shard_key(*key) for key in sorted(keys)], consistent=True)
        for shard in shards:
            combine_shards([shard], shard.sku, shard.location).require_no_kit()
        found = {(shard.sku, shard.location) for shard in shards}
        writes = tuple(restock_write(one, exists=(one.sku, one.location) in found) for one in units)
        kit_check = require_no_kits(elsewhere)

        def add(transaction: TransactWrite) -> None:
            self._add_writes(transaction, writes)
            kit_check(transaction)
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
                add_movement(transaction, movement, self._tables)

        return add

    def shortages_from(
        self, error: Exception | None, demands: Iterable[Demand]
    ) -> tuple[Shortage, ...]:
        requested = {demand.sku: demand.quantity for demand in merge_demands(demands)}
        failed: list[tuple[str, int]] = []
        if isinstance(error, ConditionFailed):
            shards = (parse_shard_key(key) for key in error.keys)
            failed = [shard for shard in shards if shard is not None and shard[0] in requested]
            if not failed:
                # The condition of another write failed, such as that of the order itself.
                return ()
        failed_at = self._clock()
        self._read_failed_shards(requested, failed)
        shortages, is_uncertain = self._find_shortages(requested, failed_at)
        if is_uncertain and not shortages:
            # Another buyer reserved the units, or the snapshot is stale. Wait for the next refresh
            # before the caller picks again.
            self._sleep(self._chance.uniform(MIN_REFRESH_INTERVAL / 2, MIN_REFRESH_INTERVAL))
            failed_at = self._clock()
            self._refresh_snapshots(requested)
            shortages, _ = self._find_shortages(requested, failed_at)
        return shortages

    def _find_shortages(
        self, requested: Mapping[str, int], failed_at: float
    ) -> tuple[tuple[Shortage, ...], bool]:
        """Return every line known to be short, and whether another line may be short.

        The age of a snapshot is measured at the failure, not at the read of each line. Otherwise a
        long order would report only some of its short lines.
        """
        shortages, is_uncertain = [], False
        for sku, quantity in requested.items():
            snapshots = self._snapshots_of(sku)
            available = sum(snapshot.total for snapshot in snapshots.values())
            available += sum(shard.available for shard in self._open_inbound_shards(sku).values())
            if available >= quantity:
                is_uncertain |= any(snapshot.is_sharded for snapshot in snapshots.values())
            elif self._are_fresh(snapshots, failed_at):
                shortages.append(Shortage(sku, quantity, available))
            else:
                is_uncertain = True
        return tuple(shortages), is_uncertain

    def _read_failed_shards(self, skus: Iterable[str], failed: Iterable[tuple[str, int]]) -> None:
        """Read the shards that failed, and the level of every SKU with one shard.

        One consistent read covers all of them, because a snapshot must not decide on a shortage.
        """
        locations = self._shipping_locations
        sharded = {sku for sku in skus if self._shard_cache.is_sharded(sku)}
        failed_shards = {
            (sku, location, shard)
            for sku, shard in failed
            if sku in sharded and shard >= 0
            for location, snapshot in self._snapshots_of(sku).items()
            if shard < len(snapshot.units)
        }
        keys = [
            shard_key(sku, location) for sku in skus if sku not in sharded for location in locations
        ]
        keys += [shard_key(sku, location, shard) for sku, location, shard in failed_shards]
        shards = self._read_shards(keys, consistent=True)
        bases = [shard for shard in shards if shard.shard == 0 and shard.sku not in sharded]
        for base in bases:
            self._shard_cache.put(base)
        # Cached inbound shards of sharded SKUs are read again as well.
        cached_inbound = [
            replace(inbound, inbound_shard_count=1)
            for sku in sharded
            for inbound in self._inbound_shards.get(sku, {}).values()
        ]
        self._read_inbound_shards([*bases, *cached_inbound], consistent=True)
        self._shard_cache.update(shards)
        found = {(shard.sku, shard.location, shard.shard) for shard in shards}
        for sku, location, shard_number in failed_shards - found:
            self._shard_cache.remove_shard(sku, location, shard_number)
        self._refresh_snapshots(skus)

    def _refresh_snapshots(self, skus: Iterable[str]) -> None:
        for sku in skus:
            for location, snapshot in list(self._shard_cache.get(sku).items()):
                if snapshot.is_sharded:
                    self._shard_cache.refresh_if_stale(sku, location)


def _units_by_location(snapshots: Mapping[str, ShardSnapshot]) -> dict[str, list[int]]:
    return {location: snapshot.units for location, snapshot in snapshots.items()}
