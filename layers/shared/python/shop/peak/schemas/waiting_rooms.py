"""Waiting rooms, as staff set them and as shoppers use them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.peak.actions.queue_turns import IssuedTicket
from shop.peak.model.waiting_room import OutagePolicy, QueuePosition, WaitingRoom
from shop.peak.schemas.checkout_notices import waiting_room_url

MAX_POLL_SECONDS = 30
"""Maximum seconds between two requests of a waiting client."""

CheckoutId = Annotated[str, StringConstraints(pattern=r"^chk_[a-z2-7]{26}$")]
"""Id of a checkout.
Example: chk_bq3f5k7mz2w4y6a7c3e5g7i2k4"""
Signed = Annotated[str, StringConstraints(min_length=10, max_length=1000)]
"""Signed text that the shop issued, 10 to 1,000 characters."""


class WaitingRoomBody(BaseModel):
    """The settings of a waiting room."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    admissions_per_second: Annotated[int, Field(ge=0, le=20_000)]
    """Checkouts admitted per second, 20,000 at most; 0 stops admission.
    Example: 50"""
    purchase_window_seconds: Annotated[int, Field(ge=30, le=3600)] = 600
    """Seconds that an admitted checkout has to complete, from 30 to 3,600.
    Example: 600"""
    outage_policy: Annotated[OutagePolicy, Field(strict=False)] = OutagePolicy.FAIL_OPEN
    """Whether checkouts are admitted while the room's counter or signing key is unreachable."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    """Reason for the change, 1 to 500 characters.
    Example: Flash sale at noon"""


class PeakView(BaseModel):
    """Base of the responses. Pydantic builds each on first use, which keeps cold starts short."""

    model_config = ConfigDict(defer_build=True)


class StaffWaitingRoomView(PeakView):
    """A waiting room, as staff read it."""

    promotion_id: str
    """Id of the promotion that the room belongs to."""
    admissions_per_second: int
    """Checkouts admitted per second, 20,000 at most; 0 stops admission.
    Example: 50"""
    purchase_window_seconds: int
    """Seconds that an admitted checkout has to complete, from 30 to 3,600.
    Example: 600"""
    outage_policy: OutagePolicy
    """Whether checkouts are admitted while the room's counter or signing key is unreachable."""
    products: list[str]
    """Ids of products whose checkouts wait."""
    variants: list[str]
    """Ids of variants whose checkouts wait."""
    whole_checkout: bool
    """Whether every checkout waits, because the promotion names no products or variants."""
    admitted: int
    """Queue numbers admitted so far, including numbers that were never issued."""
    since: datetime
    """Instant from which the current rate applies."""
    actor: str
    """Staff user who made the last change."""
    reason: str
    """Reason for the last change."""

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
    """The waiting rooms that are open."""

    waiting_rooms: list[StaffWaitingRoomView]
    """Waiting rooms that are open."""

    @classmethod
    def of(cls, waiting_rooms: Sequence[WaitingRoom], at: datetime) -> "WaitingRoomListView":
        return cls(waiting_rooms=[StaffWaitingRoomView.of(room, at) for room in waiting_rooms])


class TicketBody(BaseModel):
    """The checkout that joins the queue; an admission is valid for this checkout only."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    checkout_id: CheckoutId
    """Id of the checkout.
    Example: chk_bq3f5k7mz2w4y6a7c3e5g7i2k4"""


class TurnCheckBody(BaseModel):
    """The ticket whose position is requested."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    ticket: Signed
    """Ticket that the waiting room issued.
    Example: eyJuIjoxMjN9.c2lnbmF0dXJl"""


class QueuePositionView(PeakView):
    """The position of a checkout in the queue."""

    admitted: bool
    """Whether the checkout is admitted."""
    ahead: int
    """Number of checkouts ahead in the queue."""
    wait_seconds: int | None = None
    """Estimated wait in seconds; absent while admission is stopped."""
    poll_after_seconds: int | None = None
    """Seconds after which to request the position again, 30 at most; absent once admitted."""
    admission: str | None = None
    """Admission to send as header ``Waiting-Room-Admission``; absent while waiting."""

    @classmethod
    def of(cls, position: QueuePosition) -> "QueuePositionView":
        return cls(**_position_fields(position))


class TicketView(QueuePositionView):
    """A ticket of the queue and its position."""

    ticket: str
    """Signed ticket, to request the position with."""

    @classmethod
    def of_ticket(cls, issued: IssuedTicket) -> "TicketView":
        return cls(ticket=issued.ticket, **_position_fields(issued.position))


def _position_fields(position: QueuePosition) -> dict[str, Any]:
    waits = position.admission is None
    # A long wait is polled seldom, so that the queue itself causes little load.
    poll_after_seconds = (
        MAX_POLL_SECONDS
        if position.wait_seconds is None
        else max(1, min(position.wait_seconds, MAX_POLL_SECONDS))
    )
    return {
        "admitted": not waits,
        "ahead": position.ahead,
        "wait_seconds": position.wait_seconds,
        "poll_after_seconds": poll_after_seconds if waits else None,
        "admission": position.admission,
    }


class WaitingRoomView(PeakView):
    """A waiting room, as shoppers read it."""

    promotion_id: str
    """Id of the promotion that the room belongs to."""
    admissions_per_second: int
    """Checkouts admitted per second, 20,000 at most; 0 stops admission.
    Example: 50"""
    join: str
    """URL to which a ticket request is posted."""

    @classmethod
    def of(cls, waiting_room: WaitingRoom, shop_url: str) -> "WaitingRoomView":
        return cls(
            promotion_id=waiting_room.promotion_id,
            admissions_per_second=waiting_room.admissions_per_second,
            join=waiting_room_url(waiting_room, shop_url) + "/tickets",
        )
