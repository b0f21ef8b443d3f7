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

from shop.kernel.errors import Stale
from shop.kernel.transactions import Clash
from shop.peak.model.rooms import Blind, Room
from shop.peak.ports import Unreachable
from shop.storage.documents import JsonDocument
from shop.storage.table import Row
from shop.storage.transactions import DynamoLedger

KEPT = timedelta(seconds=3)
ROOMS, NOW, QUEUE = "ROOMS", "NOW", "QUEUE"
TRIES = 5


class RoomRow(Row):
    """The rooms (``ROOMS``/``NOW``), or the counter of one (``QUEUE#<key>``/``NOW``)."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = JsonDocument(null=True)
    drawn = NumberAttribute(null=True)
    """On a counter: the next number."""


class DynamoRoomBook:
    """See :class:`shop.peak.ports.RoomBook`."""

    def rooms(self, *, consistent: bool = True) -> tuple[Sequence[Room], int]:
        try:
            row = RoomRow.get(ROOMS, NOW, consistent_read=consistent)
        except RoomRow.DoesNotExist:
            return (), 0
        return tuple(_room(told) for told in row.doc), int(row.version)

    def keep(self, rooms: Sequence[Room], version: int) -> None:
        row = RoomRow(ROOMS, NOW, version=version + 1, doc=[_told(room) for room in rooms])
        unchanged = RoomRow.version == version if version else RoomRow.pk.does_not_exist()
        try:
            DynamoLedger().commit(lambda writes: writes.save(row, unchanged))
        except Clash:
            raise Stale("somebody else changed a waiting room at this moment") from None


class DynamoRooms:
    """See :class:`shop.peak.ports.Rooms`. Where they cannot be read, what was known holds on; a
    process that never knew any lets everybody pass."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a cold start."""
        self._rooms: Sequence[Room] = ()
        self._asked: datetime | None = None

    def open(self, at: datetime) -> Sequence[Room]:
        if self._asked is None or not timedelta(0) <= at - self._asked < KEPT:
            self._asked = at
            with suppress(PynamoDBException, BotoCoreError):
                self._rooms, _ = DynamoRoomBook().rooms(consistent=False)
        return self._rooms


@lru_cache(maxsize=1)
def waiting_rooms() -> DynamoRooms:
    """The rooms as this process knows them."""
    return DynamoRooms()


class DynamoCounter:
    """See :class:`shop.peak.ports.Counter`.

    A plain update of one row, 1,000 of which a partition takes a second. One that the SDK applied
    twice because an answer was lost wastes numbers, and hands none out twice.
    """

    def draw(self, key: str, many: int, lowest: int) -> int:
        row = RoomRow(f"{QUEUE}#{key}", NOW)
        try:
            for _ in range(TRIES):
                ahead = RoomRow.drawn >= lowest
                if self._updated(row, RoomRow.drawn.set(RoomRow.drawn + many), ahead):
                    return int(row.drawn) - many
                behind = RoomRow.drawn.does_not_exist() | (RoomRow.drawn < lowest)
                if self._updated(row, RoomRow.drawn.set(lowest + many), behind):
                    return lowest
        except (PynamoDBException, BotoCoreError) as fault:
            raise Unreachable(str(fault)) from fault
        raise Unreachable("others were faster every time")

    @staticmethod
    def _updated(row: RoomRow, action: Any, condition: Any) -> bool:
        try:
            row.update([action], condition)
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _told(room: Room) -> dict[str, Any]:
    return {
        "promotion": room.promotion_id,
        "key": room.key,
        "pace": room.pace,
        "since": room.since.isoformat(),
        "passed": room.passed,
        "products": list(room.products),
        "variants": list(room.variants),
        "blind": room.when_blind.value,
        "stay": room.stay,
        "who": room.who,
        "why": room.why,
    }


def _room(told: dict[str, Any]) -> Room:
    return Room(
        promotion_id=told["promotion"],
        key=told["key"],
        pace=told["pace"],
        since=datetime.fromisoformat(told["since"]),
        passed=float(told["passed"]),
        products=tuple(told["products"]),
        variants=tuple(told["variants"]),
        when_blind=Blind(told["blind"]),
        stay=told["stay"],
        who=told["who"],
        why=told["why"],
    )
