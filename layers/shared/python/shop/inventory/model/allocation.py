"""Which location serves which part of an order: a policy is data, an allocation is its outcome.

Never more than was asked for, never more than there is, and every piece exactly once: a shop that
needs 5 and has 3 and 10 allocates 5, not 8.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from itertools import combinations
from math import asin, cos, inf, radians, sin, sqrt

from shop.inventory.model.stock_level import Demand, Shortage, merge_demands
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen

EARTH_KM = 6371.0
MAX_LOCATIONS_FOR_EXHAUSTIVE_SEARCH = 10
"""Locations up to which all choices are tried for the fewest parcels; beyond, step by step."""


class LocationPreference(StrEnum):
    """What a location is preferred for."""

    NEAREST = "nearest"
    FEWEST_PARCELS = "fewest_parcels"
    HIGHEST_STOCK = "highest_stock"
    PRIORITY = "priority"


@frozen
class GeoPoint:
    """A point to ship to or from. Without coordinates only the country tells what is near."""

    country: str
    latitude: float | None = None
    longitude: float | None = None

    def __post_init__(self) -> None:
        if self.latitude is not None and not -90 <= self.latitude <= 90:
            raise InvalidRequest("a latitude lies between -90 and 90", path="$.latitude")
        if self.longitude is not None and not -180 <= self.longitude <= 180:
            raise InvalidRequest("a longitude lies between -180 and 180", path="$.longitude")

    def distance(self, other: "GeoPoint") -> float:
        """Kilometres along a great circle; without coordinates 0 within a country, else ∞."""
        here, there = (self.latitude, self.longitude), (other.latitude, other.longitude)
        if None in here or None in there:
            return 0.0 if self.country == other.country else inf
        lat1, lon1, lat2, lon2 = (radians(float(degrees or 0)) for degrees in (*here, *there))
        half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
        return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))


@frozen
class Location:
    """A warehouse or a shop. ``priority`` is 1 for the first choice; ``ships_to`` empty means
    everywhere, ``ships`` false that orders are not served from there (a shop that only counts)."""

    name: str
    place: GeoPoint
    priority: int = 1
    ships: bool = True
    ships_to: frozenset[str] = field(default_factory=frozenset)

    def ships_to_destination(self, destination: GeoPoint) -> bool:
        """Whether a parcel may go from here to there."""
        return self.ships and (not self.ships_to or destination.country in self.ships_to)


@frozen
class AllocationPolicy:
    """How locations are chosen: the first preference decides, the next ones break its ties.

    ``splits_lines`` allows a line to come from several locations; ``most_parcels`` refuses to
    cut an order into more (what cannot be served so is short).
    """

    preferences: tuple[LocationPreference, ...] = (
        LocationPreference.FEWEST_PARCELS,
        LocationPreference.NEAREST,
    )
    splits_lines: bool = True
    max_parcels: int | None = None

    def __post_init__(self) -> None:
        if not self.preferences:
            raise InvalidRequest("a policy states at least one preference", path="$.preferences")
        if len(set(self.preferences)) != len(self.preferences):
            raise InvalidRequest("a preference stands once", path="$.preferences")
        if self.max_parcels is not None and self.max_parcels < 1:
            raise InvalidRequest("an order takes at least one parcel", path="$.max_parcels")


@frozen
class Allocation:
    """Pieces by location and SKU, and what no location could serve."""

    parcels: Mapping[str, Mapping[str, int]]
    short: tuple[Shortage, ...] = ()


StockByLocation = Mapping[str, Mapping[str, int]]
"""Units for sale by location and SKU."""


def allocate(
    demands: Iterable[Demand],
    stocked: StockByLocation,
    locations: Sequence[Location],
    policy: AllocationPolicy,
    destination: GeoPoint,
) -> Allocation:
    """Choose where each piece comes from. Equal choices go by the location's name."""
    wanted = {demand.sku: demand.quantity for demand in merge_demands(demands)}
    able = [
        place
        for place in locations
        if place.ships_to_destination(destination)
        and any(_has(stocked, place, sku) for sku in wanted)
    ]
    able.sort(key=lambda place: _rank(place, stocked, wanted, policy, destination))
    best = _best_choice(wanted, stocked, able, policy, destination)
    return _filled(wanted, stocked, best, policy)


