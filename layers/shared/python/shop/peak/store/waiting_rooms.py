"""Waiting rooms: one row with all that are open, and a counter for each."""

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
    """The rooms (``ROOMS``/``NOW``), or the counter of one (``QUEUE#<key>``/``NOW``)."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    next_number = NumberAttribute(null=True)
    """On a counter: the next number."""


class DynamoWaitingRoomRepository:
    """See :class:`shop.peak.ports.WaitingRoomRepository`."""

    def list_rooms(self, *, consistent: bool = True) -> tuple[Sequence[WaitingRoom], int]:
        try:
            row = WaitingRoomRow.get(ROOMS, NOW, consistent_read=consistent)
        except WaitingRoomRow.DoesNotExist:
            return (), 0
        return tuple(_room(told) for told in row.doc), int(row.version)

    def save(self, waiting_rooms: Sequence[WaitingRoom], version: int) -> None:
        row = WaitingRoomRow(
            ROOMS, NOW, version=version + 1, doc=[_told(room) for room in waiting_rooms]
        )
        unchanged = (
            WaitingRoomRow.version == version if version else WaitingRoomRow.pk.does_not_exist()
        )
        try:
            DynamoUnitOfWork().commit(lambda writes: writes.save(row, unchanged))
        except ConditionFailed:
            raise VersionConflict("somebody else changed a waiting room at this moment") from None


class WaitingRoomCache:
    """See :class:`shop.peak.ports.OpenWaitingRooms`. Where they cannot be read, what was known holds on; a
    process that never knew any lets everybody pass."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a cold start."""
        self._rooms: Sequence[WaitingRoom] = ()
        self._asked: datetime | None = None

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        if self._asked is None or not timedelta(0) <= at - self._asked < ROOMS_CACHE_TTL:
            self._asked = at
            with suppress(PynamoDBException, BotoCoreError):
                self._rooms, _ = DynamoWaitingRoomRepository().list_rooms(consistent=False)
        return self._rooms


@lru_cache(maxsize=1)
def waiting_rooms() -> WaitingRoomCache:
    """The rooms as this process knows them."""
    return WaitingRoomCache()


class DynamoTicketCounter:
    """See :class:`shop.peak.ports.TicketCounter`.

    A plain update of one row, 1,000 of which a partition takes a second. One that the SDK applied
    twice because an answer was lost wastes numbers, and hands none out twice.
    """

    def draw(self, key: str, many: int, lowest: int) -> int:
        row = WaitingRoomRow(f"{QUEUE}#{key}", NOW)
        try:
            for _ in range(MAX_ATTEMPTS):
                ahead = WaitingRoomRow.next_number >= lowest
                if self._updated(
                    row, WaitingRoomRow.next_number.set(WaitingRoomRow.next_number + many), ahead
                ):
                    return int(row.next_number) - many
                behind = WaitingRoomRow.next_number.does_not_exist() | (
                    WaitingRoomRow.next_number < lowest
                )
                if self._updated(row, WaitingRoomRow.next_number.set(lowest + many), behind):
                    return lowest
        except (PynamoDBException, BotoCoreError) as fault:
            raise WaitingRoomUnavailable(str(fault)) from fault
        raise WaitingRoomUnavailable("others were faster every time")

    @staticmethod
    def _updated(row: WaitingRoomRow, action: Any, condition: Any) -> bool:
        try:
            row.update([action], condition)
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _told(waiting_room: WaitingRoom) -> dict[str, Any]:
    return {
        "promotion": waiting_room.promotion_id,
        "key": waiting_room.key,
        "admissions_per_second": waiting_room.admissions_per_second,
        "since": waiting_room.since.isoformat(),
        "passed": waiting_room.admitted_before,
        "products": list(waiting_room.products),
        "variants": list(waiting_room.variants),
        "blind": waiting_room.outage_policy.value,
        "purchase_window_seconds": waiting_room.purchase_window_seconds,
        "actor": waiting_room.actor,
        "reason": waiting_room.reason,
    }


def _room(raw: dict[str, Any]) -> WaitingRoom:
    return WaitingRoom(
        promotion_id=raw["promotion"],
        key=raw["key"],
        admissions_per_second=raw["admissions_per_second"],
        since=datetime.fromisoformat(raw["since"]),
        admitted_before=float(raw["passed"]),
        products=tuple(raw["products"]),
        variants=tuple(raw["variants"]),
        outage_policy=OutagePolicy(raw["blind"]),
        purchase_window_seconds=raw["purchase_window_seconds"],
        actor=raw["actor"],
        reason=raw["reason"],
    )
