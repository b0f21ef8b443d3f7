"""What a carrier sends: one event of one parcel."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from shop.orders.model import ShipmentStatus, validate_event_time

TrackingNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{3,59}$")]
CARRIER = r"^[a-z0-9][a-z0-9_-]{1,39}$"
Carrier = Annotated[str, StringConstraints(pattern=CARRIER)]

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
    """An event in the generic form; carriers' own fields may come along and are not read.

    ``id`` names the event, so that it counts once; ``occurred_at`` is when it happened, with its
    zone, by the carrier's clock: at most a day ahead of ours.
    """

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
    tracking_number: TrackingNumber
    status: ShipmentStatus
    occurred_at: AwareDatetime
    description: Annotated[
        str, StringConstraints(max_length=300), AfterValidator(sanitize_text)
    ] = ""

    def validate_time(self, at: datetime) -> None:
        """Raises Invalid where no parcel of ours can have been through this, whichever it is."""
        validate_event_time(self.occurred_at, at, since=EARLIEST_EVENT)


class CarrierMessage(CarrierEvent):
    """A carrier's event on its way through the queue."""

    carrier: Carrier
