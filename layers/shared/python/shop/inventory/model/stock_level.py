"""What stock is and may become: counts that add up, never below zero, never clamped.

A row of stock, per SKU and location, holds whole units::

    on_hand     units that are physically there
    reserved    promised to orders whose payment is awaited
    committed   promised to paid orders, to be shipped from here
    unavailable there, but not for sale, by reason (damaged, quality_control, ...)
    earmarked   arrived, and put aside for back-orders that wait for them
    safety      kept back from sale, to absorb miscounts
    incoming    ordered from the supplier, not yet here; never sold as if it were
    in_transit  sent by another location, not yet here; only its arrival takes from it

    available = on_hand - reserved - committed - unavailable - earmarked - safety

Two laws hold after every change: ``on_hand >= reserved + committed + unavailable + earmarked``
(nothing is promised that is not there) and therefore ``available >= -safety`` (only the safety
stock may be eaten into, by physical loss, and never by a sale). In prose: docs/rules/stock.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, OutOfStock, Problem
from shop.kernel.events import Event
from shop.kernel.frozen import frozen

MAIN_LOCATION = "main"
"""The location of a shop that has only one."""

USAGE_LOCATION = "uses"
"""The location of what is no goods but kept like them in a rush: uses of codes, sales' quotas."""

MAX_UNITS = 1_000_000_000
"""Units beyond which a count is a slip of the keyboard, not a warehouse."""


class ReservationState(StrEnum):
    """What kind of promise lies on held units: awaiting payment, or paid and to be shipped."""

    RESERVED = "reserved"
    COMMITTED = "committed"


class MovementType(StrEnum):
    """Why goods moved. Each kind has its side in the stock equation, see :data:`SIDE`."""

    RECEIVED = "received"
    RETURNED = "returned"
    COUNTED = "counted"
    ADJUSTED = "adjusted"
    SHIPPED = "shipped"
    WRITTEN_OFF = "written_off"
    TRANSFERRED = "transferred"
    HELD_BACK = "held_back"
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
"""The sum of :class:`Balance` that a movement of goods belongs to; the others move none. A count
or an adjustment finds goods or misses them."""


@frozen
class StockReconciliation:
    """What a journal adds up to. ``transferred`` is what came from other locations less what went
    there: over all locations, less what is in transit, and so 0 once all has arrived."""

    received: int
    returned: int
    found: int
    shipped: int
    written_off: int
    transferred: int
    on_hand: int

    @property
    def holds(self) -> bool:
        """The stock equation."""
        came = self.received + self.returned + self.found + self.transferred
        return came == self.on_hand + self.shipped + self.written_off


@frozen
class Demand:
    """So many units of a SKU are wanted."""

    sku: str
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise InvalidRequest(f"{self.quantity} units of {self.sku} cannot be asked for")


@frozen
class Shortage:
    """Fewer units are for sale than are wanted. ``available`` is 0 for a SKU nobody knows."""

    sku: str
    wanted: int
    available: int


@frozen
class Reservation:
    """Units put aside for an order, and exactly where: what is released or shipped later.

    An order keeps its holds; stock keeps only their sum. ``shard`` tells the parts of a SKU that
    sells too fast for one row.
    """

    sku: str
    quantity: int
    location: str = MAIN_LOCATION
    shard: int = 0


