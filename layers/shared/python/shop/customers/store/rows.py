"""The items of the ``customers`` table.

==================  ==========  ====================================
PK                  SK          item
==================  ==========  ====================================
``CUSTOMER#<id>``   ``GROUPS``  groups and segments of a customer
==================  ==========  ====================================
"""

import os

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute

GROUPS = "GROUPS"


class CustomerRow(Row):
    """An item of the table."""

    class Meta:
        table_name = os.environ["TABLE_CUSTOMERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute()
    doc = CompressedJsonAttribute()
    events = EventsAttribute(null=True)


def customer_key(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"
