"""Locations and the policy by which they share the orders, as staff write and read them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import allocation
from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, LocationPreference
from shop.inventory.model.locations import Locations
from shop.kernel.errors import InvalidRequest
from shop.places.model.countries import COUNTRIES

Version = Annotated[int, Field(ge=0)]
"""Version that was read, 0 for a new entry; ``If-Match`` may give it instead.
Example: 3"""


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError(f"{code} is no country")
    return code


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
"""Country as an ISO 3166-1 alpha-2 code.
Example: US"""
LOCATION_NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"


class _RequestModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class LocationBody(_RequestModel):
    """A warehouse or a shop."""

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
    """Whether orders ship from here.
    Example: true"""
    ships_to: Annotated[list[Country], Field(max_length=249, default_factory=list)]
    """Countries it ships to, as ISO 3166-1 alpha-2 codes; none means every country.
    Example: ["US", "CA"]"""
    version: Version | None = None

    def location(self, name: str) -> allocation.Location:
        if (self.latitude is None) != (self.longitude is None):
            missing = "longitude" if self.longitude is None else "latitude"
            raise InvalidRequest(
                "a point has a latitude and a longitude", code="missing", path=f"$.{missing}"
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


class LocationView(_ResponseModel):
    """A location and its settings."""

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
    """Whether orders ship from here.
    Example: true"""
    ships_to: list[str]
    """Countries it ships to, as ISO 3166-1 alpha-2 codes; none means every country.
    Example: ["US", "CA"]"""
    version: int
    """Version of the settings; 0 if they were never set."""

    @classmethod
    def of(cls, network: Locations, name: str) -> "LocationView":
        one = network.location(name)
        return cls(
            name=name,
            country=one.position.country,
            latitude=one.position.latitude,
            longitude=one.position.longitude,
            priority=one.priority,
            ships=one.ships,
            ships_to=sorted(one.ships_to),
            version=network.version_of(name),
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
    def of(cls, network: Locations) -> "PolicyView":
        return cls(
            preferences=list(network.policy.preferences),
            splits_lines=network.policy.splits_lines,
            max_parcels=network.policy.max_parcels,
            version=network.policy_version,
        )


class LocationsView(_ResponseModel):
    """All locations, and the policy that allocates orders to them."""

    locations: list[LocationView]
    """Locations in the order of their names."""
    policy: PolicyView
    """The policy that allocates orders."""

    @classmethod
    def of(cls, network: Locations) -> "LocationsView":
        return cls(
            locations=[LocationView.of(network, name) for name in sorted(network.locations)],
            policy=PolicyView.of(network),
        )
