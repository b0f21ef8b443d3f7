"""What was set up for rushes, in one row of the peak's table."""

import os
from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from shop.peak.model.traffic_peaks import ProvisionedCapacity, WarmThroughput
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.transactions import DynamoUnitOfWork

CAPACITY, NOW = "CAPACITY", "NOW"


class CapacityRow(Row):
    """The one row."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute()
    doc = CompressedJsonAttribute()


class DynamoCapacityStateStore:
    """See :class:`shop.peak.ports.CapacityStateStore`."""

    def load(self) -> ProvisionedCapacity:
        try:
            row = CapacityRow.get(CAPACITY, NOW, consistent_read=True)
        except CapacityRow.DoesNotExist:
            return ProvisionedCapacity()
        told = row.doc
        return ProvisionedCapacity(
            functions=told["functions"],
            skus=told["skus"],
            counts={name: (rate, limit) for name, (rate, limit) in told.get("counts", {}).items()},
            tables={
                table: {place: WarmThroughput(*units) for place, units in places.items()}
                for table, places in told["tables"].items()
            },
            wake_ups={name: datetime.fromisoformat(at) for name, at in told["alarms"].items()},
            in_progress=frozenset(told["unsure"]),
            version=int(row.version),
        )

    def save(self, before: ProvisionedCapacity, after: ProvisionedCapacity) -> ProvisionedCapacity:
        version = before.version + 1
        row = CapacityRow(CAPACITY, NOW, version=version, doc=_told(after))
        unchanged = (
            CapacityRow.version == before.version
            if before.version
            else CapacityRow.pk.does_not_exist()
        )
        try:
            DynamoUnitOfWork().commit(lambda writes: writes.save(row, unchanged))
        except ConditionFailed:
            raise VersionConflict("somebody else sets up capacity at this moment") from None
        return replace(after, version=version)


def _told(capacity: ProvisionedCapacity) -> dict[str, Any]:
    return {
        "functions": dict(capacity.functions),
        "skus": dict(capacity.skus),
        "counts": {name: list(many) for name, many in capacity.counts.items()},
        "tables": {
            table: {place: [units.reads, units.writes] for place, units in places.items()}
            for table, places in capacity.tables.items()
        },
        "alarms": {name: at.isoformat() for name, at in capacity.wake_ups.items()},
        "unsure": sorted(capacity.in_progress),
    }
