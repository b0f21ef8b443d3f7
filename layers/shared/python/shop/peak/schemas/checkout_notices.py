"""What a checkout says of waiting rooms. No shapes: the tills need none of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shop.peak.model.waiting_room import WaitingRoom, waiting_room_for

ADMISSION_HEADER = "waiting-room-admission"
"""The header in which a checkout shows its admission."""


def waiting_room_url(waiting_room: WaitingRoom, shop_url: str) -> str:
    return f"{shop_url}/waiting-rooms/{waiting_room.promotion_id}"


def with_waiting_room_notice(
    view: Mapping[str, Any], waiting_rooms: Sequence[WaitingRoom], shop_url: str
) -> Mapping[str, Any]:
    """A checkout's answer, with a word on the waiting room that it will come to."""
    if view.get("status") not in ("incomplete", "ready_for_complete"):
        return view
    variants = [line["item"]["id"] for line in view.get("line_items", ())]
    room = waiting_room_for(waiting_rooms, variants)
    if room is None:
        return view
    notice = {
        "type": "info",
        "code": "waiting_room",
        "content": "many want this: join the waiting room at "
        f"{waiting_room_url(room, shop_url)} before you buy",
    }
    return {**view, "messages": [*view.get("messages", ()), notice]}
