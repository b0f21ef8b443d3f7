"""Stock levels, reservations, back-order terms and low-stock alerts.

A stock level counts whole units per SKU and location::

    on_hand     physically at the location
    reserved    promised to orders that await payment
    committed   promised to paid orders
    unavailable on hand and excluded from sale, by reason (damaged, quality_control, ...)
    earmarked   received and set aside for open back-orders
    safety      withheld from sale to absorb counting errors
    incoming    ordered from a supplier; never sold as available
    in_transit  sent by another location; only their arrival reduces the number

    available = on_hand - reserved - committed - unavailable - earmarked - safety

Two invariants hold after every change:

- ``on_hand >= reserved + committed + unavailable + earmarked``: every promise is covered;
- ``available >= -safety``: only a physical loss may use the safety stock, a sale never does.

A change that would break one is rejected, and no count is ever clamped (docs/rules/stock.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any

from shop.inventory.model.movements import MAIN_LOCATION, MAX_UNITS, StockMovement
from shop.kernel.errors import Conflict, InvalidRequest, OutOfStock, Problem, counted
from shop.kernel.events import Event
from shop.kernel.frozen import frozen

StockKey = tuple[str, str]
"""A SKU and a location: the key of a stock level."""


class ReservationState(StrEnum):
    """Whether reserved units await payment or belong to a paid order."""

    RESERVED = "reserved"
    COMMITTED = "committed"


@frozen
class Demand:
    """A requested quantity of one SKU."""

    sku: str
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise InvalidRequest(
                f"The quantity of {self.sku} must be 1 or more, not {self.quantity}.",
                code="quantity_invalid",
            )


@frozen
class Shortage:
    """A SKU with fewer available than requested units; an unknown SKU has 0 available."""

    sku: str
    requested: int
    available: int


@frozen
class Reservation:
    """Units that belong to an order, with the location and shard that hold them.

    The order stores its reservations; stock stores only their sums. A release or shipment names
    the same location and shard again.
    """

    sku: str
    quantity: int
    location: str = MAIN_LOCATION
    shard: int = 0


class AlertState(IntEnum):
    """Whether the low-stock alert of a level is open; each crossing of the threshold opens it."""

    OK = 0
    LOW = 1


class BackorderKind(StrEnum):
    """Whether inbound units are a restock or arrive for the first time."""

    BACK_ORDER = "back_order"
    PRE_ORDER = "pre_order"


@frozen
class BackorderTerms:
    """The terms on which a SKU is sold beyond its stock on hand.

    ``limit`` is the number of units that may be sold and not yet received. ``ships_from`` is the
    ship date shown to buyers. No order is accepted at ``until`` or later.
    """

    kind: BackorderKind
    limit: int
    ships_from: date
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= MAX_UNITS:
            raise InvalidRequest(
                f"The limit must be from 0 to {MAX_UNITS}; 0 ends the sale.",
                code="out_of_range",
                path="$.limit",
            )

    def is_open(self, at: datetime) -> bool:
        """Return whether orders are accepted on these terms."""
        return self.until is None or at < self.until


@frozen
class LowStockCrossing:
    """One crossing of a low-stock threshold; ``crossing`` numbers those of the level from 1."""

    sku: str
    location: str
    available: int
    threshold: int
    crossing: int
    at: datetime

    @property
    def key(self) -> str:
        """The name of this crossing; one alert is sent per key."""
        return f"low_stock/{self.sku}/{self.location}/{self.crossing}"

    @property
    def event(self) -> Event:
        """The event ``LowStockDetected``; :meth:`from_event` reads its data."""
        data = {
            "location": self.location,
            "available": self.available,
            "threshold": self.threshold,
            "crossing": self.crossing,
        }
        return Event(self.key, "LowStockDetected", self.sku, self.at, data)

    @staticmethod
    def from_event(sku: str, at: datetime, data: Mapping[str, Any]) -> "LowStockCrossing":
        """Read the crossing from the data of its event."""
        return LowStockCrossing(
            sku, data["location"], data["available"], data["threshold"], data["crossing"], at
        )


@frozen
class StockLevel:
    """The stock of one SKU at one location; an unknown SKU is all zeros at version 0.

    ``version`` counts movements of goods and changes of policy. Reservations leave it unchanged,
    so that staff can enter a count while units are being sold.

    ``backordered`` units are sold under ``terms`` and not yet received. ``crossings`` counts how
    often the level fell to its ``low_stock_threshold``. ``parts`` is set for kits only: the units
    of each SKU that one kit takes. A kit has no stock of its own.
    """

    sku: str
    location: str = MAIN_LOCATION
    on_hand: int = 0
    reserved: int = 0
    committed: int = 0
    unavailable_by: Mapping[str, int] = field(default_factory=dict)
    safety: int = 0
    incoming: int = 0
    version: int = 0
    shard_count: int = 1
    earmarked: int = 0
    backordered: int = 0
    terms: BackorderTerms | None = None
    low_stock_threshold: int | None = None
    alert_state: AlertState = AlertState.OK
    crossings: int = 0
    in_transit: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = (
            self.on_hand,
            self.reserved,
            self.committed,
            self.safety,
            self.incoming,
            self.in_transit,
            self.earmarked,
            self.backordered,
        )
        if min(counts) < 0 or any(units < 0 for units in self.unavailable_by.values()):
            raise ValueError(f"negative stock: {self!r}")
        if self.promised + self.unavailable + self.earmarked > self.on_hand:
            raise ValueError(f"more units promised than on hand: {self!r}")

    @property
    def unavailable(self) -> int:
        """Units on hand that are excluded from sale, over all reasons."""
        return sum(self.unavailable_by.values())

    @property
    def promised(self) -> int:
        """Units that belong to orders."""
        return self.reserved + self.committed

    @property
    def available(self) -> int:
        """Units that may be reserved now; negative only while a loss uses the safety stock."""
        withheld = self.unavailable + self.earmarked + self.safety
        return self.on_hand - self.promised - withheld

    @property
    def backorderable_units(self) -> int:
        """Units below the limit of the back-order terms, whether these are open or not."""
        return max(0, self.terms.limit - self.backordered) if self.terms else 0

    def orderable_units(self, at: datetime) -> int:
        """Return the units that may be ordered at an instant: available units and back-orders."""
        is_open = self.terms is not None and self.terms.is_open(at)
        return max(0, self.available) + (self.backorderable_units if is_open else 0)

    def availability(self, at: datetime) -> str:
        """Return UCP's status: ``in_stock``, ``out_of_stock``, ``preorder`` or ``backorder``."""
        if self.available > 0:
            return "in_stock"
        if self.terms is None or not self.orderable_units(at):
            return "out_of_stock"
        return "preorder" if self.terms.kind is BackorderKind.PRE_ORDER else "backorder"

    @property
    def is_low(self) -> bool:
        """Whether the available units are at or below the low-stock threshold."""
        return self.low_stock_threshold is not None and self.available <= self.low_stock_threshold

    def require_no_kit(self) -> None:
        """Raise :class:`Conflict` (``kit_has_no_stock``) for a kit."""
        if self.parts:
            raise Conflict(
                f"{self.sku} is a kit and has no stock of its own. Change the stock of its parts.",
                code="kit_has_no_stock",
            )

    def with_movements(self, *movements: StockMovement) -> "StockLevel":
        """Return the level after movements that are written together.

        Raises :class:`Conflict` with one of these codes:

        - ``stock_promised`` if fewer units would remain than are promised or withheld;
        - ``stock_negative`` if a count would fall below zero;
        - ``kit_has_no_stock`` for a kit.
        """
        self.require_no_kit()
        unavailable_by = dict(self.unavailable_by)
        for movement in movements:
            for reason, units in movement.unavailable.items():
                unavailable_by[reason] = unavailable_by.get(reason, 0) + units
        on_hand = self.on_hand + sum(movement.on_hand for movement in movements)
        safety = self.safety + sum(movement.safety for movement in movements)
        incoming = self.incoming + sum(movement.incoming for movement in movements)
        in_transit = self.in_transit + sum(movement.in_transit for movement in movements)
        earmarked = self.earmarked + sum(movement.earmarked for movement in movements)
        if min(on_hand, safety, incoming, in_transit, earmarked, *unavailable_by.values()) < 0:
            raise Conflict(
                f"The stock of {self.sku} at {self.location} has fewer units than this entry "
                "removes. Read the stock level and correct the entry.",
                code="stock_negative",
            )
        withheld = sum(unavailable_by.values()) + earmarked
        if on_hand < self.promised + withheld:
            raise Conflict(
                f"{counted(on_hand, 'unit')} of {self.sku} at {self.location} cannot cover "
                f"{self.promised} promised and {withheld} withheld units. "
                "Cancel orders or release units first.",
                code="stock_promised",
            )
        return replace(
            self,
            on_hand=on_hand,
            unavailable_by={reason: units for reason, units in unavailable_by.items() if units},
            safety=safety,
            incoming=incoming,
            in_transit=in_transit,
            earmarked=earmarked,
            version=self.version + 1,
        )


