"""Ports of customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.customers.model import CustomerSegments
    from shop.kernel.events import Event


class CustomerSegmentRepository(Protocol):
    """What staff tell of customers, for the rules."""

    def get(self, customer_id: str, *, consistent: bool = True) -> CustomerSegments:
        """Groups and segments; none for somebody nobody spoke of."""

    def save(
        self, before: CustomerSegments, after: CustomerSegments, events: Sequence[Event]
    ) -> CustomerSegments:
        """Write them, if ``before`` still stands. Raises Stale."""
