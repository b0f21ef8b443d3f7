"""Usage of limited coupons and promotions, as it is counted and as it stands on an order.

The counters and their limits belong to pricing. Releasing the usage with an order belongs to
orders.
"""

from collections.abc import Sequence
from typing import Any

from shop.kernel.frozen import frozen

CREDIT = "credit"
"""The kind of a credit reservation: ``name`` is ``<account>|<order id>``, ``units`` are spent."""


@frozen
class UsageReservation:
    """Units of a usage counter that belong to an order.

    ``kind`` and ``name`` identify the counter, which may reach ``limit`` in total (``None``: no
    limit). The order stores the reservation, so releasing it needs no other data.
    ``promotion_id`` names the promotion that the customer loses if no units remain.

    A counter that many orders update concurrently is split over several shards. ``shards`` is their
    number when the basket was priced (0: one counter row), and ``shard`` is the one that the order
    took its units from.
    """

    kind: str
    name: str
    units: int
    limit: int | None
    promotion_id: str
    shards: int = 0
    shard: int | None = None

    def to_list(self) -> list[Any]:
        """Return the stored form: 5 values, or 7 with shards."""
        fields = [self.kind, self.name, self.units, self.limit, self.promotion_id]
        sharded = self.shards or self.shard is not None
        return [*fields, self.shards, self.shard] if sharded else fields

    @classmethod
    def from_list(cls, raw: Sequence[Any]) -> "UsageReservation":
        """Read the stored form that :meth:`to_list` returns."""
        return cls(*raw)
