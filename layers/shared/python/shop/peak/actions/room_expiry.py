"""A waiting room lasts no longer than its promotion."""

from collections.abc import Sequence
from datetime import datetime

from shop.kernel.errors import NotFound, VersionConflict
from shop.peak.actions.waiting_rooms import delete_waiting_room
from shop.peak.model.waiting_room import WaitingRoom
from shop.peak.ports import OpenWaitingRooms, WaitingRoomRepository
from shop.pricing.model.promotions import PromotionStatus
from shop.pricing.ports import PromotionRepository, RuleSetSource


class ActiveWaitingRooms:
    """See :class:`shop.peak.ports.OpenWaitingRooms`: those whose promotion is published and not over.

    Before it begins a room holds already, so that who comes early lines up. Both are told from
    memory, so a purchase is judged by them at no cost.
    """

    def __init__(self, waiting_rooms: OpenWaitingRooms, book: RuleSetSource) -> None:
        self._rooms = waiting_rooms
        self._book = book

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        found = self._rooms.list_open(at)
        if not found:
            return found
        promotions = self._book.rules(at).promotions
        to_come = {one.id for one in promotions if _holds(one.status(at))}
        return [room for room in found if room.promotion_id in to_come]


def _holds(status: PromotionStatus) -> bool:
    return status in (PromotionStatus.SCHEDULED, PromotionStatus.RUNNING)


def close_expired_rooms(
    *, promotions: PromotionRepository, repository: WaitingRoomRepository, at: datetime
) -> list[str]:
    """Close the rooms of promotions that are over, so that nobody waits in them; which these are.

    Where somebody else changes a room at this moment the next look does it.
    """
    closed = []
    for room in repository.list_rooms()[0]:
        try:
            if promotions.get(room.promotion_id).status(at) is PromotionStatus.ENDED:
                delete_waiting_room(room.promotion_id, repository=repository)
                closed.append(room.promotion_id)
        except (NotFound, VersionConflict):
            continue
    return closed