def group_by_level(
    moves: Iterable[tuple[StockMovement, StockLevel]],
) -> tuple[tuple[StockLevel, tuple[StockMovement, ...]], ...]:
    """Group movements that are written together by the level they change."""
    groups: dict[StockKey, tuple[StockLevel, list[StockMovement]]] = {}
    for movement, level in moves:
        groups.setdefault((level.sku, level.location), (level, []))[1].append(movement)
    return tuple((level, tuple(movements)) for level, movements in groups.values())


def merge_demands(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Add up demands of one SKU, in order of first appearance.

    One invoice in nine repeats a SKU, and a DynamoDB transaction may touch an item only once.
    """
    quantities: dict[str, int] = {}
    for demand in demands:
        quantities[demand.sku] = quantities.get(demand.sku, 0) + demand.quantity
    return tuple(Demand(sku, quantity) for sku, quantity in quantities.items())


def find_shortages(
    demands: Iterable[Demand], levels: Mapping[str, StockLevel]
) -> tuple[Shortage, ...]:
    """Return every SKU with fewer available than requested units."""
    shortages = []
    for demand in merge_demands(demands):
        level = levels.get(demand.sku)
        available = max(level.available, 0) if level else 0
        if available < demand.quantity:
            shortages.append(Shortage(demand.sku, demand.quantity, available))
    return tuple(shortages)


def out_of_stock_error(shortages: Sequence[Shortage]) -> OutOfStock:
    """Build the error that names every short line."""
    return OutOfStock(
        f"Too few units of {', '.join(s.sku for s in shortages)}. Reduce the quantity.",
        problems=[
            Problem(
                OutOfStock.code,
                f"{s.available} of {s.requested} requested units of {s.sku} are available.",
            )
            for s in shortages
        ],
    )


def merge_reservations(reservations: Iterable[Reservation]) -> tuple[Reservation, ...]:
    """Add up reservations in one shard, because a transaction may touch a row only once."""
    quantities: dict[tuple[str, str, int], int] = {}
    for reservation in reservations:
        key = (reservation.sku, reservation.location, reservation.shard)
        quantities[key] = quantities.get(key, 0) + reservation.quantity
    return tuple(
        Reservation(sku, quantity, location, shard)
        for (sku, location, shard), quantity in quantities.items()
    )
