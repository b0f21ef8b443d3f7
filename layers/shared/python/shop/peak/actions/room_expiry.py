"""Expiry of waiting rooms: a room lasts no longer than its promotion."""

from collections.abc import Sequence
from datetime import datetime

from shop.kernel.errors import NotFound, VersionConflict
from shop.peak.actions.waiting_rooms import delete_waiting_room
from shop.peak.model.waiting_room import WaitingRoom
from shop.peak.ports import OpenWaitingRooms, WaitingRoomRepository
from shop.pricing.model.promotions import PromotionStatus
from shop.pricing.ports import PromotionRepository, RuleSetSource

ACTIVE = (PromotionStatus.SCHEDULED, PromotionStatus.RUNNING)
"""A room applies before its promotion begins as well, so that early customers queue."""


class ActiveWaitingRooms:
    """Open waiting rooms whose promotion is scheduled or running.

    See :class:`shop.peak.ports.OpenWaitingRooms`. Rooms and rule set come from caches, so the check
    costs a checkout no read.
    """

    def __init__(self, waiting_rooms: OpenWaitingRooms, rule_sets: RuleSetSource) -> None:
        self._rooms = waiting_rooms
        self._rule_sets = rule_sets

    def list_open(self, at: datetime) -> Sequence[WaitingRoom]:
        rooms = self._rooms.list_open(at)
        if not rooms:
            return rooms  # the usual case: the rule set is not needed
        promotions = self._rule_sets.rules(at).promotions
        active = {promotion.id for promotion in promotions if promotion.status(at) in ACTIVE}
        return [room for room in rooms if room.promotion_id in active]


def close_expired_rooms(
    *, promotions: PromotionRepository, repository: WaitingRoomRepository, at: datetime
) -> list[str]:
    """Close the waiting rooms of ended promotions, and return the promotions' ids."""
    closed = []
    for room in repository.list_waiting_rooms()[0]:
        try:
            if promotions.get(room.promotion_id).status(at) is PromotionStatus.ENDED:
                delete_waiting_room(room.promotion_id, repository=repository)
                closed.append(room.promotion_id)
        except (NotFound, VersionConflict):
            continue  # changed or deleted at the same moment; the next run closes the rest
    return closed