@frozen
class StockMovement:
    """One line of the journal: goods came, went, or changed their condition. Never altered.

    The numbers are differences. ``reference`` names the paper behind it (an order, a delivery
    note, a count), ``actor`` who did it, ``reason`` why in their words.
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
        """What the movement does to the number for sale."""
        return self.on_hand - sum(self.unavailable.values()) - self.safety - self.earmarked


class AlertState(IntEnum):
    """Whether a low stock was noted, and so told: once per crossing, however often it is seen."""

    OK = 0
    LOW = 1


class BackorderKind(StrEnum):
    """Why a SKU may be sold that is not here: it comes again, or for the first time."""

    BACK_ORDER = "back_order"
    PRE_ORDER = "pre_order"


@frozen
class BackorderTerms:
    """How a SKU is sold beyond what is here: so many units at a time, promised for a date.

    ``ships_from`` is the day that buyers are told; after ``until`` no more are taken. This is a
    policy with a limit of its own, never a negative stock.
    """

    kind: BackorderKind
    limit: int
    ships_from: date
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= MAX_UNITS:
            raise InvalidRequest("the limit is a number of units, 0 to end it", path="$.limit")

    def open(self, at: datetime) -> bool:
        """Whether orders are taken on these terms."""
        return self.until is None or at < self.until


@frozen
class LowStockCrossing:
    """A threshold was crossed. ``key`` names this crossing, so that it is told once."""

    sku: str
    location: str
    available: int
    low_at: int
    crossing: int
    at: datetime

    @property
    def key(self) -> str:
        return f"low_stock/{self.sku}/{self.location}/{self.crossing}"

    @property
    def event(self) -> Event:
        """What everybody is told of it; :meth:`told` reads it."""
        data = {
            "location": self.location,
            "available": self.available,
            "low_at": self.low_at,
            "crossing": self.crossing,
        }
        return Event(self.key, "LowStockDetected", self.sku, self.at, data)

    @staticmethod
    def from_event(sku: str, at: datetime, data: Mapping[str, Any]) -> "LowStockCrossing":
        """The crossing that an event tells of."""
        return LowStockCrossing(
            sku, data["location"], data["available"], data["low_at"], data["crossing"], at
        )


@frozen
class StockLevel:
    """The stock of one SKU at one location at one moment. A SKU never seen is all zeros, version 0.

    ``version`` counts the physical changes and changes of policy; reservations leave it alone, so
    that a count on a busy day is not refused because something was sold meanwhile. ``bins`` tells
    into how many rows a hot SKU is split.

    ``awaited`` units are sold although they are not here, as ``terms`` allow. ``low_at`` is the
    threshold of an alarm, ``watch`` whether its present crossing was noted, ``crossings`` how many
    there were.
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
    terms: "BackorderTerms | None" = None
    low_stock_threshold: int | None = None
    alert_state: AlertState = AlertState.OK
    crossings: int = 0
    in_transit: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    """Of a kit, what one takes: it has no stock of its own, and as many as its parts make."""

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
        if min(counts) < 0 or any(n < 0 for n in self.unavailable_by.values()):
            raise ValueError(f"negative stock: {self!r}")
        if self.promised + self.unavailable + self.earmarked > self.on_hand:
            raise ValueError(f"more is promised than there is: {self!r}")

    @property
    def unavailable(self) -> int:
        """Units that are there but not for sale, whatever the reason."""
        return sum(self.unavailable_by.values())

    @property
    def promised(self) -> int:
        """Units that belong to somebody's order."""
        return self.reserved + self.committed

    @property
    def available(self) -> int:
        """Units that may be promised now. Below zero only while the safety stock is eaten into."""
        kept_back = self.unavailable + self.earmarked + self.safety
        return self.on_hand - self.promised - kept_back

    @property
    def beyond(self) -> int:
        """Units that may still be ordered although they are not here, whatever the date."""
        return max(0, self.terms.limit - self.backordered) if self.terms else 0

    def orderable_units(self, at: datetime) -> int:
        """Units that a buyer may order now: those for sale and those still to come."""
        beyond = self.beyond if self.terms and self.terms.open(at) else 0
        return max(0, self.available) + beyond

    def availability(self, at: datetime) -> str:
        """In one word of UCP's, whether and how it can be bought."""
        if self.available > 0:
            return "in_stock"
        if self.terms is None or not self.orderable_units(at):
            return "out_of_stock"
        return "preorder" if self.terms.kind is BackorderKind.PRE_ORDER else "backorder"

    @property
    def is_low(self) -> bool:
        """Whether the threshold of the alarm is reached."""
        return self.low_stock_threshold is not None and self.available <= self.low_stock_threshold

    def with_movements(self, *movements: StockMovement) -> "StockLevel":
        """The level once the movements are written, all in one.

        Raises :class:`Conflict` (``stock_promised``) where fewer units would be left than are
        promised or set aside: the promise is withdrawn first, by whoever may do that,
        ``stock_negative`` where something would be taken that is not there, and
        ``kit_has_no_stock`` for a kit: its parts come and go.
        """
        if self.parts:
            raise Conflict(
                f"{self.sku} is a kit and has no stock of its own", code="kit_has_no_stock"
            )
        held = dict(self.unavailable_by)
        for movement in movements:
            for reason, units in movement.unavailable.items():
                held[reason] = held.get(reason, 0) + units
        on_hand = self.on_hand + sum(movement.on_hand for movement in movements)
        safety = self.safety + sum(movement.safety for movement in movements)
        incoming = self.incoming + sum(movement.incoming for movement in movements)
        in_transit = self.in_transit + sum(movement.in_transit for movement in movements)
        earmarked = self.earmarked + sum(movement.earmarked for movement in movements)
        if min(on_hand, safety, incoming, in_transit, earmarked, *held.values()) < 0:
            raise Conflict(
                f"{self.sku} at {self.location} does not have what is to be taken away",
                code="stock_negative",
            )
        aside = sum(held.values()) + earmarked
        if on_hand < self.promised + aside:
            raise Conflict(
                f"{self.promised} units of {self.sku} at {self.location} are promised to orders "
                f"and {aside} set aside; {on_hand} on hand would not cover them",
                code="stock_promised",
            )
        return replace(
            self,
            on_hand=on_hand,
            unavailable_by={reason: units for reason, units in held.items() if units},
            safety=safety,
            incoming=incoming,
            in_transit=in_transit,
            earmarked=earmarked,
            version=self.version + 1,
        )


