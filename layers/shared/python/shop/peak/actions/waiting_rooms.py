"""Opening a promotion's waiting room, changing its pace, and closing it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import InvalidRequest, NotFound
from shop.peak.model.waiting_room import OutagePolicy, WaitingRoom, validate_pace
from shop.peak.ports import WaitingRoomRepository
from shop.pricing.ports import PromotionRepository


def set_waiting_room(
    promotion_id: str,
    *,
    admissions_per_second: int,
    purchase_window_seconds: int,
    outage_policy: OutagePolicy,
    actor: str,
    reason: str,
    promotions: PromotionRepository,
    repository: WaitingRoomRepository,
    at: datetime,
) -> WaitingRoom:
    """Open a promotion's waiting room, or change the one that is open: its pace holds from now on.

    It is for checkouts with the products and variants that the promotion names, or for every
    checkout where it names none. Raises NotFound without the promotion, Stale.
    """
    goods = promotions.get(promotion_id).goods
    validate_pace(admissions_per_second)
    if not 30 <= purchase_window_seconds <= 3600:
        raise InvalidRequest("30 to 3600 seconds", path="$.purchase_window_seconds")
    rooms, version = repository.list_rooms()
    before = next((room for room in rooms if room.promotion_id == promotion_id), None)
    if before is None:
        key = f"{promotion_id}.{int(at.timestamp())}"
        after = WaitingRoom(promotion_id, key, admissions_per_second, at)
    else:
        after = before.with_pace(admissions_per_second, at)
    after = replace(
        after,
        products=goods.products if not goods.categories else (),
        variants=goods.variants if not goods.categories else (),
        outage_policy=outage_policy,
        purchase_window_seconds=purchase_window_seconds,
        actor=actor,
        reason=reason,
    )
    repository.save([*_others(rooms, promotion_id), after], version)
    return after


def delete_waiting_room(promotion_id: str, *, repository: WaitingRoomRepository) -> None:
    """Close a waiting room: whoever waits may buy. Raises NotFound, Stale."""
    rooms, version = repository.list_rooms()
    others = _others(rooms, promotion_id)
    if len(others) == len(rooms):
        raise NotFound(f"promotion {promotion_id!r} has no waiting room")
    repository.save(others, version)


def _others(waiting_rooms: Sequence[WaitingRoom], promotion_id: str) -> list[WaitingRoom]:
    return [room for room in waiting_rooms if room.promotion_id != promotion_id]
