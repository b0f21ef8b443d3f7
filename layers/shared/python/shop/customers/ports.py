"""Ports of customers. Every write states what it was read as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.customers.model import CustomerSegments
    from shop.kernel.events import Event


class CustomerSegmentRepository(Protocol):
    """The groups and segments of customers."""

    def get(self, customer_id: str, *, consistent: bool = True) -> CustomerSegments:
        """Return groups and segments; version 0 without any for an unknown customer."""

    def save(
        self, before: CustomerSegments, after: CustomerSegments, events: Sequence[Event]
    ) -> CustomerSegments:
        """Write them if ``before`` is still stored. Raises VersionConflict."""
