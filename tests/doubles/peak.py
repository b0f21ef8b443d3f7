"""Doubles of the traffic peak ports, in memory."""

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
    """See :class:`shop.peak.ports.SwitchRepository`."""

    current: SwitchStates = field(default_factory=SwitchStates)
    changes: list[SwitchChange] = field(default_factory=list)

    def states(self) -> SwitchStates:
        return self.current

    def save(self, before: SwitchStates, after: SwitchStates, change: SwitchChange) -> SwitchStates:
        if self.current.version != before.version:
            raise VersionConflict("The switches changed.")
        self.current = after
        self.changes.append(change)
        return after

    def list_changes(self, *, cursor: str | None, limit: int) -> Page[SwitchChange]:
        before = (from_cursor(cursor) or {"before": 10**9})["before"]
        older = [change for change in reversed(self.changes) if change.number < before]
        page = tuple(older[:limit])
        next_cursor = to_cursor({"before": page[-1].number}) if len(older) > limit else None
        return Page(page, next_cursor)


@dataclass
class MemoryCapacityStateStore:
    """See :class:`shop.peak.ports.CapacityStateStore`."""

    current: ProvisionedCapacity = field(default_factory=ProvisionedCapacity)

    def load(self) -> ProvisionedCapacity:
        return self.current

    def save(self, before: ProvisionedCapacity, after: ProvisionedCapacity) -> ProvisionedCapacity:
        if self.current.version != before.version:
            raise VersionConflict("The record changed.")
        self.current = replace(after, version=before.version + 1)
        return self.current


class StepError(Exception):
    """AWS rejects a call."""


@dataclass
class RecordingCloud:
    """Capacity adapters that record their calls, in order.

    - ``failing``: names of calls that fail.
    - ``received``: SKUs that received stock since they were prepared.
    - ``unfinished``: SKUs whose shards have reservations, and counters whose usage may return.
    """

    calls: list[tuple[object, ...]] = field(default_factory=list)
    throughput: dict[str, dict[str, WarmThroughput]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    unfinished: set[str] = field(default_factory=set)
    received: set[str] = field(default_factory=set)

    def take_calls(self) -> list[tuple[object, ...]]:
        """Return the calls since the last :meth:`take_calls`."""
        calls, self.calls = self.calls, []
        return calls

    def _record(self, call: str, *arguments: object) -> None:
        if call in self.failing:
            raise StepError(call)
        self.calls.append((call, *arguments))

    def get(self, table: str) -> Mapping[str, WarmThroughput]:
        return self.throughput.setdefault(
            table, dict.fromkeys(UNITS_PER_ORDER[table], NEW_TABLE_THROUGHPUT)
        )

    def raise_to(self, table: str, wanted: Mapping[str, WarmThroughput]) -> None:
        self._record(
            "raise_to",
            table,
            {index: (units.reads, units.writes) for index, units in wanted.items()},
        )
        self.throughput[table].update(wanted)

    def set_environments(self, function: str, environments: int) -> None:
        self._record("set_environments", function, environments)

    def remove(self, function: str) -> None:
        self._record("remove", function)

    def reshard(self, sku: str, orders_per_second: int) -> bool:
        self._record("reshard", sku, orders_per_second)
        return orders_per_second > 0 or sku not in self.unfinished

    def rebalance(self, sku: str, orders_per_second: int) -> bool:
        if sku not in self.received:
            return False
        self._record("rebalance", sku, orders_per_second)
        self.received.discard(sku)
        return True

    def reshard_counter(
        self, counter: LimitedCounter, orders_per_second: int, at: datetime
    ) -> bool:
        self._record("reshard_counter", counter.key, orders_per_second, counter.limit)
        return counter.key not in self.unfinished

    def set(self, wake_up: WakeUp) -> None:
        self._record("set", wake_up.name, wake_up.at)

    def delete(self, name: str) -> None:
        self._record("delete", name)


@dataclass
class MemoryKitLookup:
    """See :class:`shop.peak.ports.KitLookup`."""

    kits: Mapping[str, Kit] = field(default_factory=dict)

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        return {sku: self.kits[sku] for sku in skus if sku in self.kits}


@dataclass
class MemoryWaitingRooms:
    """See :class:`shop.peak.ports.WaitingRoomRepository` and ``OpenWaitingRooms``.

    A change is visible at once.
    """

    rooms: Sequence[WaitingRoom] = ()
    version: int = 0

    def list_waiting_rooms(self) -> tuple[Sequence[WaitingRoom], int]:
        return self.rooms, self.version

    def save(self, waiting_rooms: Sequence[WaitingRoom], version: int) -> None:
        if version != self.version:
            raise VersionConflict("The rooms changed.")
        self.rooms, self.version = tuple(waiting_rooms), version + 1

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        return self.rooms


@dataclass
class MemoryTicketCounter:
    """See :class:`shop.peak.ports.TicketCounter`. ``unreachable`` simulates an outage."""

    next_numbers: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    unreachable: bool = False

    def draw(self, key: str, count: int, lowest: int) -> int:
        if self.unreachable:
            raise WaitingRoomUnavailable("the counter")
        self.writes += 1
        first = max(self.next_numbers.get(key, 0), lowest)
        self.next_numbers[key] = first + count
        return first


@dataclass
class FixedAdmissionKeys:
    """See :class:`shop.peak.ports.AdmissionKeys`. Without a valid key it is unreachable."""

    valid: tuple[bytes, ...] = (b"a key of the tests",)

    def keys(self) -> Sequence[bytes]:
        if not self.valid:
            raise WaitingRoomUnavailable("the key")
        return self.valid
