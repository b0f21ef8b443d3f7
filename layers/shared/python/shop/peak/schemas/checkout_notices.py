"""The notice of a waiting room in a checkout's response.

Plain functions without pydantic: the Lambdas of a checkout import this module.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shop.peak.model.waiting_room import WaitingRoom, waiting_room_for

ADMISSION_HEADER = "waiting-room-admission"
"""The header that carries the admission of a checkout."""


def waiting_room_url(waiting_room: WaitingRoom, shop_url: str) -> str:
    """Return the URL at which shoppers read a waiting room."""
    return f"{shop_url}/waiting-rooms/{waiting_room.promotion_id}"


def with_waiting_room_notice(
    view: Mapping[str, Any], waiting_rooms: Sequence[WaitingRoom], shop_url: str
) -> Mapping[str, Any]:
    """Return a checkout's response with a notice if its goods have a waiting room."""
    # A completed or canceled checkout waits no more.
    if view.get("status") not in ("incomplete", "ready_for_complete"):
        return view
    variants = [line["item"]["id"] for line in view.get("line_items", ())]
    room = waiting_room_for(waiting_rooms, variants)
    if room is None:
        return view
    notice = {
        "type": "info",
        "code": "waiting_room",
        "content": "High demand. Join the waiting room at "
        f"{waiting_room_url(room, shop_url)} before you buy.",
    }
    return {**view, "messages": [*view.get("messages", ()), notice]}
