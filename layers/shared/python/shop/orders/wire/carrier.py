"""What a carrier sends: one event of one parcel."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from shop.orders.model import ParcelStatus

TrackingNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{3,59}$")]
CARRIER = r"^[a-z0-9][a-z0-9_-]{1,39}$"
Carrier = Annotated[str, StringConstraints(pattern=CARRIER)]


class CarrierEvent(BaseModel):
    """An event in the generic form; carriers' own fields may come along and are not read.

    ``id`` names the event, so that it counts once; ``occurred_at`` is when it happened, with its
    zone, by the carrier's clock.
    """

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
    tracking_number: TrackingNumber
    status: ParcelStatus
    occurred_at: AwareDatetime
    description: Annotated[str, StringConstraints(max_length=300)] = ""


class CarrierMessage(CarrierEvent):
    """A carrier's event on its way through the queue."""

    carrier: Carrier
