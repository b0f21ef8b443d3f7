"""Joining a waiting room, asking for one's turn, and the guard at the till."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from shop.kernel.errors import NotFound, Unavailable
from shop.kernel.frozen import frozen
from shop.peak.model.rooms import (
    Blind,
    Pass,
    Place,
    Room,
    admitted,
    place,
    read,
    room_for,
    signed,
    ticket,
)
from shop.peak.ports import Counter, Keys, Rooms, Unreachable

MOST_AT_ONCE = 64
"""Numbers that a process draws in one go."""


@dataclass
class _Lot:
    """Numbers this process drew and has not handed out; they are good for one second."""

    second: int
    following: int
    end: int
    handed_out: int = 0


class Desk:
    """Hands out the numbers of one process.

    It draws as many at once as it handed out in the second before, so a rush of 10,000 joins a
    second costs a few hundred writes of one row, not 10,000. What is left over when the second ends
    is thrown away: so a number drawn a second later is always a higher one, whichever process drew
    it, and the order of arrival holds to the second.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._lots: dict[str, _Lot] = {}

    def number(self, room: Room, at: datetime) -> int:
        """The next number. Raises Unreachable."""
        second = int(at.timestamp())
        lot = self._lots.get(room.key)
        if lot is None or lot.second != second or lot.following >= lot.end:
            lot = self._lots[room.key] = self._drawn(room, at, second, lot)
        lot.following += 1
        lot.handed_out += 1
        return lot.following - 1

    def _drawn(self, room: Room, at: datetime, second: int, before: _Lot | None) -> _Lot:
        handed_out = 0
        if before is None or before.second < second - 1:
            many = 1
        elif before.second == second:  # more come than a second ago
            many = handed_out = before.handed_out
        else:
            many = before.handed_out
        many = max(1, min(many, MOST_AT_ONCE))
        first = self._counter.draw(room.key, many, room.lowest(at))
        return _Lot(second, first, first + many, handed_out)


@frozen(slots=False)
class Joined:
    """A ticket, and where its holder stands."""

    ticket: str
    place: Place


def join(
    promotion_id: str, holder: str, *, rooms: Rooms, desk: Desk, keys: Keys, at: datetime
) -> Joined:
    """Take a ticket for a checkout. Raises NotFound where there is no such room, and Unavailable
    where its counter cannot be reached and nobody is let in then.
    """
    room = _open(promotion_id, rooms, at)
    try:
        key = keys.keys()[0]
    except Unreachable:
        raise _closed() from None  # without a key no pass could be written; the till decides
    try:
        number = desk.number(room, at)
    except Unreachable:
        if room.when_blind is Blind.CLOSED:
            raise _closed() from None
        number = room.lowest(at)  # let in at once
    drawn = ticket(room, number, holder, at)
    return Joined(signed(drawn, key), place(room, drawn, at, key))


def ask_for_turn(promotion_id: str, text: str, *, rooms: Rooms, keys: Keys, at: datetime) -> Place:
    """Where a ticket stands. Reads and writes nothing.

    Raises NotFound, Forbidden for a forged ticket, Conflict for one that is worth nothing any more.
    """
    room = _open(promotion_id, rooms, at)
    known = _known(keys)
    shown: Pass = read(text, "ticket", known)
    return place(room, shown, at, known[0])


def held_back(
    checkout_id: str,
    variants: Collection[str],
    admission: str | None,
    *,
    rooms: Rooms,
    keys: Keys,
    at: datetime,
) -> Room | None:
    """The room that a checkout has to wait in before it may buy, if it has to.

    Raises Forbidden for an admission that is forged or somebody else's, Conflict for one that has
    expired, Unavailable where it cannot be judged and nobody is let in then.
    """
    room = room_for(rooms.open(at), variants)
    if room is None:
        return None
    if admission is None:
        return room
    try:
        admitted(room, admission, checkout_id, at, keys.keys())
    except Unreachable:
        if room.when_blind is Blind.CLOSED:
            raise _closed() from None
    return None


def _known(keys: Keys) -> tuple[bytes, ...]:
    try:
        return tuple(keys.keys())
    except Unreachable:
        raise _closed() from None


def _open(promotion_id: str, rooms: Rooms, at: datetime) -> Room:
    for room in rooms.open(at):
        if room.promotion_id == promotion_id:
            return room
    raise NotFound("there is no waiting room of that name; go on to the checkout")


def _closed() -> Unavailable:
    return Unavailable(
        "the waiting room cannot be reached; try again in a moment", code="waiting_room_unreachable"
    )
