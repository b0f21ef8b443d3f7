"""The shipping table's items, which lie in the ``pricing`` table.

==============  ==================  ==================================================
PK              SK                  what
==============  ==================  ==================================================
``SHIPPING``    ``VERSION``         the version in force, a few bytes
``SHIPPING``    ``EDITION#<n>``     an edition, whole; written once, never again
==============  ==================  ==================================================
"""

import os
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import Problem
from shop.serialization import from_json
from shop.shipping.model.rate_table import ShippingTable
from shop.shipping.model.table_versions import ShippingTableVersion
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute

SHIPPING, VERSION, EDITION = "SHIPPING", "VERSION", "EDITION#"


class ShippingRow(Row):
    """Either of them."""

    class Meta:
        table_name = os.environ["TABLE_PRICING"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    events = EventsAttribute(null=True)


def version_key(version: int) -> str:
    """In the order of versions, for a thousand million of them."""
    return f"{EDITION}{version:09d}"


def version_document(edition: ShippingTableVersion) -> dict[str, Any]:
    return {
        "table": edition.table.to_dict(),
        "at": edition.at.isoformat(),
        "actor": edition.actor,
        "reason": edition.reason,
    }


def version_from_row(row: ShippingRow) -> ShippingTableVersion:
    """What was written was checked then: it is read as it stands."""
    problems: list[Problem] = []
    table = from_json(ShippingTable, row.doc["table"], "$", problems)
    if table is None:
        raise ValueError(f"edition {row.sk} cannot be read: {problems[0]}")
    at = datetime.fromisoformat(row.doc["at"])
    return ShippingTableVersion(int(row.version), table, at, row.doc["actor"], row.doc["reason"])


def current_version(*, consistent: bool) -> int:
    """0 where nobody ever wrote a table."""
    try:
        return int(ShippingRow.get(SHIPPING, VERSION, consistent_read=consistent).version)
    except ShippingRow.DoesNotExist:
        return 0
