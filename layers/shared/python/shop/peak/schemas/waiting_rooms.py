"""Waiting rooms, as staff keep them and shoppers wait in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.peak.actions.queue_turns import IssuedTicket
from shop.peak.model.waiting_room import OutagePolicy, QueuePosition, WaitingRoom
from shop.peak.schemas.checkout_notices import waiting_room_url

MAX_POLL_SECONDS = 30
"""Seconds: whoever waits long asks seldom."""

CheckoutId = Annotated[str, StringConstraints(pattern=r"^chk_[a-z2-7]{26}$")]
Signed = Annotated[str, StringConstraints(min_length=10, max_length=1000)]


class WaitingRoomBody(BaseModel):
    """``pace``: checkouts let in a second, 0 for none. ``stay``: seconds to buy once let in.
    ``when_unreachable``: who is let in while the room's own means cannot be reached.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    admissions_per_second: Annotated[int, Field(ge=0, le=20_000)]
    purchase_window_seconds: Annotated[int, Field(ge=30, le=3600)] = 600
    outage_policy: Annotated[OutagePolicy, Field(strict=False)] = OutagePolicy.FAIL_OPEN
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class PeakView(BaseModel):
    """Built when the first one is made, not when the door opens."""

    model_config = ConfigDict(defer_build=True)


class StaffWaitingRoomView(PeakView):
    promotion_id: str
    admissions_per_second: int
    purchase_window_seconds: int
    outage_policy: OutagePolicy
    products: list[str]
    variants: list[str]
    whole_checkout: bool
    """Every checkout waits, since the promotion names no products and variants."""
    admitted: int
    """Numbers let in so far, those included that nobody drew."""
    since: datetime
    actor: str
    reason: str

    @classmethod
    def of(cls, waiting_room: WaitingRoom, at: datetime) -> "StaffWaitingRoomView":
        return cls(
            promotion_id=waiting_room.promotion_id,
            admissions_per_second=waiting_room.admissions_per_second,
            purchase_window_seconds=waiting_room.purchase_window_seconds,
            outage_policy=waiting_room.outage_policy,
            products=list(waiting_room.products),
            variants=list(waiting_room.variants),
            whole_checkout=not (waiting_room.products or waiting_room.variants),
            admitted=int(waiting_room.admitted_count(at)),
            since=waiting_room.since,
            actor=waiting_room.actor,
            reason=waiting_room.reason,
        )


class WaitingRoomListView(PeakView):
    waiting_rooms: list[StaffWaitingRoomView]

    @classmethod
    def of(cls, waiting_rooms: Sequence[WaitingRoom], at: datetime) -> "WaitingRoomListView":
        return cls(waiting_rooms=[StaffWaitingRoomView.of(room, at) for room in waiting_rooms])


class TicketBody(BaseModel):
    """The checkout that waits: its admission will open no other."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    checkout_id: CheckoutId


class TurnCheckBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    ticket: Signed


class QueuePositionView(PeakView):
    """Where somebody stands. ``poll_after``: seconds after which to ask again."""

    admitted: bool
    ahead: int
    seconds: int | None = None
    """About how long it takes; absent while nobody is let in."""
    poll_after: int | None = None
    admission: str | None = None
    """To be sent with the purchase, in the header ``Waiting-Room-Admission``."""

    @classmethod
    def of(cls, position: QueuePosition) -> "QueuePositionView":
        return cls(**_place(position))


class TicketView(QueuePositionView):
    ticket: str

    @classmethod
    def joined(cls, joined: IssuedTicket) -> "TicketView":
        return cls(ticket=joined.ticket, **_place(joined.position))


def _place(position: QueuePosition) -> dict[str, Any]:
    waits = position.admission is None
    soon = (
        MAX_POLL_SECONDS
        if position.seconds is None
        else max(1, min(position.seconds, MAX_POLL_SECONDS))
    )
    return {
        "admitted": not waits,
        "ahead": position.ahead,
        "seconds": position.seconds,
        "poll_after": soon if waits else None,
        "admission": position.admission,
    }


class WaitingRoomView(PeakView):
    """A waiting room as shoppers see it: how fast it goes, and how to join."""

    promotion_id: str
    admissions_per_second: int
    join: str

    @classmethod
    def of(cls, waiting_room: WaitingRoom, shop_url: str) -> "WaitingRoomView":
        return cls(
            promotion_id=waiting_room.promotion_id,
            admissions_per_second=waiting_room.admissions_per_second,
            join=waiting_room_url(waiting_room, shop_url) + "/tickets",
        )
