"""The locations and the allocation policy: one row, which every process caches."""

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
from shop.kernel.errors import Contention
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import Row, connection
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.transactions import DynamoUnitOfWork

LOCATIONS_CACHE_SECONDS = 10.0
"""Maximum age of the cached locations; a change is effective everywhere after this time."""
LOCATIONS_KEY = ("LOCATIONS", "CURRENT")


class LocationsRow(Row):
    """The row of all locations (:data:`LOCATIONS_KEY`)."""

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
            row = LocationsRow.get(*LOCATIONS_KEY, consistent_read=consistent)
        except LocationsRow.DoesNotExist:
            # A shop without described locations has the main one.
            return Locations()
        return _from_document(row.doc, int(row.version))

    def save(self, after: Locations, before: Locations) -> Locations:
        saved = replace(after, version=before.version + 1)
        row = LocationsRow(*LOCATIONS_KEY, version=saved.version, doc=_to_document(saved))
        is_unchanged = (
            LocationsRow.version == before.version
            if before.version
            else LocationsRow.pk.does_not_exist()
        )
        try:
            DynamoUnitOfWork(connection()).commit(
                lambda transaction: transaction.save(row, is_unchanged)
            )
        except ConditionFailed:
            raise Contention(
                "Another staff user changed a location at the same moment. Try again."
            ) from None
        return saved


class LocationsCache:
    """The locations as this process last read them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Remove the cached locations, as after a cold start."""
        self._locations = Locations()
        self._read_at: float | None = None

    def __call__(self) -> Locations:
        now = self._clock()
        if self._read_at is None or now - self._read_at >= LOCATIONS_CACHE_SECONDS:
            self._read_at = now
            # Locations change rarely: if the read fails, sales continue with the cached ones.
            with suppress(PynamoDBException, BotoCoreError):
                self._locations = DynamoLocationRepository().get(consistent=False)
        return self._locations


@lru_cache(maxsize=1)
def locations_cache() -> LocationsCache:
    """Return the cache that all repositories of this process share."""
    return LocationsCache()


def _to_document(locations: Locations) -> dict[str, Any]:
    policy = locations.policy
    return {
        "locations": [
            {
                "name": location.name,
                "country": location.position.country,
                "latitude": location.position.latitude,
                "longitude": location.position.longitude,
                "priority": location.priority,
                "ships": location.ships,
                "ships_to": sorted(location.ships_to),
                "version": locations.version_of(location.name),
            }
            for location in locations.locations.values()
        ],
        "policy": {
            "preferences": [preference.value for preference in policy.preferences],
            "splits_lines": policy.splits_lines,
            "max_parcels": policy.max_parcels,
            "version": locations.policy_version,
        },
    }


def _from_document(doc: dict[str, Any], version: int) -> Locations:
    locations = [
        Location(
            entry["name"],
            GeoPoint(entry["country"], entry["latitude"], entry["longitude"]),
            entry["priority"],
            entry["ships"],
            frozenset(entry["ships_to"]),
        )
        for entry in doc["locations"]
    ]
    policy = doc["policy"]
    return Locations(
        locations={location.name: location for location in locations},
        versions={entry["name"]: entry["version"] for entry in doc["locations"]},
        policy=AllocationPolicy(
            tuple(LocationPreference(value) for value in policy["preferences"]),
            policy["splits_lines"],
            policy["max_parcels"],
        ),
        policy_version=policy["version"],
        version=version,
    )
