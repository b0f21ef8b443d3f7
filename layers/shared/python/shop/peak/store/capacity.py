"""The record of provisioned capacity, one item in the peak table."""

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
        doc = row.doc
        return ProvisionedCapacity(
            functions=doc["functions"],
            skus=doc["skus"],
            counters={name: (rate, limit) for name, (rate, limit) in doc["counters"].items()},
            tables={
                table: {index: WarmThroughput(*units) for index, units in indexes.items()}
                for table, indexes in doc["tables"].items()
            },
            wake_ups={name: datetime.fromisoformat(at) for name, at in doc["wake_ups"].items()},
            in_progress=frozenset(doc["in_progress"]),
            version=int(row.version),
        )

    def save(self, before: ProvisionedCapacity, after: ProvisionedCapacity) -> ProvisionedCapacity:
        version = before.version + 1
        row = CapacityRow(CAPACITY, NOW, version=version, doc=_to_document(after))
        unchanged = (
            CapacityRow.version == before.version
            if before.version
            else CapacityRow.pk.does_not_exist()
        )
        try:
            DynamoUnitOfWork().commit(lambda transaction: transaction.save(row, unchanged))
        except ConditionFailed:
            raise VersionConflict(
                "Another run is changing the capacity at the same time."
            ) from None
        return replace(after, version=version)


def _to_document(capacity: ProvisionedCapacity) -> dict[str, Any]:
    return {
        "functions": dict(capacity.functions),
        "skus": dict(capacity.skus),
        "counters": {name: list(values) for name, values in capacity.counters.items()},
        "tables": {
            table: {index: [units.reads, units.writes] for index, units in indexes.items()}
            for table, indexes in capacity.tables.items()
        },
        "wake_ups": {name: at.isoformat() for name, at in capacity.wake_ups.items()},
        "in_progress": sorted(capacity.in_progress),
    }
