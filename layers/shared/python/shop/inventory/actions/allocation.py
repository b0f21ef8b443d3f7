"""Choose the locations of a paid order according to the allocation policy."""

from collections.abc import Mapping, Sequence

from shop.inventory.model import Demand, Reservation
from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, Location, allocate
from shop.inventory.model.shards import INBOUND_SHARD
from shop.inventory.ports import StockRepository


def allocate_reservations(
    reservations: Sequence[Reservation],
    *,
    stock: StockRepository,
    locations: Sequence[Location],
    policy: AllocationPolicy,
    destination: GeoPoint,
) -> tuple[Reservation, ...]:
    """Return the reservations that should replace the order's current ones.

    Nothing is written. The order's store moves them in its own transaction
    (:meth:`StockReservations.relocate`). That fails if another order reserved the units first; the
    current reservations then stay. They also stay if the policy cannot serve the whole order.
    Units of inbound stock are never moved.
    """
    on_hand = [reservation for reservation in reservations if reservation.shard != INBOUND_SHARD]
    inbound = [reservation for reservation in reservations if reservation.shard == INBOUND_SHARD]
    # Exactly these locations: a cached list may lack the newest one, whose units then do not count.
    keys = [(reservation.sku, location.name) for reservation in on_hand for location in locations]
    available: dict[str, dict[str, int]] = {}
    for level in stock.get_levels_at(list(dict.fromkeys(keys))):
        available.setdefault(level.location, {})[level.sku] = max(0, level.available)
    # Units that the order has reserved are available to this order.
    for reservation in on_hand:
        units = available.setdefault(reservation.location, {})
        units[reservation.sku] = units.get(reservation.sku, 0) + reservation.quantity
    demands = [Demand(reservation.sku, reservation.quantity) for reservation in on_hand]
    allocation = allocate(demands, available, locations, policy, destination)
    if allocation.short:
        return tuple(reservations)
    return (*_reservations_for(allocation.parcels, on_hand), *inbound)


def _reservations_for(
    parcels: Mapping[str, Mapping[str, int]], current: Sequence[Reservation]
) -> list[Reservation]:
    """Build the reservations of an allocation; units that stay at a location keep their shard."""
    reservations: list[Reservation] = []
    missing = {
        (location, sku): units
        for location, parcel in parcels.items()
        for sku, units in parcel.items()
    }
    for reservation in current:
        units = min(reservation.quantity, missing.get((reservation.location, reservation.sku), 0))
        if units:
            reservations.append(
                Reservation(reservation.sku, units, reservation.location, reservation.shard)
            )
            missing[reservation.location, reservation.sku] -= units
    reservations += [
        Reservation(sku, units, location) for (location, sku), units in missing.items() if units
    ]
    return reservations
