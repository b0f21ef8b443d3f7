"""Tickets and turns of a waiting room, and the check before a checkout is completed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from shop.kernel.errors import NotFound, Unavailable
from shop.kernel.frozen import frozen
from shop.peak.model.waiting_room import (
    OutagePolicy,
    QueuePosition,
    WaitingRoom,
    new_ticket,
    queue_position,
    require_admission,
    sign_admission,
    verify_admission,
    waiting_room_for,
)
from shop.peak.ports import AdmissionKeys, OpenWaitingRooms, TicketCounter, WaitingRoomUnavailable

MAX_NUMBERS_PER_DRAW = 64
"""Maximum numbers of one draw."""


@dataclass
class _NumberRange:
    """Numbers that this process has drawn and not issued; they are valid for one second."""

    second: int
    next_number: int
    end: int
    issued: int = 0


class TicketDispenser:
    """Issues the ticket numbers of one process.

    One write draws as many numbers as the process issued in the previous second. 10,000 tickets per
    second therefore cost a few hundred writes of one item instead of 10,000. Numbers that remain
    when the second ends are discarded: a number that is drawn a second later is then always higher,
    in every process, and the order of arrival holds to the second.
    """

    def __init__(self, counter: TicketCounter) -> None:
        self._counter = counter
        self._ranges: dict[str, _NumberRange] = {}

    def next_number(self, waiting_room: WaitingRoom, at: datetime) -> int:
        """Return the next number. Raises WaitingRoomUnavailable."""
        second = int(at.timestamp())
        current = self._ranges.get(waiting_room.key)
        if current is None or current.second != second or current.next_number >= current.end:
            current = self._draw_range(waiting_room, at, second, current)
            self._ranges[waiting_room.key] = current
        current.next_number += 1
        current.issued += 1
        return current.next_number - 1

    def _draw_range(
        self, waiting_room: WaitingRoom, at: datetime, second: int, before: _NumberRange | None
    ) -> _NumberRange:
        issued = 0
        if before is None or before.second < second - 1:
            count = 1  # the current load is unknown
        elif before.second == second:
            # More customers arrive than a second ago: draw as many again as were issued so far.
            count = issued = before.issued
        else:
            count = before.issued
        count = max(1, min(count, MAX_NUMBERS_PER_DRAW))
        first = self._counter.draw(waiting_room.key, count, waiting_room.lowest_number(at))
        return _NumberRange(second, first, first + count, issued)


@frozen(slots=False)
class IssuedTicket:
    """A signed ticket and its queue position."""

    ticket: str
    position: QueuePosition


def create_ticket(
    promotion_id: str,
    checkout_id: str,
    *,
    waiting_rooms: OpenWaitingRooms,
    dispenser: TicketDispenser,
    admission_keys: AdmissionKeys,
    at: datetime,
) -> IssuedTicket:
    """Issue a ticket for a checkout.

    Raises NotFound if the promotion has no open room, and Unavailable if the signing key cannot be
    read, or the counter cannot be reached and the room fails closed.
    """
    room = _find_open_room(promotion_id, waiting_rooms, at)
    # Without a key no ticket can be signed, independent of the outage policy. The checkout itself
    # then applies the policy in :func:`blocking_room`.
    key = _current_keys(admission_keys)[0]
    try:
        number = dispenser.next_number(room, at)
    except WaitingRoomUnavailable:
        if room.outage_policy is OutagePolicy.FAIL_CLOSED:
            raise _unavailable() from None
        number = room.lowest_number(at)  # admitted at once
    ticket = new_ticket(room, number, checkout_id, at)
    return IssuedTicket(sign_admission(ticket, key), queue_position(room, ticket, at, key))


def check_turn(
    promotion_id: str,
    text: str,
    *,
    waiting_rooms: OpenWaitingRooms,
    admission_keys: AdmissionKeys,
    at: datetime,
) -> QueuePosition:
    """Return the queue position of a signed ticket, without a read or a write.

    Raises NotFound, Forbidden for a forged ticket, Conflict for one that is no longer valid, and
    Unavailable without a key.
    """
    room = _find_open_room(promotion_id, waiting_rooms, at)
    keys = _current_keys(admission_keys)
    return queue_position(room, verify_admission(text, "ticket", keys), at, keys[0])


def blocking_room(
    checkout_id: str,
    variants: Collection[str],
    admission: str | None,
    *,
    waiting_rooms: OpenWaitingRooms,
    admission_keys: AdmissionKeys,
    at: datetime,
) -> WaitingRoom | None:
    """Return the room that a checkout must pass before it completes, or ``None``.

    Raises Forbidden for an admission that is forged or belongs to another checkout, Conflict for an
    expired one, and Unavailable if it cannot be verified and the room fails closed.
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
            raise _unavailable() from None
    return None


def _current_keys(admission_keys: AdmissionKeys) -> tuple[bytes, ...]:
    try:
        return tuple(admission_keys.keys())
    except WaitingRoomUnavailable:
        raise _unavailable() from None


def _find_open_room(
    promotion_id: str, waiting_rooms: OpenWaitingRooms, at: datetime
) -> WaitingRoom:
    for room in waiting_rooms.list_open(at):
        if room.promotion_id == promotion_id:
            return room
    raise NotFound("This promotion has no open waiting room. Complete the checkout directly.")


def _unavailable() -> Unavailable:
    return Unavailable(
        "The waiting room is unavailable. Please try again.", code="waiting_room_unreachable"
    )
