"""Groups and segments of customers, one small item each."""

from collections.abc import Sequence

from pynamodb.exceptions import PutError

from shop.kernel.errors import VersionConflict
from shop.kernel.events import Event
from shop.pricing.model.customer_segments import CustomerSegments
from shop.pricing.store.rows import HEAD, PricingRow


class DynamoCustomerSegmentRepository:
    """See :class:`shop.pricing.ports.CustomerSegmentRepository`."""

    def get(self, customer_id: str) -> CustomerSegments:
        try:
            row = PricingRow.get(customer_key(customer_id), HEAD, consistent_read=True)
        except PricingRow.DoesNotExist:
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
        row = PricingRow(
            customer_key(after.customer_id),
            HEAD,
            version=after.version,
            doc={"groups": list(after.groups), "segments": list(after.segments)},
            events=tuple(events),
        )
        unchanged = (
            PricingRow.version == before.version
            if before.version
            else PricingRow.pk.does_not_exist()
        )
        try:
            row.save(unchanged)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise VersionConflict("somebody else changed this customer meanwhile") from None
        return after


def customer_key(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"
