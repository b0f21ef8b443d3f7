"""What an order uses up of limited things, as it is counted and as it stands on the order.

Who counts, and up to where, is pricing's; that it is given back with the order is the order's.
"""

from collections.abc import Sequence
from typing import Any

from shop.kernel.frozen import frozen


@frozen
class Count:
    """``units`` of something counted under a name, of which ``limit`` may be used in all.

    It stands on the order, so that giving it back needs to know nothing else. ``promotion_id`` is
    what the customer is told of when there is no more.

    A count that many orders meet in is kept in several bins: ``bins`` is how many there were when
    it was priced (0: one row of its own), ``shard`` the one that an order took its units from.
    """

    sort: str
    name: str
    units: int
    limit: int | None
    promotion_id: str
    bins: int = 0
    shard: int | None = None

    def to_list(self) -> list[Any]:
        """As documents keep it; :meth:`of_list` reads it."""
        told = [self.sort, self.name, self.units, self.limit, self.promotion_id]
        return [*told, self.bins, self.shard] if self.bins or self.shard is not None else told

    @classmethod
    def of_list(cls, told: Sequence[Any]) -> "Count":
        """What :meth:`to_list` wrote."""
        return cls(*told)
