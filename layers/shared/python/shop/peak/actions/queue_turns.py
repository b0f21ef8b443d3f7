"""Joining a waiting room, asking for one's turn, and the guard at the till."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from shop.kernel.errors import NotFound, Unavailable
from shop.kernel.frozen import frozen
from shop.peak.model.waiting_room import (
    Admission,
    OutagePolicy,
    QueuePosition,
    WaitingRoom,
    queue_position,
    require_admission,
    sign_admission,
    ticket,
    verify_admission,
    waiting_room_for,
)
from shop.peak.ports import AdmissionKeys, OpenWaitingRooms, TicketCounter, WaitingRoomUnavailable

MAX_NUMBERS_PER_DRAW = 64
"""Numbers that a process draws in one go."""


@dataclass
class _Lot:
    """Numbers this process drew and has not handed out; they are good for one second."""

    second: int
    following: int
    end: int
    handed_out: int = 0


class TicketDispenser:
    """Hands out the numbers of one process.

    It draws as many at once as it handed out in the second before, so a rush of 10,000 joins a
    second costs a few hundred writes of one row, not 10,000. What is left over when the second ends
    is thrown away: so a number drawn a second later is always a higher one, whichever process drew
    it, and the order of arrival holds to the second.
    """

    def __init__(self, counter: TicketCounter) -> None:
        self._counter = counter
        self._lots: dict[str, _Lot] = {}

    def next_number(self, waiting_room: WaitingRoom, at: datetime) -> int:
        """The next number. Raises Unreachable."""
        second = int(at.timestamp())
        lot = self._lots.get(waiting_room.key)
        if lot is None or lot.second != second or lot.following >= lot.end:
            lot = self._lots[waiting_room.key] = self._drawn(waiting_room, at, second, lot)
        lot.following += 1
        lot.handed_out += 1
        return lot.following - 1

    def _drawn(
        self, waiting_room: WaitingRoom, at: datetime, second: int, before: _Lot | None
    ) -> _Lot:
        handed_out = 0
        if before is None or before.second < second - 1:
            many = 1
        elif before.second == second:  # more come than a second ago
            many = handed_out = before.handed_out
        else:
            many = before.handed_out
        many = max(1, min(many, MAX_NUMBERS_PER_DRAW))
        first = self._counter.draw(waiting_room.key, many, waiting_room.lowest_number(at))
        return _Lot(second, first, first + many, handed_out)


@frozen(slots=False)
class IssuedTicket:
    """A ticket, and where its holder stands."""

    ticket: str
    place: QueuePosition


def create_ticket(
    promotion_id: str,
    holder: str,
    *,
    waiting_rooms: OpenWaitingRooms,
    desk: TicketDispenser,
    admission_keys: AdmissionKeys,
    at: datetime,
) -> IssuedTicket:
    """Take a ticket for a checkout. Raises NotFound where there is no such room, and Unavailable
    where its counter cannot be reached and nobody is let in then.
    """
    room = _open(promotion_id, waiting_rooms, at)
    try:
        key = admission_keys.keys()[0]
    except WaitingRoomUnavailable:
        raise _closed() from None  # without a key no pass could be written; the till decides
    try:
        number = desk.next_number(room, at)
    except WaitingRoomUnavailable:
        if room.outage_policy is OutagePolicy.FAIL_CLOSED:
            raise _closed() from None
        number = room.lowest_number(at)  # let in at once
    drawn = ticket(room, number, holder, at)
    return IssuedTicket(sign_admission(drawn, key), queue_position(room, drawn, at, key))


def check_turn(
    promotion_id: str,
    text: str,
    *,
    waiting_rooms: OpenWaitingRooms,
    admission_keys: AdmissionKeys,
    at: datetime,
) -> QueuePosition:
    """Where a ticket stands. Reads and writes nothing.

    Raises NotFound, Forbidden for a forged ticket, Conflict for one that is worth nothing any more.
    """
    room = _open(promotion_id, waiting_rooms, at)
    known = _known(admission_keys)
    shown: Admission = verify_admission(text, "ticket", known)
    return queue_position(room, shown, at, known[0])


def blocking_room(
    checkout_id: str,
    variants: Collection[str],
    admission: str | None,
    *,
    waiting_rooms: OpenWaitingRooms,
    admission_keys: AdmissionKeys,
    at: datetime,
) -> WaitingRoom | None:
    """The room that a checkout has to wait in before it may buy, if it has to.

    Raises Forbidden for an admission that is forged or somebody else's, Conflict for one that has
    expired, Unavailable where it cannot be judged and nobody is let in then.
    """
    room = waiting_room_for(waiting_rooms.list_open(at), variants)
    if room is None:
        return None
    if admission is None:
        return room
    try:
        require_admission(room, admission, checkout_id, at, admission_keys.keys())
    except WaitingRoomUnavailable:
        if room.outage_policy is OutagePolicy.FAIL_CLOSED:
            raise _closed() from None
    return None


def _known(admission_keys: AdmissionKeys) -> tuple[bytes, ...]:
    try:
        return tuple(admission_keys.keys())
    except WaitingRoomUnavailable:
        raise _closed() from None


def _open(promotion_id: str, waiting_rooms: OpenWaitingRooms, at: datetime) -> WaitingRoom:
    for room in waiting_rooms.list_open(at):
        if room.promotion_id == promotion_id:
            return room
    raise NotFound("there is no waiting room of that name; go on to the checkout")


def _closed() -> Unavailable:
    return Unavailable(
        "the waiting room cannot be reached; try again in a moment", code="waiting_room_unreachable"
    )
