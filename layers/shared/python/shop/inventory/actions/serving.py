"""Choosing, once an order is paid, where its pieces come from."""

from collections.abc import Mapping, Sequence

from shop.inventory.model import Demand, Hold
from shop.inventory.model.allocation import Location, Place, Policy, allocate
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Stock


def choose_locations(
    holds: Sequence[Hold],
    *,
    stock: Stock,
    locations: Sequence[Location],
    policy: Policy,
    destination: Place,
) -> tuple[Hold, ...]:
    """The holds an order should have by this policy, instead of those it has.

    What is held counts as there, for this order. Nothing is written: the order's store moves from
    the old holds to the new ones in its own transaction (:meth:`Holds.move`), which is refused
    where somebody was faster, and then the old ones serve. Holds stay as they are where the policy
    could not serve everything, and so do units that are still awaited.
    """
    here = [hold for hold in holds if hold.shard != AWAITED]
    stocked: dict[str, dict[str, int]] = {}
    for sku, levels in stock.by_location([hold.sku for hold in here]).items():
        for level in levels:
            stocked.setdefault(level.location, {})[sku] = max(0, level.available)
    for hold in here:
        units = stocked.setdefault(hold.location, {})
        units[hold.sku] = units.get(hold.sku, 0) + hold.quantity
    wanted = [Demand(hold.sku, hold.quantity) for hold in here]
    chosen = allocate(wanted, stocked, locations, policy, destination)
    if chosen.short:
        return tuple(holds)
    moved = _moved(here, chosen.parcels)
    return (*moved, *(hold for hold in holds if hold.shard == AWAITED))


def _moved(here: Sequence[Hold], parcels: Mapping[str, Mapping[str, int]]) -> list[Hold]:
    """Holds that serve the parcels: those that are in the right place stay in their bins."""
    kept: list[Hold] = []
    missing = {(place, sku): n for place, parcel in parcels.items() for sku, n in parcel.items()}
    for hold in here:
        units = min(hold.quantity, missing.get((hold.location, hold.sku), 0))
        if units:
            kept.append(Hold(hold.sku, units, hold.location, hold.shard))
            missing[hold.location, hold.sku] -= units
    kept += [Hold(sku, units, place) for (place, sku), units in missing.items() if units]
    return kept
