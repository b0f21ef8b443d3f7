"""Groups and segments of customers, one small item each."""

from collections.abc import Sequence

from pynamodb.exceptions import PutError

from shop.kernel.errors import Stale
from shop.kernel.events import Event
from shop.pricing.model.known import Known
from shop.pricing.store.rows import HEAD, PricingRow


class DynamoCustomers:
    """See :class:`shop.pricing.ports.Customers`."""

    def of(self, customer_id: str) -> Known:
        try:
            row = PricingRow.get(key_of(customer_id), HEAD, consistent_read=True)
        except PricingRow.DoesNotExist:
            return Known(customer_id)
        return Known(
            customer_id,
            tuple(row.doc.get("groups", ())),
            tuple(row.doc.get("segments", ())),
            int(row.version),
        )

    def save(self, before: Known, after: Known, events: Sequence[Event]) -> Known:
        row = PricingRow(
            key_of(after.customer_id),
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
            raise Stale("somebody else changed this customer meanwhile") from None
        return after


def key_of(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"