def _best_choice(
    requested: Mapping[str, int],
    stocked: StockByLocation,
    able: Sequence[Location],
    policy: AllocationPolicy,
    destination: GeoPoint,
) -> Sequence[Location]:
    """The locations to serve from, in order: as few as the policy says, or all."""
    most = min(policy.max_parcels or len(able), len(able))
    if policy.preferences[0] is not LocationPreference.FEWEST_PARCELS and most == len(able):
        return able
    if len(able) > MAX_LOCATIONS_FOR_EXHAUSTIVE_SEARCH:
        return _step_by_step(requested, stocked, able, policy, most)
    served_best, best = -1, able[:most]
    sizes = range(1, most + 1)
    if policy.preferences[0] is not LocationPreference.FEWEST_PARCELS:
        sizes = range(most, most + 1)
    for size in sizes:
        # In order of preference, so the first of equals is the preferred one.
        for choice in combinations(able, size):
            served = _served(_filled(requested, stocked, choice, policy))
            if served > served_best:
                served_best, best = served, list(choice)
    return best


def _step_by_step(
    requested: Mapping[str, int],
    stocked: StockByLocation,
    able: Sequence[Location],
    policy: AllocationPolicy,
    max_results: int,
) -> Sequence[Location]:
    """Add the location that serves most of what is still missing, until nothing is."""
    chosen: list[Location] = []
    served = 0
    while len(chosen) < max_results:
        rest = [place for place in able if place not in chosen]
        gains = [_served(_filled(requested, stocked, [*chosen, place], policy)) for place in rest]
        if not gains or max(gains) <= served:
            break
        served = max(gains)
        chosen.append(rest[gains.index(served)])
    return chosen


def _filled(
    requested: Mapping[str, int],
    stocked: StockByLocation,
    order: Sequence[Location],
    policy: AllocationPolicy,
) -> Allocation:
    """Take each SKU from the locations in order; whole lines first where these are not split."""
    parcels: dict[str, dict[str, int]] = {}
    short = []
    for sku, quantity in requested.items():
        source = list(order)
        if policy.preferences[0] is LocationPreference.HIGHEST_STOCK:
            source.sort(key=lambda place: -_has(stocked, place, sku))
        whole = [place for place in source if _has(stocked, place, sku) >= quantity]
        if not policy.splits_lines or policy.preferences[0] is LocationPreference.FEWEST_PARCELS:
            # A line that one of the chosen can serve alone is not cut.
            source = whole or (source if policy.splits_lines else [])
        missing = quantity
        for place in source:
            units = min(missing, _has(stocked, place, sku))
            if units:
                parcels.setdefault(place.name, {})[sku] = units
                missing -= units
        if missing:
            short.append(Shortage(sku, quantity, quantity - missing))
    return Allocation(parcels, tuple(short))


def _served(allocation: Allocation) -> int:
    return sum(units for parcel in allocation.parcels.values() for units in parcel.values())


def _has(stocked: StockByLocation, place: Location, sku: str) -> int:
    return max(0, stocked.get(place.name, {}).get(sku, 0))


def _rank(
    place: Location,
    stocked: StockByLocation,
    requested: Mapping[str, int],
    policy: AllocationPolicy,
    destination: GeoPoint,
) -> tuple[float | str, ...]:
    stands = {
        LocationPreference.NEAREST: place.place.distance(destination),
        LocationPreference.HIGHEST_STOCK: -sum(_has(stocked, place, sku) for sku in requested),
        LocationPreference.PRIORITY: place.priority,
        LocationPreference.FEWEST_PARCELS: 0,
    }
    return (*(stands[preference] for preference in policy.preferences), place.name)
