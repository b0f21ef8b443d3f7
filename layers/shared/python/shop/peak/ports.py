"""What preparing for a rush needs from the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.inventory.model.kits import Kit
    from shop.kernel.kill_switches import SwitchStates
    from shop.kernel.pagination import Page
    from shop.peak.model.switch_changes import SwitchChange
    from shop.peak.model.traffic_peaks import (
        LimitedCounter,
        ProvisionedCapacity,
        TrafficPeak,
        WakeUp,
        WarmThroughput,
    )
    from shop.peak.model.waiting_room import WaitingRoom


class SwitchRepository(Protocol):
    """The shop's switches, and the book of who turned them."""

    def states(self) -> SwitchStates:
        """The switches as they stand now."""

    def save(self, before: SwitchStates, after: SwitchStates, change: SwitchChange) -> SwitchStates:
        """Write the new board and who did it, in one. Raises Stale where somebody was faster."""

    def list_changes(self, *, cursor: str | None, limit: int) -> Page[SwitchChange]:
        """Who turned what, newest first."""


class TableThroughput(Protocol):
    """The warm throughput of the shop's tables."""

    def get(self, table: str) -> Mapping[str, WarmThroughput]:
        """What the table (``""``) and its indexes serve at once."""

    def raise_to(self, table: str, wanted: Mapping[str, WarmThroughput]) -> None:
        """Warm them. It takes minutes, costs once for every unit, and cannot be undone."""


class ProvisionedConcurrency(Protocol):
    """Environments of shopper-facing Lambdas that are kept warm."""

    def set_environments(self, function: str, environments: int) -> None:
        """Keep so many warm from now on; AWS charges for each second of each."""

    def remove(self, function: str) -> None:
        """Keep none warm. Does nothing where none were."""


class WakeUpScheduler(Protocol):
    """One-off schedules that wake the keeper."""

    def set(self, alarm: WakeUp) -> None:
        """Set an alarm, or put one of that name to another time."""

    def delete(self, name: str) -> None:
        """Take an alarm away. Does nothing where it has gone off, or never was."""


class ShardManager(Protocol):
    """The bins of hot SKUs."""

    def reshard(self, sku: str, orders_per_second: int) -> bool:
        """Share a SKU's stock out for so many orders a second, 0 after the sale.

        Returns whether it is done: merging waits for promises to be kept. A SKU without stock is
        done.
        """

    def rebalance(self, sku: str, orders_per_second: int) -> bool:
        """Share out what has come since it was prepared for so many. Returns whether that took
        more bins; most often there is nothing to do."""


class KitLookup(Protocol):
    """Which SKUs are taken from stock as their parts."""

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        """Those of the SKUs that are kits."""


class CounterSharding(Protocol):
    """The bins of counts that a whole rush meets in: a sale's quota, the uses of a code."""

    def reshard_counter(self, count: LimitedCounter, orders_per_second: int, at: datetime) -> bool:
        """Share what is left of it out for so many orders a second, 0 after the rush.

        Returns whether it is done; else it has to be looked at again.
        """


class CapacityStateStore(Protocol):
    """Where it is written down what was set up."""

    def load(self) -> ProvisionedCapacity: ...

    def save(self, before: ProvisionedCapacity, after: ProvisionedCapacity) -> ProvisionedCapacity:
        """Write it down, a version further. Raises Stale where somebody else was faster."""


class TrafficPeakCalendar(Protocol):
    """The rushes on the calendar."""

    def list_peaks(self) -> Sequence[TrafficPeak]:
        """Of every promotion that is published and not called off."""


class WaitingRoomUnavailable(Exception):
    """The room's counter or key cannot be reached."""


class OpenWaitingRooms(Protocol):
    """The waiting rooms that are open."""

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        """Those open, from memory: at most five seconds older than the last change."""


class WaitingRoomRepository(Protocol):
    """The waiting rooms as staff keep them."""

    def list_rooms(self) -> tuple[Sequence[WaitingRoom], int]:
        """Those open, as last written, and the version of that."""

    def save(self, waiting_rooms: Sequence[WaitingRoom], version: int) -> None:
        """Write them, if that is still the version. Raises Stale."""


class TicketCounter(Protocol):
    """Draws numbers: each is drawn once, whoever draws and whatever is retried."""

    def draw(self, key: str, many: int, lowest: int) -> int:
        """So many numbers in a row, the first of which is returned: none below ``lowest``, none
        that was drawn before. Raises Unreachable."""


class AdmissionKeys(Protocol):
    """What passes are signed with: the first signs, all of them are believed."""

    def keys(self) -> Sequence[bytes]:
        """Raises Unreachable."""
