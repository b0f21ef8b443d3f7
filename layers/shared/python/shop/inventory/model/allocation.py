"""Allocation: the choice of the locations that serve an order, according to a policy.

An allocation never exceeds the demand or the stock, and it counts every unit exactly once.
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
"""Up to this many locations every combination is tried; with more, the search is greedy."""


class LocationPreference(StrEnum):
    """A criterion by which locations are preferred."""

    NEAREST = "nearest"
    FEWEST_PARCELS = "fewest_parcels"
    HIGHEST_STOCK = "highest_stock"
    PRIORITY = "priority"


@frozen
class GeoPoint:
    """A country with optional coordinates in degrees, to ship from or to."""

    country: str
    latitude: float | None = None
    longitude: float | None = None

    def __post_init__(self) -> None:
        if self.latitude is not None and not -90 <= self.latitude <= 90:
            raise InvalidRequest(
                "Latitude must be from -90 to 90 degrees.", code="out_of_range", path="$.latitude"
            )
        if self.longitude is not None and not -180 <= self.longitude <= 180:
            raise InvalidRequest(
                "Longitude must be from -180 to 180 degrees.",
                code="out_of_range",
                path="$.longitude",
            )

    def distance(self, other: "GeoPoint") -> float:
        """Return the kilometres along the great circle.

        Without coordinates the result is 0 within one country and infinite between two.
        """
        start, end = (self.latitude, self.longitude), (other.latitude, other.longitude)
        if None in start or None in end:
            return 0.0 if self.country == other.country else inf
        lat1, lon1, lat2, lon2 = (radians(float(degrees or 0)) for degrees in (*start, *end))
        half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
        # Rounding can exceed 1 for antipodes, where asin is undefined.
        return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))


@frozen
class Location:
    """A warehouse or store that holds stock.

    ``priority`` is 1 for the first choice. An empty ``ships_to`` means every country. A location
    whose ``ships`` is false holds stock and serves no orders.
    """

    name: str
    position: GeoPoint
    priority: int = 1
    ships: bool = True
    ships_to: frozenset[str] = field(default_factory=frozenset)

    def ships_to_destination(self, destination: GeoPoint) -> bool:
        """Return whether the location may serve orders to this destination."""
        return self.ships and (not self.ships_to or destination.country in self.ships_to)


@frozen
class AllocationPolicy:
    """The order of preferences by which locations are chosen; later ones break ties.

    ``splits_lines`` allows a line to come from several locations. ``max_parcels`` limits the
    number of locations; units that need more locations are short.
    """

    preferences: tuple[LocationPreference, ...] = (
        LocationPreference.FEWEST_PARCELS,
        LocationPreference.NEAREST,
    )
    splits_lines: bool = True
    max_parcels: int | None = None

    def __post_init__(self) -> None:
        if not self.preferences:
            raise InvalidRequest(
                "The policy must have at least one preference.",
                code="missing",
                path="$.preferences",
            )
        if len(set(self.preferences)) != len(self.preferences):
            raise InvalidRequest(
                "Each preference may appear once.", code="duplicate", path="$.preferences"
            )
        if self.max_parcels is not None and self.max_parcels < 1:
            raise InvalidRequest(
                "The maximum number of parcels must be 1 or more.",
                code="out_of_range",
                path="$.max_parcels",
            )

    @property
    def prefers_fewest_parcels(self) -> bool:
        """Whether the number of parcels is the first criterion."""
        return self.preferences[0] is LocationPreference.FEWEST_PARCELS


@frozen
class Allocation:
    """Units by location and SKU, and the shortages that no location could serve."""

    parcels: Mapping[str, Mapping[str, int]]
    short: tuple[Shortage, ...] = ()

    @property
    def units(self) -> int:
        """The allocated units, over all locations."""
        return sum(units for parcel in self.parcels.values() for units in parcel.values())


StockByLocation = Mapping[str, Mapping[str, int]]
"""Available units by location and SKU."""


@frozen
class _AllocationRequest:
    """The requested units by SKU, the stock to serve them from, and the policy."""

    quantities: Mapping[str, int]
    stock: StockByLocation
    policy: AllocationPolicy

    def available(self, location: Location, sku: str) -> int:
        return max(0, self.stock.get(location.name, {}).get(sku, 0))


def allocate(
    demands: Iterable[Demand],
    stock: StockByLocation,
    locations: Sequence[Location],
    policy: AllocationPolicy,
    destination: GeoPoint,
) -> Allocation:
    """Choose the location of every requested unit; the name decides between equal locations."""
    quantities = {demand.sku: demand.quantity for demand in merge_demands(demands)}
    request = _AllocationRequest(quantities, stock, policy)
    eligible = [
        location
        for location in locations
        if location.ships_to_destination(destination)
        and any(request.available(location, sku) for sku in quantities)
    ]
    eligible.sort(key=lambda location: _preference_key(location, request, destination))
    return _take_in_order(request, _best_combination(request, eligible))


def _best_combination(
    request: _AllocationRequest, eligible: Sequence[Location]
) -> Sequence[Location]:
    """Return the locations to serve from, in order of preference."""
    policy = request.policy
    limit = min(policy.max_parcels or len(eligible), len(eligible))
    if not policy.prefers_fewest_parcels and limit == len(eligible):
        return eligible
    if len(eligible) > MAX_LOCATIONS_FOR_EXHAUSTIVE_SEARCH:
        # The number of combinations doubles with each location.
        return _greedy_combination(request, eligible, limit)
    most_units, best = -1, eligible[:limit]
    # For fewest parcels, small combinations come first: a larger one must serve more units.
    sizes = range(1 if policy.prefers_fewest_parcels else limit, limit + 1)
    for size in sizes:
        # In order of preference, so that the first of equal combinations is the preferred one.
        for combination in combinations(eligible, size):
            units = _take_in_order(request, combination).units
            if units > most_units:
                most_units, best = units, list(combination)
    return best


def _greedy_combination(
    request: _AllocationRequest, eligible: Sequence[Location], limit: int
) -> Sequence[Location]:
    """Repeatedly choose the location that serves most missing units, until none serves any."""
    chosen: list[Location] = []
    units = 0
    while len(chosen) < limit:
        remaining = [location for location in eligible if location not in chosen]
        totals = [_take_in_order(request, [*chosen, location]).units for location in remaining]
        if not totals or max(totals) <= units:
            break
        units = max(totals)
        chosen.append(remaining[totals.index(units)])
    return chosen


def _take_in_order(request: _AllocationRequest, locations: Sequence[Location]) -> Allocation:
    """Take each SKU from the locations in order; the policy decides whether lines stay whole."""
    policy = request.policy
    parcels: dict[str, dict[str, int]] = {}
    short = []
    for sku, quantity in request.quantities.items():
        sources = list(locations)
        if policy.preferences[0] is LocationPreference.HIGHEST_STOCK:
            # Decided per SKU: the location with most units of one SKU may have few of another.
            sources.sort(key=lambda location: -request.available(location, sku))
        if not policy.splits_lines or policy.prefers_fewest_parcels:
            # A line that one chosen location can serve alone stays whole.
            whole = [source for source in sources if request.available(source, sku) >= quantity]
            sources = whole or (sources if policy.splits_lines else [])
        missing = quantity
        for location in sources:
            units = min(missing, request.available(location, sku))
            if units:
                parcels.setdefault(location.name, {})[sku] = units
                missing -= units
        if missing:
            short.append(Shortage(sku, quantity, quantity - missing))
    return Allocation(parcels, tuple(short))


def _preference_key(
    location: Location, request: _AllocationRequest, destination: GeoPoint
) -> tuple[float | str, ...]:
    """Return the sort key of a location: its value for each preference, then its name."""
    stocked_units = sum(request.available(location, sku) for sku in request.quantities)
    values = {
        LocationPreference.NEAREST: location.position.distance(destination),
        LocationPreference.HIGHEST_STOCK: -stocked_units,
        LocationPreference.PRIORITY: location.priority,
        LocationPreference.FEWEST_PARCELS: 0,
    }
    return (*(values[preference] for preference in request.policy.preferences), location.name)
