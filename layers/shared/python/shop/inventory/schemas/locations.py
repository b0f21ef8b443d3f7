"""Requests and responses of locations and the allocation policy for staff."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from shop.inventory.model import allocation
from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, LocationPreference
from shop.inventory.model.locations import Locations
from shop.kernel.errors import InvalidRequest
from shop.places.model.countries import validate_whole_country

Version = Annotated[int, Field(ge=0)]
"""Version that was read, 0 for a new entry; ``If-Match`` may give it instead.
Example: 3"""


Country = Annotated[str, AfterValidator(validate_whole_country)]
"""Country as an ISO 3166-1 alpha-2 code; a code of three letters or a name is converted.
Example: US"""
LOCATION_NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"


def validate_location_name(name: str, path: str) -> str:
    """Return the name of a location. Raises InvalidRequest (``id_invalid``)."""
    if not re.fullmatch(LOCATION_NAME_PATTERN, name):
        raise InvalidRequest(
            "A location name must have 1 to 40 characters: a-z, 0-9, _ and -. It must begin with a"
            " letter or a digit.",
            code="id_invalid",
            path=path,
        )
    return name


class _RequestModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


COORDINATES_TOGETHER: JsonDict = {
    "dependentRequired": {"latitude": ["longitude"], "longitude": ["latitude"]}
}
"""Both coordinates, or neither."""


class LocationBody(_RequestModel):
    """A warehouse or store. It has both coordinates or none."""

    model_config = ConfigDict(json_schema_extra=COORDINATES_TOGETHER)

    country: Country
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=False)] | None = (
        None
    )
    """Latitude in degrees, from -90 to 90.
    Example: 37.79"""
    longitude: (
        Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=False)] | None
    ) = None
    """Longitude in degrees, from -180 to 180.
    Example: -122.4"""
    priority: Annotated[int, Field(ge=1, le=1000)] = 1
    """Priority from 1 (first choice) to 1,000.
    Example: 1"""
    ships: bool = True
    """Whether orders ship from the location.
    Example: true"""
    ships_to: Annotated[list[Country], Field(max_length=250, default_factory=list)]
    """Countries that it ships to, as ISO 3166-1 alpha-2 codes; none means every country.
    Example: ["US", "CA"]"""
    version: Version | None = None

    def location(self, name: str) -> allocation.Location:
        """Build the location. Raises InvalidRequest (``missing``) for half of the coordinates."""
        if (self.latitude is None) != (self.longitude is None):
            missing = "longitude" if self.longitude is None else "latitude"
            raise InvalidRequest(
                f"The {missing} is missing. Send latitude and longitude, or neither.",
                code="missing",
                path=f"$.{missing}",
            )
        return allocation.Location(
            name,
            GeoPoint(self.country, self.latitude, self.longitude),
            self.priority,
            self.ships,
            frozenset(self.ships_to),
        )


class PolicyBody(_RequestModel):
    """The policy that allocates the lines of an order to locations."""

    preferences: Annotated[
        list[Annotated[LocationPreference, Field(strict=False)]], Field(min_length=1, max_length=4)
    ]
    """Preferences: the first one decides, each next one breaks ties.
    Example: ["nearest"]"""
    splits_lines: bool = True
    """Whether one line may ship from several locations.
    Example: true"""
    max_parcels: Annotated[int, Field(ge=1, le=50)] | None = None
    """Number of locations per order at most; absent for no limit.
    Example: 2"""
    version: Version | None = None

    def policy(self) -> AllocationPolicy:
        return AllocationPolicy(tuple(self.preferences), self.splits_lines, self.max_parcels)


class _ResponseModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class LocationWarning(_ResponseModel):
    """A risk of a location's settings that staff should know."""

    code: str = "country_unset"
    """Kind of the warning: country_unset."""
    content: str = (
        "The country of this location was never set, so it is nearest to no buyer, and orders go to"
        " other locations first. Set its country."
    )
    """Warning in words."""
    path: str = "$.country"
    """JSONPath of the field."""


class LocationView(_ResponseModel):
    """A location and its settings. It has both coordinates or none."""

    model_config = ConfigDict(json_schema_extra=COORDINATES_TOGETHER)

    name: str
    """Name of the location."""
    country: str
    """Country as an ISO 3166-1 alpha-2 code; ``ZZ`` if it was never set."""
    latitude: float | None
    """Latitude in degrees, from -90 to 90.
    Example: 37.79"""
    longitude: float | None
    """Longitude in degrees, from -180 to 180.
    Example: -122.4"""
    priority: int
    """Priority from 1 (first choice) to 1,000.
    Example: 1"""
    ships: bool
    """Whether orders ship from the location.
    Example: true"""
    ships_to: list[str]
    """Countries that it ships to, as ISO 3166-1 alpha-2 codes; none means every country.
    Example: ["US", "CA"]"""
    version: int
    """Version of the settings; 0 if they were never set."""
    warnings: list[LocationWarning] = []
    """Risks of the settings."""

    @classmethod
    def of(cls, locations: Locations, name: str) -> "LocationView":
        location = locations.location(name)
        return cls(
            name=name,
            country=location.position.country,
            latitude=location.position.latitude,
            longitude=location.position.longitude,
            priority=location.priority,
            ships=location.ships,
            ships_to=sorted(location.ships_to),
            version=locations.version_of(name),
            warnings=[LocationWarning()] if locations.needs_country(name) else [],
        )


class PolicyView(_ResponseModel):
    """The policy that allocates the lines of an order to locations."""

    preferences: list[LocationPreference]
    """Preferences: the first one decides, each next one breaks ties.
    Example: ["nearest"]"""
    splits_lines: bool
    """Whether one line may ship from several locations.
    Example: true"""
    max_parcels: int | None
    """Number of locations per order at most; absent for no limit.
    Example: 2"""
    version: int
    """Version of the policy; 0 if it was never changed."""

    @classmethod
    def of(cls, locations: Locations) -> "PolicyView":
        return cls(
            preferences=list(locations.policy.preferences),
            splits_lines=locations.policy.splits_lines,
            max_parcels=locations.policy.max_parcels,
            version=locations.policy_version,
        )


class LocationsView(_ResponseModel):
    """All locations, and the policy that allocates orders to them."""

    locations: list[LocationView]
    """Locations by name."""
    policy: PolicyView
    """The policy that allocates orders."""

    @classmethod
    def of(cls, locations: Locations) -> "LocationsView":
        return cls(
            locations=[LocationView.of(locations, name) for name in sorted(locations.locations)],
            policy=PolicyView.of(locations),
        )
