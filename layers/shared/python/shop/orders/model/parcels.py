"""Parcels: where each is, by what its carrier says."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from shop.inventory.model import MAIN
from shop.kernel.errors import Invalid
from shop.kernel.frozen import frozen


class ParcelStatus(StrEnum):
    """Where a parcel is. Carriers' own words are kept beside it."""

    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_ATTEMPT = "failed_attempt"
    DELIVERED = "delivered"
    RETURNED = "returned_to_sender"
    LOST = "lost"


STICKY: Mapping[ParcelStatus, frozenset[ParcelStatus]] = {
    ParcelStatus.DELIVERED: frozenset({ParcelStatus.RETURNED, ParcelStatus.LOST}),
}
"""What a parcel, once there, may still become, whatever a carrier reports later."""


ENDS = frozenset({ParcelStatus.DELIVERED, ParcelStatus.RETURNED, ParcelStatus.LOST})
"""Where a parcel's way ends."""


MOST_TRACKING = 200
"""Reports of a parcel that are kept; beyond that only one that moves it is."""


SLACK = timedelta(days=1)
"""How far a carrier's clock or time zone may be off before its report is refused."""


_PROGRESS = {status: place for place, status in enumerate(ParcelStatus)}
"""Of two reports of one moment the one further on counts, so that arrival decides nothing."""


@frozen(slots=False)
class Tracking:
    """Something a carrier said of a parcel: when it happened, by the carrier's clock."""

    id: str
    at: datetime
    status: ParcelStatus
    text: str = ""


@frozen(slots=False)
class Parcel:
    """Some pieces on their way. ``lines`` maps a line's id to pieces."""

    id: str
    carrier: str
    tracking_number: str
    lines: Mapping[str, int]
    shipped_at: datetime
    tracking_url: str | None = None
    tracking: tuple[Tracking, ...] = ()
    location: str | None = MAIN
    """Where it left from; ``None`` for a parcel packed of goods of several locations."""

    @property
    def status(self) -> ParcelStatus:
        """The newest event by the time it happened, not by when it arrived; delivered is sticky."""
        status = ParcelStatus.SHIPPED
        for event in sorted(self.tracking, key=lambda t: (t.at, _PROGRESS[t.status], t.id)):
            allowed = STICKY.get(status)
            if allowed is None or event.status in allowed:
                status = event.status
        return status


def refuse_implausible(happened: datetime, now: datetime, *, since: datetime) -> None:
    """Refuse the time of a carrier's event: :data:`SLACK` before ``since``, or so far ahead of us.

    Clocks differ and zones are mistaken; a parcel that was delivered in the year 1 or will have
    been next year is no parcel's news, and would decide where a parcel is for good.
    """
    if not since - SLACK <= happened <= now + SLACK:
        raise Invalid(
            f"{happened.isoformat()} is no time at which this can have happened",
            code="event_time_implausible",
            path="$.occurred_at",
        )
