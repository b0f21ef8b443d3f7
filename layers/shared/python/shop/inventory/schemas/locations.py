"""Locations and the policy by which they share the orders, as staff write and read them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import allocation
from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, LocationPreference
from shop.inventory.model.locations import Locations
from shop.kernel.errors import InvalidRequest
from shop.places.model.countries import COUNTRIES

Version = Annotated[int, Field(ge=0)]


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError(f"{code} is no country")
    return code


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
LOCATION_NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class LocationBody(_In):
    """A warehouse or a shop. ``priority`` 1 is the first choice; without ``ships_to`` it ships
    everywhere. ``version`` is that of the location that was read, 0 for a new one."""

    country: Country
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=False)] | None = (
        None
    )
    longitude: (
        Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=False)] | None
    ) = None
    priority: Annotated[int, Field(ge=1, le=1000)] = 1
    ships: bool = True
    ships_to: Annotated[list[Country], Field(max_length=249, default_factory=list)]
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


class PolicyBody(_In):
    """The first preference decides, the next ones break its ties."""

    preferences: Annotated[
        list[Annotated[LocationPreference, Field(strict=False)]], Field(min_length=1, max_length=4)
    ]
    splits_lines: bool = True
    max_parcels: Annotated[int, Field(ge=1, le=50)] | None = None
    version: Version | None = None

    def policy(self) -> AllocationPolicy:
        return AllocationPolicy(tuple(self.preferences), self.splits_lines, self.max_parcels)


class _Out(BaseModel):
    model_config = ConfigDict(defer_build=True)


class LocationView(_Out):
    name: str
    country: str
    """``ZZ`` where nobody has said yet where it is."""
    latitude: float | None
    longitude: float | None
    priority: int
    ships: bool
    ships_to: list[str]
    version: int

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


class PolicyView(_Out):
    preferences: list[LocationPreference]
    splits_lines: bool
    max_parcels: int | None
    version: int

    @classmethod
    def of(cls, network: Locations) -> "PolicyView":
        return cls(
            preferences=list(network.policy.preferences),
            splits_lines=network.policy.splits_lines,
            max_parcels=network.policy.max_parcels,
            version=network.policy_version,
        )


class LocationsView(_Out):
    """All there are, and how the pieces of an order are chosen among them."""

    locations: list[LocationView]
    policy: PolicyView

    @classmethod
    def of(cls, network: Locations) -> "LocationsView":
        return cls(
            locations=[LocationView.of(network, name) for name in sorted(network.locations)],
            policy=PolicyView.of(network),
        )
