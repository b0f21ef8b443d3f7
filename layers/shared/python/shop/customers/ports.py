"""Ports of customers. Every write states the state that it is based on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.customers.model import CustomerSegments
    from shop.kernel.events import Event


class CustomerSegmentRepository(Protocol):
    """The groups and segments of customers."""

    def get(self, customer_id: str, *, consistent: bool = True) -> CustomerSegments:
        """Return groups and segments; version 0 if they were never set."""

    def save(
        self, before: CustomerSegments, after: CustomerSegments, events: Sequence[Event]
    ) -> CustomerSegments:
        """Write ``after`` if ``before`` is still stored. Raises VersionConflict."""
