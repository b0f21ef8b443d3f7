"""Groups and segments of customers in the ``customers`` table, one small item for each customer.

==================  ==========  =================================
PK                  SK          item
==================  ==========  =================================
``CUSTOMER#<id>``   ``GROUPS``  groups and segments of a customer
==================  ==========  =================================
"""

import os
from collections.abc import Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from shop.customers.model import CustomerSegments
from shop.kernel.errors import VersionConflict
from shop.kernel.events import Event
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute
from shop.storage.prefetch import ReadSet, get

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


class DynamoCustomerSegmentRepository:
    """See :class:`shop.customers.ports.CustomerSegmentRepository`."""

    def read_set(self, customer_id: str, *, consistent: bool = True) -> ReadSet:
        """Return the rows that :meth:`get` reads, to prefetch them."""
        return ReadSet(CustomerRow, (_key(customer_id),), consistent)

    def get(self, customer_id: str, *, consistent: bool = True) -> CustomerSegments:
        row = get(CustomerRow, _key(customer_id), consistent=consistent)
        if row is None:
            return CustomerSegments(customer_id)
        return CustomerSegments(
            customer_id,
            tuple(row.doc.get("groups", ())),
            tuple(row.doc.get("segments", ())),
            int(row.version),
        )

    def save(
        self, before: CustomerSegments, after: CustomerSegments, events: Sequence[Event]
    ) -> CustomerSegments:
        row = CustomerRow(
            *_key(after.customer_id),
            version=after.version,
            doc={"groups": list(after.groups), "segments": list(after.segments)},
            events=tuple(events),
        )
        unchanged = (
            CustomerRow.version == before.version
            if before.version
            else CustomerRow.pk.does_not_exist()
        )
        try:
            row.save(unchanged)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise VersionConflict(
                "The groups of this customer have changed since you read them. Read them again."
            ) from None
        return after


def _key(customer_id: str) -> tuple[str, str]:
    return f"CUSTOMER#{customer_id}", GROUPS