def group_by_level(
    moves: Iterable[tuple[StockMovement, StockLevel]],
) -> tuple[tuple[StockLevel, tuple[StockMovement, ...]], ...]:
    """Movements that are written together, with the level that each of them moves, once."""
    found: dict[tuple[str, str], tuple[StockLevel, list[StockMovement]]] = {}
    for movement, level in moves:
        found.setdefault((level.sku, level.location), (level, []))[1].append(movement)
    return tuple((level, tuple(several)) for level, several in found.values())


def reconcile(movements: Iterable[StockMovement]) -> "StockReconciliation":
    """Add a journal up. Whoever moved goods is answered for by one of its sums."""
    sums = dict.fromkeys(
        ("received", "returned", "found", "shipped", "written_off", "transferred", "on_hand"), 0
    )
    for movement in movements:
        units = movement.on_hand
        sums["on_hand"] += units
        side = BALANCE_COLUMN.get(movement.kind)
        if side == "counted":
            sums["found" if units > 0 else "written_off"] += abs(units)
        elif side is not None:
            sums[side] += units if side in ("received", "returned", "transferred") else -units
    return StockReconciliation(**sums)


def merge_demands(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Several lines of one SKU become one demand, in order of first appearance.

    One invoice in nine repeats a SKU, and a DynamoDB transaction may touch an item only once.
    """
    wanted: dict[str, int] = {}
    for demand in demands:
        wanted[demand.sku] = wanted.get(demand.sku, 0) + demand.quantity
    return tuple(Demand(sku, quantity) for sku, quantity in wanted.items())


def find_shortages(
    demands: Iterable[Demand], levels: Mapping[str, StockLevel]
) -> tuple[Shortage, ...]:
    """Every SKU of which fewer units are for sale than are wanted, not only the first."""
    short = []
    for demand in merge_demands(demands):
        level = levels.get(demand.sku)
        available = max(level.available, 0) if level else 0
        if available < demand.quantity:
            short.append(Shortage(demand.sku, demand.quantity, available))
    return tuple(short)


def out_of_stock_error(short: Sequence[Shortage]) -> OutOfStock:
    """The refusal that names every short line."""
    return OutOfStock(
        "not enough stock for " + ", ".join(s.sku for s in short),
        problems=[
            Problem(
                OutOfStock.code,
                f"{s.wanted} of {s.sku} were asked for and {s.available} are available",
            )
            for s in short
        ],
    )


def merge_reservations(reservations: Iterable[Reservation]) -> tuple[Reservation, ...]:
    """Holds on the same row become one, for a transaction may touch a row only once."""
    units: dict[tuple[str, str, int], int] = {}
    for hold in reservations:
        key = (hold.sku, hold.location, hold.shard)
        units[key] = units.get(key, 0) + hold.quantity
    return tuple(
        Reservation(sku, quantity, location, shard)
        for (sku, location, shard), quantity in units.items()
    )
