"""The shop's locations and its allocation policy, as one value.

Locations are never deleted, because goods and orders refer to them. Staff turn off ``ships`` of a
location that is no longer used. :data:`MAIN_LOCATION` exists before staff describe it.
"""

from collections.abc import Mapping
from dataclasses import field, replace

from shop.inventory.model.allocation import (
    AllocationPolicy,
    GeoPoint,
    Location,
    LocationPreference,
)
from shop.inventory.model.movements import MAIN_LOCATION
from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.frozen import frozen

UNKNOWN_POSITION = GeoPoint("ZZ")
"""The position of :data:`MAIN_LOCATION` until staff describe it; ISO 3166 leaves ZZ to users."""
MAX_LOCATIONS = 50
"""A stock level reads one row per location, and one call of DynamoDB reads 100 rows."""


@frozen
class Locations:
    """All locations and the policy.

    ``versions`` counts the changes of each location and ``policy_version`` those of the policy;
    ``version`` counts the writes of the whole value.
    """

    locations: Mapping[str, Location] = field(
        default_factory=lambda: {MAIN_LOCATION: Location(MAIN_LOCATION, UNKNOWN_POSITION)}
    )
    versions: Mapping[str, int] = field(default_factory=dict)
    policy: AllocationPolicy = field(default_factory=AllocationPolicy)
    policy_version: int = 0
    version: int = 0

    def location(self, name: str, path: str = "$.location") -> Location:
        """Return a location by name. Raises NotFound (``location_unknown``) for that path."""
        location = self.locations.get(name)
        if location is None:
            raise NotFound(
                f"Location {name} does not exist. Use one of GET /staff/locations.",
                code="location_unknown",
                path=path,
            )
        return location

    def needs_country(self, name: str) -> bool:
        """Return whether orders are allocated by a country that was never set.

        They are if the policy prefers the nearest of several shipping locations.
        """
        location = self.locations[name]
        return (
            location.position.country == UNKNOWN_POSITION.country
            and location.ships
            and len(self.shipping_locations()) > 1
            and LocationPreference.NEAREST in self.policy.preferences
        )

    def version_of(self, name: str) -> int:
        """Return the version of a location; 0 before staff describe it."""
        return self.versions.get(name, 0)

    def shipping_locations(self, country: str | None = None) -> tuple[str, ...]:
        """Return the names of the locations that ship to the country, the first choice first.

        Without a country, all shipping locations.
        """
        shipping = [
            location
            for location in self.locations.values()
            if (
                location.ships
                if country is None
                else location.ships_to_destination(GeoPoint(country))
            )
        ]
        # At equal priority the main location is first, so a new one does not take over its orders.
        shipping.sort(
            key=lambda location: (
                location.priority,
                location.name != MAIN_LOCATION,
                location.name,
            )
        )
        return tuple(location.name for location in shipping)

    def with_location(self, location: Location, expected_version: int) -> "Locations":
        """Add or replace a location.

        Raises VersionConflict, and Conflict (``too_many_locations``).
        """
        version = self.version_of(location.name)
        if version != expected_version:
            raise VersionConflict(
                f"The location {location.name} is at version {version}, not {expected_version}. "
                "Read it again and repeat the change."
            )
        locations = {**self.locations, location.name: location}
        if len(locations) > MAX_LOCATIONS:
            raise Conflict(
                f"A shop has at most {MAX_LOCATIONS} locations. Change an existing one.",
                code="too_many_locations",
            )
        versions = {**self.versions, location.name: version + 1}
        return replace(self, locations=locations, versions=versions)

    def with_policy(self, policy: AllocationPolicy, expected_version: int) -> "Locations":
        """Replace the allocation policy. Raises VersionConflict."""
        if self.policy_version != expected_version:
            raise VersionConflict(
                f"The policy is at version {self.policy_version}, not {expected_version}. "
                "Read it again and repeat the change."
            )
        return replace(self, policy=policy, policy_version=self.policy_version + 1)
