"""Waiting rooms, as staff keep them and shoppers wait in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.peak.actions.waiting import Joined
from shop.peak.model.rooms import Blind, Place, Room
from shop.peak.wire.signs import room_url

SLOWEST_POLL = 30
"""Seconds: whoever waits long asks seldom."""

CheckoutId = Annotated[str, StringConstraints(pattern=r"^chk_[a-z2-7]{26}$")]
Signed = Annotated[str, StringConstraints(min_length=10, max_length=1000)]


class RoomBody(BaseModel):
    """``pace``: checkouts let in a second, 0 for none. ``stay``: seconds to buy once let in.
    ``when_unreachable``: who is let in while the room's own means cannot be reached.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    pace: Annotated[int, Field(ge=0, le=20_000)]
    stay: Annotated[int, Field(ge=30, le=3600)] = 600
    when_unreachable: Annotated[Blind, Field(strict=False)] = Blind.OPEN
    why: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class View(BaseModel):
    """Built when the first one is made, not when the door opens."""

    model_config = ConfigDict(defer_build=True)


class RoomView(View):
    promotion_id: str
    pace: int
    stay: int
    when_unreachable: Blind
    products: list[str]
    variants: list[str]
    whole_checkout: bool
    """Every checkout waits, since the promotion names no products and variants."""
    let_in: int
    """Numbers let in so far, those included that nobody drew."""
    since: datetime
    who: str
    why: str

    @classmethod
    def of(cls, room: Room, at: datetime) -> "RoomView":
        return cls(
            promotion_id=room.promotion_id,
            pace=room.pace,
            stay=room.stay,
            when_unreachable=room.when_blind,
            products=list(room.products),
            variants=list(room.variants),
            whole_checkout=not (room.products or room.variants),
            let_in=int(room.count(at)),
            since=room.since,
            who=room.who,
            why=room.why,
        )


class RoomsView(View):
    waiting_rooms: list[RoomView]

    @classmethod
    def of(cls, rooms: Sequence[Room], at: datetime) -> "RoomsView":
        return cls(waiting_rooms=[RoomView.of(room, at) for room in rooms])


class JoinBody(BaseModel):
    """The checkout that waits: its admission will open no other."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    checkout_id: CheckoutId


class TurnBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    ticket: Signed


class PlaceView(View):
    """Where somebody stands. ``poll_after``: seconds after which to ask again."""

    admitted: bool
    ahead: int
    seconds: int | None = None
    """About how long it takes; absent while nobody is let in."""
    poll_after: int | None = None
    admission: str | None = None
    """To be sent with the purchase, in the header ``Waiting-Room-Admission``."""

    @classmethod
    def of(cls, place: Place) -> "PlaceView":
        return cls(**_place(place))


class TicketView(PlaceView):
    ticket: str

    @classmethod
    def joined(cls, joined: Joined) -> "TicketView":
        return cls(ticket=joined.ticket, **_place(joined.place))


def _place(place: Place) -> dict[str, Any]:
    waits = place.admission is None
    soon = SLOWEST_POLL if place.seconds is None else max(1, min(place.seconds, SLOWEST_POLL))
    return {
        "admitted": not waits,
        "ahead": place.ahead,
        "seconds": place.seconds,
        "poll_after": soon if waits else None,
        "admission": place.admission,
    }


class OpenRoomView(View):
    """A waiting room as shoppers see it: how fast it goes, and how to join."""

    promotion_id: str
    pace: int
    join: str

    @classmethod
    def of(cls, room: Room, shop_url: str) -> "OpenRoomView":
        return cls(
            promotion_id=room.promotion_id,
            pace=room.pace,
            join=room_url(room, shop_url) + "/tickets",
        )
