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

from shop.inventory.model.allocation import Location, Place, Policy, Preference
from shop.inventory.model.network import Network
from shop.kernel.errors import Stale
from shop.kernel.transactions import Clash
from shop.storage.documents import JsonDocument
from shop.storage.table import Row, connection
from shop.storage.transactions import DynamoLedger

KEPT = 10.0
"""Seconds for which a process sells from the locations that it knows: a change is in force within
them everywhere."""
NETWORK, NOW = "NETWORK", "NOW"


class NetworkRow(Row):
    """All locations (``NETWORK``/``NOW``)."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute()
    doc = JsonDocument()


class DynamoLocations:
    """See :class:`shop.inventory.ports.Locations`."""

    def network(self, *, surely: bool = True) -> Network:
        try:
            row = NetworkRow.get(NETWORK, NOW, consistent_read=surely)
        except NetworkRow.DoesNotExist:
            return Network()
        return _network(row.doc, int(row.version))

    def keep(self, after: Network, before: Network) -> Network:
        kept = replace(after, version=before.version + 1)
        row = NetworkRow(NETWORK, NOW, version=kept.version, doc=_document(kept))
        unchanged = (
            NetworkRow.version == before.version
            if before.version
            else NetworkRow.pk.does_not_exist()
        )
        try:
            DynamoLedger(connection()).commit(lambda writes: writes.save(row, unchanged))
        except Clash:
            raise Stale("somebody else changed a location at this moment") from None
        return kept


class KnownNetwork:
    """The network as this process knows it. Where it cannot be read, what was known holds on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a cold start."""
        self._network = Network()
        self._asked: float | None = None

    def __call__(self) -> Network:
        now = self._clock()
        if self._asked is None or now - self._asked >= KEPT:
            self._asked = now
            with suppress(PynamoDBException, BotoCoreError):
                self._network = DynamoLocations().network(surely=False)
        return self._network


@lru_cache(maxsize=1)
def known_network() -> KnownNetwork:
    """What this process knows, one memory for all its books."""
    return KnownNetwork()


def _document(network: Network) -> dict[str, Any]:
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
            "most_parcels": policy.most_parcels,
            "version": network.policy_version,
        },
    }


def _network(doc: dict[str, Any], version: int) -> Network:
    locations = [
        Location(
            told["name"],
            Place(told["country"], told["latitude"], told["longitude"]),
            told["priority"],
            told["ships"],
            frozenset(told["ships_to"]),
        )
        for told in doc["locations"]
    ]
    policy = doc["policy"]
    return Network(
        locations={one.name: one for one in locations},
        versions={told["name"]: told["version"] for told in doc["locations"]},
        policy=Policy(
            tuple(Preference(each) for each in policy["preferences"]),
            policy["splits_lines"],
            policy["most_parcels"],
        ),
        policy_version=policy["version"],
        version=version,
    )
