"""The tracking events that carriers send."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from shop.kernel.errors import InvalidValue
from shop.orders.model import ShipmentStatus, clean_tracking_number, validate_event_time

_TRACKING_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{3,59}")


def _parse_tracking_number(text: str) -> str:
    number = clean_tracking_number(text)
    if not _TRACKING_NUMBER.fullmatch(number):
        raise InvalidValue(
            "id_invalid",
            "Must be 4 to 60 letters, digits, '.', '_' or '-', and begin with a letter or digit."
            " White space is ignored.",
        )
    return number


TrackingNumber = Annotated[
    str, StringConstraints(max_length=200), AfterValidator(_parse_tracking_number)
]
"""Tracking number of the carrier: 4 to 60 letters, digits, '.', '_' or '-'. White space, as on a
label, and invisible characters are ignored.
Example: 1Z999AA10123456784"""
CARRIER = r"^[a-z0-9][a-z0-9_-]{1,39}$"
Carrier = Annotated[str, StringConstraints(pattern=CARRIER)]
"""Name of the carrier in lower case, 2 to 40 characters.
Example: ups"""

_CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_MARKUP = re.compile(r"<[A-Za-z/!?][^>]*(?:>|$)")

EARLIEST_EVENT = datetime(2020, 1, 1, tzinfo=UTC)
"""Earliest time of an event: the shop shipped nothing before."""


def sanitize_text(text: str) -> str:
    """Return a carrier's text as buyers may read it: one line, without markup.

    Raises PydanticCustomError (``text_invalid``) for control characters. Those that change the
    reading direction could make a text look like another one.
    """
    if _CONTROL_CHARACTERS.search(text):
        raise PydanticCustomError("text_invalid", "The text must not contain control characters.")
    return " ".join(_MARKUP.sub(" ", text).split())


class CarrierEvent(BaseModel):
    """A tracking event in the shop's own form; further fields of a carrier are ignored."""

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
    """Text of the carrier, which buyers can read; 300 characters at most.
    Example: Arrived at the sorting center"""

    def validate_time(self, at: datetime) -> None:
        """Raise InvalidRequest for a time that is implausible for any shipment of the shop."""
        validate_event_time(self.occurred_at, at, since=EARLIEST_EVENT)


class CarrierMessage(CarrierEvent):
    """A tracking event with its carrier, as sent through the queue."""

    carrier: Carrier
