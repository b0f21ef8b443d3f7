"""What a checkout says of waiting rooms. No shapes: the tills need none of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shop.peak.model.rooms import Room, room_for

ADMISSION = "waiting-room-admission"
"""The header in which a checkout shows its admission."""


def room_url(room: Room, shop_url: str) -> str:
    return f"{shop_url}/waiting-rooms/{room.promotion_id}"


def announced(view: Mapping[str, Any], rooms: Sequence[Room], shop_url: str) -> Mapping[str, Any]:
    """A checkout's answer, with a word on the waiting room that it will come to."""
    if view.get("status") not in ("incomplete", "ready_for_complete"):
        return view
    variants = [line["item"]["id"] for line in view.get("line_items", ())]
    room = room_for(rooms, variants)
    if room is None:
        return view
    said = {
        "type": "info",
        "code": "waiting_room",
        "content": "many want this: join the waiting room at "
        f"{room_url(room, shop_url)} before you buy",
    }
    return {**view, "messages": [*view.get("messages", ()), said]}
