"""DynamoDB items of the shipping table, in the ``pricing`` table.

==============  ==================  ==================================================
PK              SK                  content
==============  ==================  ==================================================
``SHIPPING``    ``CURRENT``         the current version number, a few bytes
``SHIPPING``    ``VERSION#<n>``     a whole version; written once, never changed
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

SHIPPING, CURRENT, VERSION = "SHIPPING", "CURRENT", "VERSION#"


class ShippingRow(Row):
    """A version of the table, or the number of the current version."""

    class Meta:
        table_name = os.environ["TABLE_PRICING"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    events = EventsAttribute(null=True)


def version_key(version: int) -> str:
    """Return the sort key of a version; nine digits sort like numbers."""
    return f"{VERSION}{version:09d}"


def version_document(stored: ShippingTableVersion) -> dict[str, Any]:
    return {
        "table": stored.table.to_dict(),
        "at": stored.at.isoformat(),
        "actor": stored.actor,
        "reason": stored.reason,
    }


def version_from_row(row: ShippingRow) -> ShippingTableVersion:
    """Convert a row to its version.

    The table is parsed and not validated again: a stricter rule of a later release must not make a
    stored version unreadable.
    """
    problems: list[Problem] = []
    table = from_json(ShippingTable, row.doc["table"], "$", problems)
    if table is None:
        raise ValueError(f"Item {row.sk} of the shipping table cannot be parsed: {problems[0]}")
    at = datetime.fromisoformat(row.doc["at"])
    return ShippingTableVersion(int(row.version), table, at, row.doc["actor"], row.doc["reason"])


def current_version(*, consistent: bool) -> int:
    """Return the number of the current version; 0 if none was ever written."""
    try:
        return int(ShippingRow.get(SHIPPING, CURRENT, consistent_read=consistent).version)
    except ShippingRow.DoesNotExist:
        return 0
