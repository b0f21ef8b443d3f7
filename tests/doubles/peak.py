"""The peak's stores in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shop.inventory.model.kits import Kit
from shop.kernel.errors import Stale
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.switches import Board
from shop.peak.model.flips import Flip
from shop.peak.model.rooms import Room
from shop.peak.model.rushes import BORN, UNITS_AN_ORDER, Alarm, Kept, Limited, Warmth
from shop.peak.ports import Unreachable


@dataclass
class MemorySwitches:
    now: Board = field(default_factory=Board)
    book: list[Flip] = field(default_factory=list)

    def board(self) -> Board:
        return self.now

    def turn(self, before: Board, after: Board, flip: Flip) -> Board:
        if self.now.version != before.version:
            raise Stale("somebody else was faster")
        self.now = after
        self.book.append(flip)
        return after

    def flips(self, *, cursor: str | None, limit: int) -> Page[Flip]:
        before = (from_cursor(cursor) or {"before": 10**9})["before"]
        rest = [flip for flip in reversed(self.book) if flip.number < before]
        part = tuple(rest[:limit])
        more = to_cursor({"before": part[-1].number}) if len(rest) > limit else None
        return Page(part, more)


@dataclass
class MemoryMemory:
    now: Kept = field(default_factory=Kept)

    def kept(self) -> Kept:
        return self.now

    def keep(self, before: Kept, after: Kept) -> Kept:
        if self.now.version != before.version:
            raise Stale("somebody else was faster")
        self.now = replace(after, version=before.version + 1)
        return self.now


class OutOfOrder(Exception):
    """AWS refuses a step."""


@dataclass
class RecordingCloud:
    """Tables, Lambdas, bins and clock that write down what is asked of them, in order.

    ``broken`` names what refuses; ``arrived`` are SKUs that goods have come of; ``promised`` are
    SKUs whose bins still hold promises, and counts of which uses may still come back to their row.
    """

    calls: list[tuple[object, ...]] = field(default_factory=list)
    warmth: dict[str, dict[str, Warmth]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    promised: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)

    def taken(self) -> list[tuple[object, ...]]:
        """The calls since somebody last asked."""
        calls, self.calls = self.calls, []
        return calls

    def _noted(self, what: str, *more: object) -> None:
        if what in self.broken:
            raise OutOfOrder(what)
        self.calls.append((what, *more))

    def warm(self, table: str) -> Mapping[str, Warmth]:
        return self.warmth.setdefault(table, dict.fromkeys(UNITS_AN_ORDER[table], BORN))

    def raise_to(self, table: str, wanted: Mapping[str, Warmth]) -> None:
        self._noted("warm", table, {place: (w.reads, w.writes) for place, w in wanted.items()})
        self.warmth[table].update(wanted)

    def keep(self, function: str, environments: int) -> None:
        self._noted("keep", function, environments)

    def let_go(self, function: str) -> None:
        self._noted("let go", function)

    def prepare(self, sku: str, orders_a_second: int) -> bool:
        self._noted("bins", sku, orders_a_second)
        return orders_a_second > 0 or sku not in self.promised

    def refill(self, sku: str, orders_a_second: int) -> bool:
        if sku not in self.arrived:
            return False
        self._noted("refill", sku, orders_a_second)
        self.arrived.discard(sku)
        return True

    def share(self, count: Limited, orders_a_second: int, at: datetime) -> bool:
        self._noted("count", count.key, orders_a_second, count.limit)
        return count.key not in self.promised

    def set(self, alarm: Alarm) -> None:
        self._noted("set", alarm.name, alarm.at)

    def drop(self, name: str) -> None:
        self._noted("drop", name)


@dataclass
class MemoryKits:
    known: Mapping[str, Kit] = field(default_factory=dict)

    def among(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        return {sku: self.known[sku] for sku in skus if sku in self.known}


@dataclass
class MemoryRooms:
    """Rooms as staff keep them, which everybody knows at once."""

    now: Sequence[Room] = ()
    version: int = 0

    def rooms(self) -> tuple[Sequence[Room], int]:
        return self.now, self.version

    def keep(self, rooms: Sequence[Room], version: int) -> None:
        if version != self.version:
            raise Stale("somebody else was faster")
        self.now, self.version = tuple(rooms), version + 1

    def open(self, at: datetime) -> Sequence[Room]:
        return self.now


@dataclass
class MemoryCounter:
    """Draws numbers, counts how often it is asked, and can be out of reach."""

    following: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    away: bool = False

    def draw(self, key: str, many: int, lowest: int) -> int:
        if self.away:
            raise Unreachable("the counter")
        self.writes += 1
        first = max(self.following.get(key, 0), lowest)
        self.following[key] = first + many
        return first


@dataclass
class FixedKeys:
    known: tuple[bytes, ...] = (b"a key of the tests",)

    def keys(self) -> Sequence[bytes]:
        if not self.known:
            raise Unreachable("the key")
        return self.known
