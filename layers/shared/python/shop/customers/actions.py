"""Use cases of customers."""

from collections.abc import Sequence
from datetime import datetime

from shop.customers.model import CustomerSegments
from shop.customers.ports import CustomerSegmentRepository
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version


def set_customer_groups(
    customer_id: str,
    groups: Sequence[str],
    segments: Sequence[str],
    *,
    expected_version: int | None = None,
    customers: CustomerSegmentRepository,
    at: datetime,
    actor: str,
) -> CustomerSegments:
    """Replace the groups and segments of a customer.

    Raises InvalidRequest with every invalid name, and VersionConflict.
    """
    before = customers.get(customer_id)
    if expected_version is not None:
        check_version("this customer", before.version, expected_version)
    after = CustomerSegments(
        customer_id,
        tuple(dict.fromkeys(groups)),
        tuple(dict.fromkeys(segments)),
        before.version + 1,
    )
    after.validate()
    event = Event(
        f"customer-{customer_id}:{after.version}",
        "CustomerGroupsChanged",
        customer_id,
        at,
        {"groups": list(after.groups), "segments": list(after.segments), "actor": actor},
    )
    return customers.save(before, after, [event])
