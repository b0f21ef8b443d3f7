"""The shipping option of an order, its shipments (``parcels`` in the API) and their tracking."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shop.inventory.model import MAIN_LOCATION
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen


class ShipmentStatus(StrEnum):
    """The status of a shipment. The carrier's own text is stored in the tracking event."""

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
"""Statuses that later events may still set; a status that is not a key here allows all."""


FAILED_STATUSES = frozenset({ShipmentStatus.RETURNED, ShipmentStatus.LOST})
"""Statuses of a shipment that did not arrive."""


FINAL_STATUSES = frozenset({ShipmentStatus.DELIVERED, *FAILED_STATUSES})
"""Statuses after which a shipment is no longer in transit."""


def clean_tracking_number(text: str) -> str:
    """Return a tracking number that was copied from a label or a website, without white space.

    Invisible characters go, too. Full-width letters and dashes of typography become ASCII.
    """
    from shop.kernel.text_folding import clean  # lazy: to read an order folds no text

    return "".join(clean(text).split())


MANUAL_CARRIER = "manual"
"""The carrier of parcels that no system reports on: staff report their status."""


MAX_TRACKING_EVENTS = 200
"""Tracking events stored per shipment; after that only events that change its status."""


CLOCK_TOLERANCE = timedelta(days=1)
"""How far a carrier's clock or time zone may be off before its event is rejected."""


_PROGRESS = {status: rank for rank, status in enumerate(ShipmentStatus)}
"""Order of statuses: breaks ties of equal times, so that order of receipt does not matter."""


@frozen(slots=False)
class OrderShippingOption:
    """The shipping option that the buyer chose, as it was offered.

    ``id`` is the shipping method. ``price`` is before discounts, in minor units of the order's
    currency. ``earliest`` and ``latest`` are the limits of the promised arrival.
    """

    id: str
    title: str
    carrier: str
    price: int
    earliest: datetime
    latest: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "id": self.id,
            "title": self.title,
            "carrier": self.carrier,
            "price": self.price,
            "earliest": self.earliest.isoformat(),
            "latest": self.latest.isoformat(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "OrderShippingOption":
        """Read the values of :meth:`to_dict`."""
        earliest, latest = (datetime.fromisoformat(raw[end]) for end in ("earliest", "latest"))
        return cls(raw["id"], raw["title"], raw["carrier"], raw["price"], earliest, latest)


@frozen(slots=False)
class TrackingEvent:
    """A carrier's report on a shipment. ``at`` is when it happened, by the carrier's clock."""

    id: str
    at: datetime
    status: ShipmentStatus
    text: str = ""


@frozen(slots=False)
class ParkedEvent:
    """A tracking event of a tracking number that no shipment has yet."""

    carrier: str
    tracking_number: str
    event: TrackingEvent
    received_at: datetime


@frozen(slots=False)
class ShipmentInput:
    """A shipment as staff request it.

    ``lines`` maps line ids to pieces; ``None`` means every piece that is still to ship. With a
    ``location`` only pieces reserved there are shipped.
    """

    carrier: str
    tracking_number: str
    tracking_url: str | None = None
    lines: Mapping[str, int] | None = None
    location: str | None = None


@frozen(slots=False)
class Shipment:
    """Pieces of an order that were shipped together. ``lines`` maps line ids to pieces."""

    id: str
    carrier: str
    tracking_number: str
    lines: Mapping[str, int]
    shipped_at: datetime
    tracking_url: str | None = None
    tracking: tuple[TrackingEvent, ...] = ()
    location: str | None = MAIN_LOCATION
    """The location it was shipped from; ``None`` if its pieces came from several locations."""

    @property
    def status(self) -> ShipmentStatus:
        """Status of the newest event, by the time it happened and not the time of receipt."""
        status = ShipmentStatus.SHIPPED
        for event in sorted(self.tracking, key=lambda t: (t.at, _PROGRESS[t.status], t.id)):
            allowed = ALLOWED_AFTER.get(status)
            if allowed is None or event.status in allowed:
                status = event.status
        return status


def validate_event_time(happened: datetime, now: datetime, *, since: datetime) -> None:
    """Reject the time of a carrier's event unless it lies between ``since`` and ``now``.

    :data:`CLOCK_TOLERANCE` applies at both ends, because clocks differ and time zones are mistaken.
    A time far in the past or future would decide the status of a shipment for good. Raises
    InvalidRequest.
    """
    earliest, latest = since - CLOCK_TOLERANCE, now + CLOCK_TOLERANCE
    if not earliest <= happened <= latest:
        raise InvalidRequest(
            f"Event time {happened.isoformat()} must be from {earliest.isoformat()}"
            f" to {latest.isoformat()}.",
            code="event_time_implausible",
            path="$.occurred_at",
        )
