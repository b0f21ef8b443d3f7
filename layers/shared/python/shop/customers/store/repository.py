"""Groups and segments of customers in DynamoDB, one small item for each customer."""

from collections.abc import Sequence

from pynamodb.exceptions import PutError

from shop.customers.model import CustomerSegments
from shop.customers.store.rows import GROUPS, CustomerRow, customer_key
from shop.kernel.errors import VersionConflict
from shop.kernel.events import Event
from shop.storage.prefetch import ReadSet, get


class DynamoCustomerSegmentRepository:
    """See :class:`shop.customers.ports.CustomerSegmentRepository`."""

    def read_set(self, customer_id: str, *, consistent: bool = True) -> ReadSet:
        """Return the rows that :meth:`get` reads, to prefetch them."""
        return ReadSet(CustomerRow, ((customer_key(customer_id), GROUPS),), consistent)

    def get(self, customer_id: str, *, consistent: bool = True) -> CustomerSegments:
        row = get(CustomerRow, (customer_key(customer_id), GROUPS), consistent=consistent)
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
            customer_key(after.customer_id),
            GROUPS,
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
            raise VersionConflict("somebody else changed this customer meanwhile") from None
        return after
