"""What a carrier sends: one event of one parcel."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from shop.orders.model import ShipmentStatus, validate_event_time

TrackingNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{3,59}$")]
"""Tracking number of the carrier, 4 to 60 characters.
Example: 1Z999AA10123456784"""
CARRIER = r"^[a-z0-9][a-z0-9_-]{1,39}$"
Carrier = Annotated[str, StringConstraints(pattern=CARRIER)]
"""Name of the carrier in lower case, 2 to 40 characters.
Example: ups"""

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_MARKUP = re.compile(r"<[A-Za-z/!?][^>]*(?:>|$)")

EARLIEST_EVENT = datetime(2020, 1, 1, tzinfo=UTC)
"""Nothing happened to a parcel of this shop before there was one."""


def sanitize_text(text: str) -> str:
    """A carrier's words as buyers may read them: one line, without markup.

    Raises ValueError for characters that are not seen: controls, and those that turn the reading
    direction and so let a text show something else than it says.
    """
    if _UNSEEN.search(text):
        raise ValueError("control characters have no place in a text")
    return " ".join(_MARKUP.sub(" ", text).split())


class CarrierEvent(BaseModel):
    """An event of a shipment, in the generic form; further fields of carriers are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
    """Id of the event; an event with a known id is ignored.
    Example: evt_20261130_0042"""
    tracking_number: TrackingNumber
    status: ShipmentStatus
    """Status of the shipment.
    Example: in_transit"""
    occurred_at: AwareDatetime
    """Instant of the event by the carrier's clock, with its time zone.
    Example: 2026-11-30T09:15:00-08:00"""
    description: Annotated[
        str, StringConstraints(max_length=300), AfterValidator(sanitize_text)
    ] = ""
    """Text of the carrier, as buyers may read it; 300 characters at most.
    Example: Arrived at the sorting center"""

    def validate_time(self, at: datetime) -> None:
        """Raises Invalid where no parcel of ours can have been through this, whichever it is."""
        validate_event_time(self.occurred_at, at, since=EARLIEST_EVENT)


class CarrierMessage(CarrierEvent):
    """A carrier's event as the queue carries it."""

    carrier: Carrier
