"""Ports of the traffic peak use cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # each handler loads only the models that it uses
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
    """The kill switches and the log of their changes."""

    def states(self) -> SwitchStates:
        """Return the current states, by a consistent read."""

    def save(self, before: SwitchStates, after: SwitchStates, change: SwitchChange) -> SwitchStates:
        """Write the states and the change in one transaction. Raises VersionConflict."""

    def list_changes(self, *, cursor: str | None, limit: int) -> Page[SwitchChange]:
        """Return the changes, newest first. Raises InvalidRequest for an unknown cursor."""


class TableThroughput(Protocol):
    """The warm throughput of DynamoDB tables."""

    def get(self, table: str) -> Mapping[str, WarmThroughput]:
        """Return the warm throughput of a table (``""``) and its indexes."""

    def raise_to(self, table: str, wanted: Mapping[str, WarmThroughput]) -> None:
        """Raise the warm throughput. It takes minutes, is billed once and cannot be undone."""


class ProvisionedConcurrency(Protocol):
    """Provisioned concurrency of the Lambda functions that customers call."""

    def set_environments(self, function: str, environments: int) -> None:
        """Provision this many environments; AWS bills each per second."""

    def remove(self, function: str) -> None:
        """Remove a function's provisioned concurrency, if it has any."""


class WakeUpScheduler(Protocol):
    """One-off schedules that run the reconciliation."""

    def set(self, wake_up: WakeUp) -> None:
        """Create a wake-up, or move the one with this name."""

    def delete(self, name: str) -> None:
        """Delete a wake-up, if it exists and has not run."""


class ShardManager(Protocol):
    """The stock shards of hot SKUs."""

    def reshard(self, sku: str, orders_per_second: int) -> bool:
        """Split a SKU's stock for this rate; 0 merges it.

        Returns whether it is finished: a shard with reservations cannot be merged yet. A SKU
        without stock is finished.
        """

    def rebalance(self, sku: str, orders_per_second: int) -> bool:
        """Split stock that was received after the preparation. Returns whether shards changed."""


class KitLookup(Protocol):
    """Kits by SKU."""

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        """Return the kits among these SKUs."""


class CounterSharding(Protocol):
    """The shards of usage counters that all orders of a peak write."""

    def reshard_counter(
        self, counter: LimitedCounter, orders_per_second: int, at: datetime
    ) -> bool:
        """Split a counter's remaining usage for this rate; 0 merges it.

        Returns whether it is finished; otherwise it must be called again later.
        """


class CapacityStateStore(Protocol):
    """The record of provisioned capacity."""

    def load(self) -> ProvisionedCapacity:
        """Return the record by a consistent read; an empty one before the first run."""

    def save(self, before: ProvisionedCapacity, after: ProvisionedCapacity) -> ProvisionedCapacity:
        """Write the record with the next version. Raises VersionConflict."""


class TrafficPeakCalendar(Protocol):
    """The traffic peaks of promotions."""

    def list_peaks(self) -> Sequence[TrafficPeak]:
        """Return the peaks of all published promotions that staff have not ended."""


class WaitingRoomUnavailable(Exception):
    """The counter or the signing key of a waiting room cannot be reached."""


class OpenWaitingRooms(Protocol):
    """The open waiting rooms, as customers' requests read them."""

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        """Return the open rooms from a cache, at most five seconds old."""


class WaitingRoomRepository(Protocol):
    """The open waiting rooms, as staff change them."""

    def list_waiting_rooms(self) -> tuple[Sequence[WaitingRoom], int]:
        """Return the open rooms and their version, by a consistent read."""

    def save(self, waiting_rooms: Sequence[WaitingRoom], version: int) -> None:
        """Replace all rooms, if the version is still this one. Raises VersionConflict."""


class TicketCounter(Protocol):
    """The counter of a waiting room: each number is drawn at most once."""

    def draw(self, key: str, count: int, lowest: int) -> int:
        """Draw ``count`` consecutive numbers, none below ``lowest``, and return the first.

        Raises WaitingRoomUnavailable.
        """


class AdmissionKeys(Protocol):
    """The signing keys of tickets and admissions."""

    def keys(self) -> Sequence[bytes]:
        """Return the valid keys; the first signs. Raises WaitingRoomUnavailable."""
