"""Tracking events of unknown parcels, as staff read them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.pagination import Page
from shop.orders.model import ParkedEvent, ShipmentStatus


class ParkedEventView(BaseModel):
    """A carrier's tracking event whose tracking number no parcel has yet."""

    model_config = ConfigDict(defer_build=True)

    carrier: str
    """Carrier that signed the event.
    Example: ups"""
    tracking_number: str
    """Tracking number of the event.
    Example: 1Z999AA10123456784"""
    id: str
    """Id that the carrier gave the event.
    Example: evt_1"""
    status: ShipmentStatus
    """Status that the carrier reports."""
    occurred_at: datetime
    """Instant of the event, by the carrier's clock."""
    received_at: datetime
    """Instant at which the shop received it."""
    description: str
    """The carrier's text."""

    @classmethod
    def of(cls, parked: ParkedEvent) -> "ParkedEventView":
        event = parked.event
        return cls(
            carrier=parked.carrier,
            tracking_number=parked.tracking_number,
            id=event.id,
            status=event.status,
            occurred_at=event.at,
            received_at=parked.received_at,
            description=event.text,
        )


class ParkedEventListView(BaseModel):
    """A page of parked tracking events, sorted by carrier and tracking number."""

    model_config = ConfigDict(defer_build=True)

    events: list[ParkedEventView]
    """Events of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[ParkedEvent]) -> "ParkedEventListView":
        return cls(events=[ParkedEventView.of(each) for each in page.items], cursor=page.cursor)
