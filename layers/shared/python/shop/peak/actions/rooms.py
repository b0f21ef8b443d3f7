"""Opening a promotion's waiting room, changing its pace, and closing it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import Invalid, NotFound
from shop.peak.model.rooms import Blind, Room, checked_pace
from shop.peak.ports import RoomBook
from shop.pricing.ports import Promotions


def open_room(
    promotion_id: str,
    *,
    pace: int,
    stay: int,
    when_blind: Blind,
    who: str,
    why: str,
    promotions: Promotions,
    book: RoomBook,
    at: datetime,
) -> Room:
    """Open a promotion's waiting room, or change the one that is open: its pace holds from now on.

    It is for checkouts with the products and variants that the promotion names, or for every
    checkout where it names none. Raises NotFound without the promotion, Stale.
    """
    goods = promotions.of(promotion_id).goods
    checked_pace(pace)
    if not 30 <= stay <= 3600:
        raise Invalid("30 to 3600 seconds", path="$.stay")
    rooms, version = book.rooms()
    before = next((room for room in rooms if room.promotion_id == promotion_id), None)
    if before is None:
        key = f"{promotion_id}.{int(at.timestamp())}"
        after = Room(promotion_id, key, pace, at)
    else:
        after = before.paced(pace, at)
    after = replace(
        after,
        products=goods.products if not goods.categories else (),
        variants=goods.variants if not goods.categories else (),
        when_blind=when_blind,
        stay=stay,
        who=who,
        why=why,
    )
    book.keep([*_others(rooms, promotion_id), after], version)
    return after


def close_room(promotion_id: str, *, book: RoomBook) -> None:
    """Close a waiting room: whoever waits may buy. Raises NotFound, Stale."""
    rooms, version = book.rooms()
    others = _others(rooms, promotion_id)
    if len(others) == len(rooms):
        raise NotFound(f"promotion {promotion_id!r} has no waiting room")
    book.keep(others, version)


def _others(rooms: Sequence[Room], promotion_id: str) -> list[Room]:
    return [room for room in rooms if room.promotion_id != promotion_id]
