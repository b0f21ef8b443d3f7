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

from shop.kernel.data import read
from shop.kernel.errors import Problem
from shop.shipping.model.editions import Edition
from shop.shipping.model.table import ShippingTable
from shop.storage.documents import Events, JsonDocument
from shop.storage.table import Row

SHIPPING, VERSION, EDITION = "SHIPPING", "VERSION", "EDITION#"


class ShippingRow(Row):
    """Either of them."""

    class Meta:
        table_name = os.environ["TABLE_PRICING"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = JsonDocument(null=True)
    events = Events(null=True)


def edition_key(version: int) -> str:
    """In the order of versions, for a thousand million of them."""
    return f"{EDITION}{version:09d}"


def written_out(edition: Edition) -> dict[str, Any]:
    return {
        "table": edition.table.to_dict(),
        "at": edition.at.isoformat(),
        "who": edition.who,
        "why": edition.why,
    }


def edition_from(row: ShippingRow) -> Edition:
    """What was written was checked then: it is read as it stands."""
    problems: list[Problem] = []
    table = read(ShippingTable, row.doc["table"], "$", problems)
    if table is None:
        raise ValueError(f"edition {row.sk} cannot be read: {problems[0]}")
    at = datetime.fromisoformat(row.doc["at"])
    return Edition(int(row.version), table, at, row.doc["who"], row.doc["why"])


def version_in_force(*, consistent: bool) -> int:
    """0 where nobody ever wrote a table."""
    try:
        return int(ShippingRow.get(SHIPPING, VERSION, consistent_read=consistent).version)
    except ShippingRow.DoesNotExist:
        return 0
