"""A waiting room lasts no longer than its promotion."""

from collections.abc import Sequence
from datetime import datetime

from shop.kernel.errors import NotFound, Stale
from shop.peak.actions.rooms import close_room
from shop.peak.model.rooms import Room
from shop.peak.ports import RoomBook, Rooms
from shop.pricing.model.promotions import Status
from shop.pricing.ports import Promotions, RuleBook


class RoomsInForce:
    """See :class:`shop.peak.ports.Rooms`: those whose promotion is published and not over.

    Before it begins a room holds already, so that who comes early lines up. Both are told from
    memory, so a purchase is judged by them at no cost.
    """

    def __init__(self, rooms: Rooms, book: RuleBook) -> None:
        self._rooms = rooms
        self._book = book

    def open(self, at: datetime) -> Sequence[Room]:
        found = self._rooms.open(at)
        if not found:
            return found
        promotions = self._book.rules(at).promotions
        to_come = {one.id for one in promotions if _holds(one.status(at))}
        return [room for room in found if room.promotion_id in to_come]


def _holds(status: Status) -> bool:
    return status in (Status.SCHEDULED, Status.RUNNING)


def close_rooms_over(*, promotions: Promotions, book: RoomBook, at: datetime) -> list[str]:
    """Close the rooms of promotions that are over, so that nobody waits in them; which these are.

    Where somebody else changes a room at this moment the next look does it.
    """
    closed = []
    for room in book.rooms()[0]:
        try:
            if promotions.of(room.promotion_id).status(at) is Status.ENDED:
                close_room(room.promotion_id, book=book)
                closed.append(room.promotion_id)
        except (NotFound, Stale):
            continue
    return closed
