"""Administration of waiting rooms: open, change, close."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import NotFound
from shop.peak.model.waiting_room import WaitingRoom, WaitingRoomSettings
from shop.peak.ports import WaitingRoomRepository
from shop.pricing.ports import PromotionRepository


def set_waiting_room(
    promotion_id: str,
    settings: WaitingRoomSettings,
    *,
    actor: str,
    reason: str,
    promotions: PromotionRepository,
    repository: WaitingRoomRepository,
    at: datetime,
) -> WaitingRoom:
    """Open a promotion's waiting room, or change the open one from now on.

    Checkouts with the promotion's products and variants wait in it, or every checkout if the
    promotion names none. Raises NotFound, InvalidRequest and VersionConflict.
    """
    goods = promotions.get(promotion_id).goods
    settings.validate()
    rooms, version = repository.list_waiting_rooms()
    before = next((room for room in rooms if room.promotion_id == promotion_id), None)
    if before is None:
        # The time in the key separates this opening from earlier ones.
        key = f"{promotion_id}.{int(at.timestamp())}"
        after = WaitingRoom(promotion_id, key, settings.admissions_per_second, at)
    else:
        # The key stays, so tickets keep their numbers; only the rate changes.
        after = before.with_rate(settings.admissions_per_second, at)
    # The check knows a checkout's variants but not their categories, so a promotion on categories
    # applies to every checkout.
    after = replace(
        after,
        products=goods.products if not goods.categories else (),
        variants=goods.variants if not goods.categories else (),
        outage_policy=settings.outage_policy,
        purchase_window_seconds=settings.purchase_window_seconds,
        actor=actor,
        reason=reason,
    )
    repository.save([*_others(rooms, promotion_id), after], version)
    return after


def delete_waiting_room(promotion_id: str, *, repository: WaitingRoomRepository) -> None:
    """Close a waiting room; its checkouts may complete. Raises NotFound and VersionConflict."""
    rooms, version = repository.list_waiting_rooms()
    others = _others(rooms, promotion_id)
    if len(others) == len(rooms):
        raise NotFound(f"Promotion {promotion_id!r} has no waiting room. Open one first.")
    repository.save(others, version)


def _others(waiting_rooms: Sequence[WaitingRoom], promotion_id: str) -> list[WaitingRoom]:
    return [room for room in waiting_rooms if room.promotion_id != promotion_id]
