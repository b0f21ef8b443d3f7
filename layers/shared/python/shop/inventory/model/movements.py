"""Stock movements: the immutable entries of the stock journal, and the sum they must add up to.

The constants that every value of stock shares are defined here as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from shop.kernel.frozen import frozen

MAIN_LOCATION = "main"
"""The location that every shop has from the beginning."""

USAGE_LOCATION = "uses"
"""The location of usage counters that are sharded like stock during a traffic peak."""

MAX_UNITS = 1_000_000_000
"""The largest number of units; a larger number is a typing error."""


class MovementType(StrEnum):
    """The type of a stock movement; :data:`BALANCE_COLUMN` maps it to a sum of the journal."""

    RECEIVED = "received"
    RETURNED = "returned"
    COUNTED = "counted"
    ADJUSTED = "adjusted"
    SHIPPED = "shipped"
    WRITTEN_OFF = "written_off"
    TRANSFERRED = "transferred"
    SET_ASIDE = "set_aside"
    EXPECTED = "expected"
    POLICY = "policy"


BALANCE_COLUMN: Mapping[MovementType, str] = {
    MovementType.RECEIVED: "received",
    MovementType.RETURNED: "returned",
    MovementType.COUNTED: "counted",
    MovementType.ADJUSTED: "counted",
    MovementType.SHIPPED: "shipped",
    MovementType.WRITTEN_OFF: "written_off",
    MovementType.TRANSFERRED: "transferred",
}
"""The sum of :class:`StockReconciliation` for each type that changes the units on hand.

``counted`` units are *found* if there are more of them and *written off* if there are fewer.
"""


@frozen
class StockMovement:
    """An entry of the stock journal. All numbers are differences in units.

    ``reference`` names the document behind the movement (order, delivery note, count), ``actor``
    the staff user or process, ``reason`` the explanation in the actor's words.
    """

    sku: str
    kind: MovementType
    at: datetime
    actor: str
    reason: str = ""
    reference: str = ""
    location: str = MAIN_LOCATION
    shard: int = 0
    on_hand: int = 0
    unavailable: Mapping[str, int] = field(default_factory=dict)
    safety: int = 0
    incoming: int = 0
    earmarked: int = 0
    in_transit: int = 0

    @property
    def available(self) -> int:
        """The difference in available units."""
        return self.on_hand - sum(self.unavailable.values()) - self.safety - self.earmarked


@frozen
class StockReconciliation:
    """The sums of a journal, in units.

    ``transferred`` is the units received from other locations less the units sent to them. Over
    all locations it equals minus the units in transit.
    """

    received: int
    returned: int
    found: int
    shipped: int
    written_off: int
    transferred: int
    on_hand: int

    @property
    def is_balanced(self) -> bool:
        """Whether the stock equation holds (docs/rules/stock.md, 4.2)."""
        inflow = self.received + self.returned + self.found + self.transferred
        return inflow == self.on_hand + self.shipped + self.written_off


def reconcile(movements: Iterable[StockMovement]) -> StockReconciliation:
    """Add up a journal; each movement of goods counts in exactly one sum besides ``on_hand``."""
    sums = dict.fromkeys(
        ("received", "returned", "found", "shipped", "written_off", "transferred", "on_hand"), 0
    )
    for movement in movements:
        units = movement.on_hand
        sums["on_hand"] += units
        column = BALANCE_COLUMN.get(movement.kind)
        if column == "counted":
            sums["found" if units > 0 else "written_off"] += abs(units)
        elif column is not None:
            # Shipped and written-off units are negative differences but positive sums.
            sums[column] += units if column in ("received", "returned", "transferred") else -units
    return StockReconciliation(**sums)
