"""What stock is and may become: counts that add up, never below zero, never clamped.

A row of stock, per SKU and location, holds whole units::

    on_hand     units that are physically there
    reserved    promised to orders whose payment is awaited
    committed   promised to paid orders, to be shipped from here
    unavailable there, but not for sale, by reason (damaged, quality_control, ...)
    safety      kept back from sale, to absorb miscounts
    incoming    ordered from the supplier, not yet here; never sold as if it were

    available = on_hand - reserved - committed - unavailable - safety

Two laws hold after every change: ``on_hand >= reserved + committed + unavailable`` (nothing is
promised that is not there) and therefore ``available >= -safety`` (only the safety stock may be
eaten into, by physical loss, and never by a sale). The rules in prose: docs/law/stock.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shop.kernel.errors import Conflict, Invalid, OutOfStock, Problem

MAIN = "main"
"""The location of a shop that has only one."""

MOST = 1_000_000_000
"""Units beyond which a count is a slip of the keyboard, not a warehouse."""


class Claim(StrEnum):
    """What kind of promise lies on held units: awaiting payment, or paid and to be shipped."""

    RESERVED = "reserved"
    COMMITTED = "committed"


class Kind(StrEnum):
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


@dataclass(frozen=True, slots=True)
class Demand:
    """So many units of a SKU are wanted."""

    sku: str
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise Invalid(f"{self.quantity} units of {self.sku} cannot be asked for")


@dataclass(frozen=True, slots=True)
class Shortage:
    """Fewer units are for sale than are wanted. ``available`` is 0 for a SKU nobody knows."""

    sku: str
    wanted: int
    available: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Units put aside for an order, and exactly where: what is released or shipped later.

    An order keeps its holds; stock keeps only their sum. ``shard`` tells the parts of a SKU that
    sells too fast for one row.
    """

    sku: str
    quantity: int
    location: str = MAIN
    shard: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the journal: goods came, went, or changed their condition. Never altered.

    The numbers are differences. ``reference`` names the paper behind it (an order, a delivery
    note, a count), ``actor`` who did it, ``reason`` why in their words.
    """

    sku: str
    kind: Kind
    at: datetime
    actor: str
    reason: str = ""
    reference: str = ""
    location: str = MAIN
    shard: int = 0
    on_hand: int = 0
    unavailable: Mapping[str, int] = field(default_factory=dict)
    safety: int = 0
    incoming: int = 0

    @property
    def available(self) -> int:
        """What the movement does to the number for sale."""
        return self.on_hand - sum(self.unavailable.values()) - self.safety


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The stock of one SKU at one location at one moment. A SKU never seen is all zeros, version 0.

    ``version`` counts the physical changes and changes of policy; reservations leave it alone, so
    that a count on a busy day is not refused because something was sold meanwhile. ``bins`` tells
    into how many rows a hot SKU is split.
    """

    sku: str
    location: str = MAIN
    on_hand: int = 0
    reserved: int = 0
    committed: int = 0
    unavailable_by: Mapping[str, int] = field(default_factory=dict)
    safety: int = 0
    incoming: int = 0
    version: int = 0
    bins: int = 1

    def __post_init__(self) -> None:
        counts = (self.on_hand, self.reserved, self.committed, self.safety, self.incoming)
        if min(counts) < 0 or any(n < 0 for n in self.unavailable_by.values()):
            raise ValueError(f"negative stock: {self!r}")
        if self.promised + self.unavailable > self.on_hand:
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
        return self.on_hand - self.promised - self.unavailable - self.safety

    def after(self, movement: Movement) -> "StockLevel":
        """The level once the movement is written.

        Raises :class:`Conflict` (``stock_promised``) where fewer units would be left than are
        promised or set aside: the promise is withdrawn first, by whoever may do that, and
        ``stock_negative`` where something would be taken that is not there.
        """
        held = dict(self.unavailable_by)
        for reason, units in movement.unavailable.items():
            held[reason] = held.get(reason, 0) + units
        on_hand = self.on_hand + movement.on_hand
        safety = self.safety + movement.safety
        incoming = self.incoming + movement.incoming
        if min(on_hand, safety, incoming, *held.values()) < 0:
            raise Conflict(
                f"{self.sku} at {self.location} does not have what is to be taken away",
                code="stock_negative",
            )
        if on_hand < self.promised + sum(held.values()):
            raise Conflict(
                f"{self.promised} units of {self.sku} at {self.location} are promised to orders "
                f"and {sum(held.values())} set aside; {on_hand} on hand would not cover them",
                code="stock_promised",
            )
        return replace(
            self,
            on_hand=on_hand,
            unavailable_by={reason: units for reason, units in held.items() if units},
            safety=safety,
            incoming=incoming,
            version=self.version + 1,
        )


def add_up(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Several lines of one SKU become one demand, in order of first appearance.

    One invoice in nine repeats a SKU, and a DynamoDB transaction may touch an item only once.
    """
    wanted: dict[str, int] = {}
    for demand in demands:
        wanted[demand.sku] = wanted.get(demand.sku, 0) + demand.quantity
    return tuple(Demand(sku, quantity) for sku, quantity in wanted.items())


def shortages(demands: Iterable[Demand], levels: Mapping[str, StockLevel]) -> tuple[Shortage, ...]:
    """Every SKU of which fewer units are for sale than are wanted, not only the first."""
    short = []
    for demand in add_up(demands):
        level = levels.get(demand.sku)
        available = max(level.available, 0) if level else 0
        if available < demand.quantity:
            short.append(Shortage(demand.sku, demand.quantity, available))
    return tuple(short)


def out_of_stock(short: Sequence[Shortage]) -> OutOfStock:
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


def merged(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """Holds on the same row become one, for a transaction may touch a row only once."""
    units: dict[tuple[str, str, int], int] = {}
    for hold in holds:
        key = (hold.sku, hold.location, hold.shard)
        units[key] = units.get(key, 0) + hold.quantity
    return tuple(
        Hold(sku, quantity, location, shard) for (sku, location, shard), quantity in units.items()
    )
