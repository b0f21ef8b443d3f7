"""What an order uses up of limited things, as it is counted and as it stands on the order.

Who counts, and up to where, is pricing's; that it is given back with the order is the order's.
"""

from collections.abc import Sequence
from typing import Any

from shop.kernel.frozen import frozen

CREDIT = "credit"
"""The kind of a reservation of credit: ``name`` is ``<account>|<order id>``, ``units`` are spent."""


@frozen
class UsageReservation:
    """``units`` of something counted under a name, of which ``limit`` may be used in all.

    It stands on the order, so that giving it back needs to know nothing else. ``promotion_id`` is
    what the customer is told of when there is no more.

    A count that many orders meet in is kept in several bins: ``bins`` is how many there were when
    it was priced (0: one row of its own), ``shard`` the one that an order took its units from.
    """

    kind: str
    name: str
    units: int
    limit: int | None
    promotion_id: str
    shards: int = 0
    shard: int | None = None

    def to_list(self) -> list[Any]:
        """As documents keep it; :meth:`of_list` reads it."""
        told = [self.kind, self.name, self.units, self.limit, self.promotion_id]
        return [*told, self.shards, self.shard] if self.shards or self.shard is not None else told

    @classmethod
    def from_list(cls, raw: Sequence[Any]) -> "UsageReservation":
        """What :meth:`to_list` wrote."""
        return cls(*raw)
