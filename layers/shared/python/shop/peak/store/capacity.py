"""What was set up for rushes, in one row of the peak's table."""

import os
from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import Stale
from shop.kernel.transactions import Clash
from shop.peak.model.rushes import Kept, Warmth
from shop.storage.documents import JsonDocument
from shop.storage.table import Row
from shop.storage.transactions import DynamoLedger

CAPACITY, NOW = "CAPACITY", "NOW"


class CapacityRow(Row):
    """The one row."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute()
    doc = JsonDocument()


class DynamoMemory:
    """See :class:`shop.peak.ports.Memory`."""

    def kept(self) -> Kept:
        try:
            row = CapacityRow.get(CAPACITY, NOW, consistent_read=True)
        except CapacityRow.DoesNotExist:
            return Kept()
        told = row.doc
        return Kept(
            functions=told["functions"],
            skus=told["skus"],
            counts={name: (rate, limit) for name, (rate, limit) in told.get("counts", {}).items()},
            tables={
                table: {place: Warmth(*units) for place, units in places.items()}
                for table, places in told["tables"].items()
            },
            alarms={name: datetime.fromisoformat(at) for name, at in told["alarms"].items()},
            unsure=frozenset(told["unsure"]),
            version=int(row.version),
        )

    def keep(self, before: Kept, after: Kept) -> Kept:
        version = before.version + 1
        row = CapacityRow(CAPACITY, NOW, version=version, doc=_told(after))
        unchanged = (
            CapacityRow.version == before.version
            if before.version
            else CapacityRow.pk.does_not_exist()
        )
        try:
            DynamoLedger().commit(lambda writes: writes.save(row, unchanged))
        except Clash:
            raise Stale("somebody else sets up capacity at this moment") from None
        return replace(after, version=version)


def _told(kept: Kept) -> dict[str, Any]:
    return {
        "functions": dict(kept.functions),
        "skus": dict(kept.skus),
        "counts": {name: list(many) for name, many in kept.counts.items()},
        "tables": {
            table: {place: [units.reads, units.writes] for place, units in places.items()}
            for table, places in kept.tables.items()
        },
        "alarms": {name: at.isoformat() for name, at in kept.alarms.items()},
        "unsure": sorted(kept.unsure),
    }
