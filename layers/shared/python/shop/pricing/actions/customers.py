"""What staff tell of customers."""

from collections.abc import Sequence
from datetime import datetime

from shop.kernel.events import Event
from shop.kernel.versions import as_read
from shop.pricing.model.known import Known
from shop.pricing.ports import Customers


def place_customer(
    customer_id: str,
    groups: Sequence[str],
    segments: Sequence[str],
    *,
    expected_version: int | None = None,
    customers: Customers,
    at: datetime,
    who: str,
) -> Known:
    """Put a customer into groups and segments, in place of those before.

    Raises :class:`Invalid` with every name that is none, and Stale.
    """
    before = customers.of(customer_id)
    if expected_version is not None:
        as_read("this customer", before.version, expected_version)
    after = Known(
        customer_id,
        tuple(dict.fromkeys(groups)),
        tuple(dict.fromkeys(segments)),
        before.version + 1,
    )
    after.check()
    event = Event(
        f"customer-{customer_id}:{after.version}",
        "CustomerPlaced",
        customer_id,
        at,
        {"groups": list(after.groups), "segments": list(after.segments), "who": who},
    )
    return customers.save(before, after, [event])
