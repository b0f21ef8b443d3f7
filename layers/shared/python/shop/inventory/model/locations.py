"""The shop's locations, and the policy by which they share the orders: all of it, in one value.

A location is never taken away, since goods and orders name it; one that is not used any more does
not ship. :data:`MAIN` is there from the first day, before anybody has described it.
"""

from collections.abc import Mapping
from dataclasses import field, replace

from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, Location
from shop.inventory.model.stock_level import MAIN_LOCATION
from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.frozen import frozen

UNKNOWN_PLACE = GeoPoint("ZZ")
"""Where :data:`MAIN` lies until somebody says so: the code that ISO 3166 leaves for "unknown"."""
MAX_LOCATIONS = 50
"""Every reading of stock reads a row at each of them, and one call reads 100 rows."""


@frozen
class Locations:
    """``versions`` counts what staff changed of each location, ``policy_version`` of the policy;
    ``version`` counts the writes of all of it."""

    locations: Mapping[str, Location] = field(
        default_factory=lambda: {MAIN_LOCATION: Location(MAIN_LOCATION, UNKNOWN_PLACE)}
    )
    versions: Mapping[str, int] = field(default_factory=dict)
    policy: AllocationPolicy = field(default_factory=AllocationPolicy)
    policy_version: int = 0
    version: int = 0

    def location(self, name: str) -> Location:
        """Raises NotFound for a location the shop does not have."""
        known = self.locations.get(name)
        if known is None:
            raise NotFound(
                f"the shop has no location {name}", code="location_unknown", path="$.location"
            )
        return known

    def version_of(self, name: str) -> int:
        """0 for a location that nobody has described yet."""
        return self.versions.get(name, 0)

    def shipping_locations(self, country: str | None = None) -> tuple[str, ...]:
        """The locations that orders are served from (to this country), the first choice first."""
        able = [
            place
            for place in self.locations.values()
            if (place.ships if country is None else place.ships_to_destination(GeoPoint(country)))
        ]
        able.sort(key=lambda place: (place.priority, place.name != MAIN_LOCATION, place.name))
        return tuple(place.name for place in able)

    def with_location(self, location: Location, expected_version: int) -> "Locations":
        """Raises Stale where somebody changed it meanwhile, Conflict for too many."""
        known = self.version_of(location.name)
        if known != expected_version:
            raise VersionConflict(f"{location.name} is at version {known}, not {expected_version}")
        after = {**self.locations, location.name: location}
        if len(after) > MAX_LOCATIONS:
            raise Conflict(
                f"a shop has at most {MAX_LOCATIONS} locations", code="too_many_locations"
            )
        versions = {**self.versions, location.name: known + 1}
        return replace(self, locations=after, versions=versions)

    def with_policy(self, policy: AllocationPolicy, expected_version: int) -> "Locations":
        """Raises Stale where somebody changed it meanwhile."""
        if self.policy_version != expected_version:
            raise VersionConflict(
                f"the policy is at version {self.policy_version}, not {expected_version}"
            )
        return replace(self, policy=policy, policy_version=self.policy_version + 1)
