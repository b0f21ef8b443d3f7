"""What preparing for a rush needs from the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.inventory.model.kits import Kit
    from shop.kernel.paging import Page
    from shop.kernel.switches import Board
    from shop.peak.model.flips import Flip
    from shop.peak.model.rooms import Room
    from shop.peak.model.rushes import Alarm, Kept, Limited, Rush, Warmth


class Switches(Protocol):
    """The shop's switches, and the book of who turned them."""

    def board(self) -> Board:
        """The switches as they stand now."""

    def turn(self, before: Board, after: Board, flip: Flip) -> Board:
        """Write the new board and who did it, in one. Raises Stale where somebody was faster."""

    def flips(self, *, cursor: str | None, limit: int) -> Page[Flip]:
        """Who turned what, newest first."""


class Tables(Protocol):
    """The warm throughput of the shop's tables."""

    def warm(self, table: str) -> Mapping[str, Warmth]:
        """What the table (``""``) and its indexes serve at once."""

    def raise_to(self, table: str, wanted: Mapping[str, Warmth]) -> None:
        """Warm them. It takes minutes, costs once for every unit, and cannot be undone."""


class Functions(Protocol):
    """Environments of shopper-facing Lambdas that are kept warm."""

    def keep(self, function: str, environments: int) -> None:
        """Keep so many warm from now on; AWS charges for each second of each."""

    def let_go(self, function: str) -> None:
        """Keep none warm. Does nothing where none were."""


class Clock(Protocol):
    """One-off schedules that wake the keeper."""

    def set(self, alarm: Alarm) -> None:
        """Set an alarm, or put one of that name to another time."""

    def drop(self, name: str) -> None:
        """Take an alarm away. Does nothing where it has gone off, or never was."""


class Bins(Protocol):
    """The bins of hot SKUs."""

    def prepare(self, sku: str, orders_a_second: int) -> bool:
        """Share a SKU's stock out for so many orders a second, 0 after the sale.

        Returns whether it is done: merging waits for promises to be kept. A SKU without stock is
        done.
        """

    def refill(self, sku: str, orders_a_second: int) -> bool:
        """Share out what has come since it was prepared for so many. Returns whether that took
        more bins; most often there is nothing to do."""


class KnownKits(Protocol):
    """Which SKUs are taken from stock as their parts."""

    def among(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        """Those of the SKUs that are kits."""


class Counts(Protocol):
    """The bins of counts that a whole rush meets in: a sale's quota, the uses of a code."""

    def share(self, count: Limited, orders_a_second: int, at: datetime) -> bool:
        """Share what is left of it out for so many orders a second, 0 after the rush.

        Returns whether it is done; else it has to be looked at again.
        """


class Memory(Protocol):
    """Where it is written down what was set up."""

    def kept(self) -> Kept: ...

    def keep(self, before: Kept, after: Kept) -> Kept:
        """Write it down, a version further. Raises Stale where somebody else was faster."""


class Rushes(Protocol):
    """The rushes on the calendar."""

    def rushes(self) -> Sequence[Rush]:
        """Of every promotion that is published and not called off."""


class Unreachable(Exception):
    """The room's counter or key cannot be reached."""


class Rooms(Protocol):
    """The waiting rooms that are open."""

    def open(self, at: datetime) -> Sequence[Room]:
        """Those open, from memory: at most five seconds older than the last change."""


class RoomBook(Protocol):
    """The waiting rooms as staff keep them."""

    def rooms(self) -> tuple[Sequence[Room], int]:
        """Those open, as last written, and the version of that."""

    def keep(self, rooms: Sequence[Room], version: int) -> None:
        """Write them, if that is still the version. Raises Stale."""


class Counter(Protocol):
    """Draws numbers: each is drawn once, whoever draws and whatever is retried."""

    def draw(self, key: str, many: int, lowest: int) -> int:
        """So many numbers in a row, the first of which is returned: none below ``lowest``, none
        that was drawn before. Raises Unreachable."""


class Keys(Protocol):
    """What passes are signed with: the first signs, all of them are believed."""

    def keys(self) -> Sequence[bytes]:
        """Raises Unreachable."""
