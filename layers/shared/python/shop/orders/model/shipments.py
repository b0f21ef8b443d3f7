"""Parcels: where each is, by what its carrier says."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from shop.inventory.model import MAIN_LOCATION
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen


class ShipmentStatus(StrEnum):
    """Where a parcel is. Carriers' own words are kept beside it."""

    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_ATTEMPT = "failed_attempt"
    DELIVERED = "delivered"
    RETURNED = "returned_to_sender"
    LOST = "lost"


ALLOWED_AFTER: Mapping[ShipmentStatus, frozenset[ShipmentStatus]] = {
    ShipmentStatus.DELIVERED: frozenset({ShipmentStatus.RETURNED, ShipmentStatus.LOST}),
}
"""What a parcel, once there, may still become, whatever a carrier reports later."""


FINAL_STATUSES = frozenset({ShipmentStatus.DELIVERED, ShipmentStatus.RETURNED, ShipmentStatus.LOST})
"""Where a parcel's way ends."""


MAX_TRACKING_EVENTS = 200
"""Reports of a parcel that are kept; beyond that only one that moves it is."""


CLOCK_TOLERANCE = timedelta(days=1)
"""How far a carrier's clock or time zone may be off before its report is refused."""


_PROGRESS = {status: place for place, status in enumerate(ShipmentStatus)}
"""Of two reports of one moment the one further on counts, so that arrival decides nothing."""


@frozen(slots=False)
class TrackingEvent:
    """Something a carrier said of a parcel: when it happened, by the carrier's clock."""

    id: str
    at: datetime
    status: ShipmentStatus
    text: str = ""


@frozen(slots=False)
class Shipment:
    """Some pieces on their way. ``lines`` maps a line's id to pieces."""

    id: str
    carrier: str
    tracking_number: str
    lines: Mapping[str, int]
    shipped_at: datetime
    tracking_url: str | None = None
    tracking: tuple[TrackingEvent, ...] = ()
    location: str | None = MAIN_LOCATION
    """Where it left from; ``None`` for a parcel packed of goods of several locations."""

    @property
    def status(self) -> ShipmentStatus:
        """The newest event by the time it happened, not by when it arrived; delivered is sticky."""
        status = ShipmentStatus.SHIPPED
        for event in sorted(self.tracking, key=lambda t: (t.at, _PROGRESS[t.status], t.id)):
            allowed = ALLOWED_AFTER.get(status)
            if allowed is None or event.status in allowed:
                status = event.status
        return status


def validate_event_time(happened: datetime, now: datetime, *, since: datetime) -> None:
    """Refuse the time of a carrier's event: :data:`SLACK` before ``since``, or so far ahead of us.

    Clocks differ and zones are mistaken; a parcel that was delivered in the year 1 or will have
    been next year is no parcel's news, and would decide where a parcel is for good.
    """
    if not since - CLOCK_TOLERANCE <= happened <= now + CLOCK_TOLERANCE:
        raise InvalidRequest(
            f"{happened.isoformat()} is no time at which this can have happened",
            code="event_time_implausible",
            path="$.occurred_at",
        )
