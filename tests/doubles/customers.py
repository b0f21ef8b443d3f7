"""Groups and segments of customers in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shop.customers.model import CustomerSegments
from shop.kernel.errors import VersionConflict
from shop.kernel.events import Event


@dataclass
class MemoryCustomerSegments:
    """See :class:`shop.customers.ports.CustomerSegmentRepository`."""

    rows: dict[str, CustomerSegments] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def get(self, customer_id: str, *, consistent: bool = True) -> CustomerSegments:
        return self.rows.get(customer_id, CustomerSegments(customer_id))

    def save(
        self, before: CustomerSegments, after: CustomerSegments, events: Sequence[Event]
    ) -> CustomerSegments:
        if self.get(after.customer_id).version != before.version:
            raise VersionConflict("The groups of this customer changed. Read them again and retry.")
        self.rows[after.customer_id] = after
        self.events += events
        return after
