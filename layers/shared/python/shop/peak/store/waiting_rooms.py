"""Waiting rooms in DynamoDB: one item with all open rooms, and a counter item for each."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException, UpdateError

from shop.kernel.errors import VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from shop.peak.model.waiting_room import OutagePolicy, WaitingRoom
from shop.peak.ports import WaitingRoomUnavailable
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.transactions import DynamoUnitOfWork

ROOMS_CACHE_TTL = timedelta(seconds=3)
ROOMS, NOW, QUEUE = "ROOMS", "NOW", "QUEUE"
MAX_ATTEMPTS = 5


class WaitingRoomRow(Row):
    """The open rooms (``ROOMS``/``NOW``), or a counter (``QUEUE#<key>``/``NOW``)."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    next_number = NumberAttribute(null=True)
    """On a counter: the number to be drawn next."""


class DynamoWaitingRoomRepository:
    """See :class:`shop.peak.ports.WaitingRoomRepository`."""

    def list_waiting_rooms(self, *, consistent: bool = True) -> tuple[Sequence[WaitingRoom], int]:
        try:
            row = WaitingRoomRow.get(ROOMS, NOW, consistent_read=consistent)
        except WaitingRoomRow.DoesNotExist:
            return (), 0
        return tuple(_room_from(raw) for raw in row.doc), int(row.version)

    def save(self, waiting_rooms: Sequence[WaitingRoom], version: int) -> None:
        row = WaitingRoomRow(
            ROOMS, NOW, version=version + 1, doc=[_to_document(room) for room in waiting_rooms]
        )
        unchanged = (
            WaitingRoomRow.version == version if version else WaitingRoomRow.pk.does_not_exist()
        )
        try:
            DynamoUnitOfWork().commit(lambda transaction: transaction.save(row, unchanged))
        except ConditionFailed:
            raise VersionConflict(
                "Waiting rooms were changed at the same moment. Read them and try again."
            ) from None


class WaitingRoomCache:
    """Open rooms as this process knows them. See :class:`shop.peak.ports.OpenWaitingRooms`.

    If they cannot be read, the last known rooms stay in force. A process that has never read them
    knows no rooms, so no checkout waits.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all rooms, as after a cold start."""
        self._rooms: Sequence[WaitingRoom] = ()
        self._read_at: datetime | None = None

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        if self._read_at is None or not timedelta(0) <= at - self._read_at < ROOMS_CACHE_TTL:
            # Also after a failure, so that an outage costs one read every three seconds.
            self._read_at = at
            with suppress(PynamoDBException, BotoCoreError):
                self._rooms, _ = DynamoWaitingRoomRepository().list_waiting_rooms(consistent=False)
        return self._rooms


@lru_cache(maxsize=1)
def waiting_rooms() -> WaitingRoomCache:
    """Return the cache of this process."""
    return WaitingRoomCache()


class DynamoTicketCounter:
    """See :class:`shop.peak.ports.TicketCounter`.

    A draw is an update of one item, and a partition takes 1,000 of them per second. If the SDK
    repeats an update after a lost response, numbers are wasted but none is drawn twice.
    """

    def draw(self, key: str, count: int, lowest: int) -> int:
        row = WaitingRoomRow(f"{QUEUE}#{key}", NOW)
        try:
            # Usually the first update succeeds. If the counter is new or behind the admitted
            # count, the second sets it; both fail only if another process has just changed it.
            for _ in range(MAX_ATTEMPTS):
                is_current = WaitingRoomRow.next_number >= lowest
                if self._update(
                    row,
                    WaitingRoomRow.next_number.set(WaitingRoomRow.next_number + count),
                    is_current,
                ):
                    return int(row.next_number) - count
                is_behind = WaitingRoomRow.next_number.does_not_exist() | (
                    WaitingRoomRow.next_number < lowest
                )
                if self._update(row, WaitingRoomRow.next_number.set(lowest + count), is_behind):
                    return lowest
        except (PynamoDBException, BotoCoreError) as error:
            raise WaitingRoomUnavailable(str(error)) from error
        raise WaitingRoomUnavailable(f"{MAX_ATTEMPTS} draws failed because of other processes")

    @staticmethod
    def _update(row: WaitingRoomRow, action: Any, condition: Any) -> bool:
        try:
            row.update([action], condition)
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _to_document(waiting_room: WaitingRoom) -> dict[str, Any]:
    return {
        "promotion_id": waiting_room.promotion_id,
        "key": waiting_room.key,
        "admissions_per_second": waiting_room.admissions_per_second,
        "since": waiting_room.since.isoformat(),
        "admitted_before": waiting_room.admitted_before,
        "products": list(waiting_room.products),
        "variants": list(waiting_room.variants),
        "outage_policy": waiting_room.outage_policy.value,
        "purchase_window_seconds": waiting_room.purchase_window_seconds,
        "actor": waiting_room.actor,
        "reason": waiting_room.reason,
    }


def _room_from(raw: dict[str, Any]) -> WaitingRoom:
    return WaitingRoom(
        promotion_id=raw["promotion_id"],
        key=raw["key"],
        admissions_per_second=raw["admissions_per_second"],
        since=datetime.fromisoformat(raw["since"]),
        admitted_before=float(raw["admitted_before"]),
        products=tuple(raw["products"]),
        variants=tuple(raw["variants"]),
        outage_policy=OutagePolicy(raw["outage_policy"]),
        purchase_window_seconds=raw["purchase_window_seconds"],
        actor=raw["actor"],
        reason=raw["reason"],
    )
