"""Choosing, once an order is paid, where its pieces come from."""

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
    """The holds an order should have by this policy, instead of those it has.

    What is held counts as there, for this order. Nothing is written: the order's store moves from
    the old holds to the new ones in its own transaction (:meth:`Holds.move`), which is refused
    where somebody was faster, and then the old ones serve. Holds stay as they are where the policy
    could not serve everything, and so do units that are still awaited.
    """
    here = [hold for hold in reservations if hold.shard != INBOUND_SHARD]
    stocked: dict[str, dict[str, int]] = {}
    for sku, levels in stock.current_levels_by_location([hold.sku for hold in here]).items():
        for level in levels:
            stocked.setdefault(level.location, {})[sku] = max(0, level.available)
    for hold in here:
        units = stocked.setdefault(hold.location, {})
        units[hold.sku] = units.get(hold.sku, 0) + hold.quantity
    wanted = [Demand(hold.sku, hold.quantity) for hold in here]
    chosen = allocate(wanted, stocked, locations, policy, destination)
    if chosen.short:
        return tuple(reservations)
    moved = _moved(here, chosen.parcels)
    return (*moved, *(hold for hold in reservations if hold.shard == INBOUND_SHARD))


def _moved(
    available: Sequence[Reservation], parcels: Mapping[str, Mapping[str, int]]
) -> list[Reservation]:
    """Holds that serve the parcels: those that are in the right place stay in their bins."""
    stored: list[Reservation] = []
    missing = {(place, sku): n for place, parcel in parcels.items() for sku, n in parcel.items()}
    for hold in available:
        units = min(hold.quantity, missing.get((hold.location, hold.sku), 0))
        if units:
            stored.append(Reservation(hold.sku, units, hold.location, hold.shard))
            missing[hold.location, hold.sku] -= units
    stored += [Reservation(sku, units, place) for (place, sku), units in missing.items() if units]
    return stored
