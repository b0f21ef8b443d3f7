"""The locations and their policy: one row, which warm Lambdas remember for some seconds."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, Location, LocationPreference
from shop.inventory.model.locations import Locations
from shop.kernel.errors import VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import Row, connection
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.transactions import DynamoUnitOfWork

LOCATIONS_CACHE_SECONDS = 10.0
"""Seconds for which a process sells from the locations that it knows: a change is in force within
them everywhere."""
NETWORK, NOW = "NETWORK", "NOW"


class LocationsRow(Row):
    """All locations (``NETWORK``/``NOW``)."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute()
    doc = CompressedJsonAttribute()


class DynamoLocationRepository:
    """See :class:`shop.inventory.ports.LocationRepository`."""

    def get(self, *, consistent: bool = True) -> Locations:
        try:
            row = LocationsRow.get(NETWORK, NOW, consistent_read=consistent)
        except LocationsRow.DoesNotExist:
            return Locations()
        return _network(row.doc, int(row.version))

    def save(self, after: Locations, before: Locations) -> Locations:
        stored = replace(after, version=before.version + 1)
        row = LocationsRow(NETWORK, NOW, version=stored.version, doc=_document(stored))
        unchanged = (
            LocationsRow.version == before.version
            if before.version
            else LocationsRow.pk.does_not_exist()
        )
        try:
            DynamoUnitOfWork(connection()).commit(lambda writes: writes.save(row, unchanged))
        except ConditionFailed:
            raise VersionConflict("somebody else changed a location at this moment") from None
        return stored


class LocationsCache:
    """The network as this process knows it. Where it cannot be read, what was known holds on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Know nothing, as after a cold start."""
        self._network = Locations()
        self._asked: float | None = None

    def __call__(self) -> Locations:
        now = self._clock()
        if self._asked is None or now - self._asked >= LOCATIONS_CACHE_SECONDS:
            self._asked = now
            with suppress(PynamoDBException, BotoCoreError):
                self._network = DynamoLocationRepository().get(consistent=False)
        return self._network


@lru_cache(maxsize=1)
def locations_cache() -> LocationsCache:
    """What this process knows, one memory for all its books."""
    return LocationsCache()


def _document(network: Locations) -> dict[str, Any]:
    policy = network.policy
    return {
        "locations": [
            {
                "name": one.name,
                "country": one.place.country,
                "latitude": one.place.latitude,
                "longitude": one.place.longitude,
                "priority": one.priority,
                "ships": one.ships,
                "ships_to": sorted(one.ships_to),
                "version": network.version_of(one.name),
            }
            for one in network.locations.values()
        ],
        "policy": {
            "preferences": [preference.value for preference in policy.preferences],
            "splits_lines": policy.splits_lines,
            "max_parcels": policy.max_parcels,
            "version": network.policy_version,
        },
    }


def _network(doc: dict[str, Any], version: int) -> Locations:
    locations = [
        Location(
            told["name"],
            GeoPoint(told["country"], told["latitude"], told["longitude"]),
            told["priority"],
            told["ships"],
            frozenset(told["ships_to"]),
        )
        for told in doc["locations"]
    ]
    policy = doc["policy"]
    return Locations(
        locations={one.name: one for one in locations},
        versions={told["name"]: told["version"] for told in doc["locations"]},
        policy=AllocationPolicy(
            tuple(LocationPreference(each) for each in policy["preferences"]),
            policy["splits_lines"],
            policy["max_parcels"],
        ),
        policy_version=policy["version"],
        version=version,
    )
