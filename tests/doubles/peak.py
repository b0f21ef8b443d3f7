"""The peak's stores in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shop.inventory.model.kits import Kit
from shop.kernel.errors import VersionConflict
from shop.kernel.kill_switches import SwitchStates
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.peak.model.switch_changes import SwitchChange
from shop.peak.model.traffic_peaks import (
    NEW_TABLE_THROUGHPUT,
    UNITS_PER_ORDER,
    LimitedCounter,
    ProvisionedCapacity,
    WakeUp,
    WarmThroughput,
)
from shop.peak.model.waiting_room import WaitingRoom
from shop.peak.ports import WaitingRoomUnavailable


@dataclass
class MemorySwitchRepository:
    now: SwitchStates = field(default_factory=SwitchStates)
    book: list[SwitchChange] = field(default_factory=list)

    def states(self) -> SwitchStates:
        return self.now

    def save(self, before: SwitchStates, after: SwitchStates, change: SwitchChange) -> SwitchStates:
        if self.now.version != before.version:
            raise VersionConflict("somebody else was faster")
        self.now = after
        self.book.append(change)
        return after

    def list_changes(self, *, cursor: str | None, limit: int) -> Page[SwitchChange]:
        before = (from_cursor(cursor) or {"before": 10**9})["before"]
        rest = [flip for flip in reversed(self.book) if flip.number < before]
        part = tuple(rest[:limit])
        more = to_cursor({"before": part[-1].number}) if len(rest) > limit else None
        return Page(part, more)


@dataclass
class MemoryCapacityStateStore:
    now: ProvisionedCapacity = field(default_factory=ProvisionedCapacity)

    def load(self) -> ProvisionedCapacity:
        return self.now

    def save(self, before: ProvisionedCapacity, after: ProvisionedCapacity) -> ProvisionedCapacity:
        if self.now.version != before.version:
            raise VersionConflict("somebody else was faster")
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
    warmth: dict[str, dict[str, WarmThroughput]] = field(default_factory=dict)
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

    def get(self, table: str) -> Mapping[str, WarmThroughput]:
        return self.warmth.setdefault(
            table, dict.fromkeys(UNITS_PER_ORDER[table], NEW_TABLE_THROUGHPUT)
        )

    def raise_to(self, table: str, wanted: Mapping[str, WarmThroughput]) -> None:
        self._noted("warm", table, {place: (w.reads, w.writes) for place, w in wanted.items()})
        self.warmth[table].update(wanted)

    def set_environments(self, function: str, environments: int) -> None:
        self._noted("keep", function, environments)

    def remove(self, function: str) -> None:
        self._noted("let go", function)

    def reshard(self, sku: str, orders_per_second: int) -> bool:
        self._noted("bins", sku, orders_per_second)
        return orders_per_second > 0 or sku not in self.promised

    def rebalance(self, sku: str, orders_per_second: int) -> bool:
        if sku not in self.arrived:
            return False
        self._noted("refill", sku, orders_per_second)
        self.arrived.discard(sku)
        return True

    def reshard_counter(self, count: LimitedCounter, orders_per_second: int, at: datetime) -> bool:
        self._noted("count", count.key, orders_per_second, count.limit)
        return count.key not in self.promised

    def set(self, alarm: WakeUp) -> None:
        self._noted("set", alarm.name, alarm.at)

    def delete(self, name: str) -> None:
        self._noted("drop", name)


@dataclass
class MemoryKitLookup:
    known: Mapping[str, Kit] = field(default_factory=dict)

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        return {sku: self.known[sku] for sku in skus if sku in self.known}


@dataclass
class MemoryWaitingRooms:
    """Rooms as staff keep them, which everybody knows at once."""

    now: Sequence[WaitingRoom] = ()
    version: int = 0

    def list_rooms(self) -> tuple[Sequence[WaitingRoom], int]:
        return self.now, self.version

    def save(self, rooms: Sequence[WaitingRoom], version: int) -> None:
        if version != self.version:
            raise VersionConflict("somebody else was faster")
        self.now, self.version = tuple(rooms), version + 1

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        return self.now


@dataclass
class MemoryTicketCounter:
    """Draws numbers, counts how often it is asked, and can be out of reach."""

    following: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    away: bool = False

    def draw(self, key: str, many: int, lowest: int) -> int:
        if self.away:
            raise WaitingRoomUnavailable("the counter")
        self.writes += 1
        first = max(self.following.get(key, 0), lowest)
        self.following[key] = first + many
        return first


@dataclass
class FixedKeys:
    known: tuple[bytes, ...] = (b"a key of the tests",)

    def keys(self) -> Sequence[bytes]:
        if not self.known:
            raise WaitingRoomUnavailable("the key")
        return self.known
