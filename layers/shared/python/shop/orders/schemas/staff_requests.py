"""Requests of staff that change an order."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shop.orders.actions.refunds import RefundInput
from shop.orders.actions.returns import ReturnInput, ReturnLineInput
from shop.orders.model import Condition, ShipmentStatus
from shop.orders.model.returns import UNSALEABLE
from shop.orders.schemas.carrier import Carrier, TrackingNumber, sanitize_text

LINK = (
    r"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4}))?"
    r"(?:[/?#][!#-;=?-~]*)?$"
)
"""A link for buyers. It has a host, no user name, and no character that ends an HTML attribute."""


class _RequestModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class PiecesRequest(_RequestModel):
    """Pieces of an order line."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """Id of the order line.
    Example: li_1"""
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of pieces.
    Example: 1"""


class ParcelRequest(_RequestModel):
    """A shipment that was handed over to a carrier.

    Without ``lines`` it contains all pieces that are still to ship.
    """

    carrier: Carrier
    tracking_number: TrackingNumber
    tracking_url: Annotated[str, StringConstraints(pattern=LINK, max_length=500)] | None = None
    """HTTP URL at which the buyer can track the shipment.
    Example: https://www.ups.com/track?tracknum=1Z999AA10123456784"""
    lines: Annotated[list[PiecesRequest], Field(min_length=1, max_length=2_000)] | None = None
    """Pieces of the shipment, each line once.
    Example: [{"id": "li_1", "quantity": 1}]"""
    location: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    """Location that ships; required if the order is allocated to several locations.
    Example: main"""

    @model_validator(mode="after")
    def _unique_lines(self) -> "ParcelRequest":
        _require_unique_lines(self.lines or ())
        return self

    def pieces(self) -> Mapping[str, int] | None:
        return None if self.lines is None else _pieces(self.lines)


class ShipmentReport(_RequestModel):
    """The status of a parcel, as staff know it: by telephone, or from the carrier's website."""

    status: Annotated[ShipmentStatus, Field(strict=False)]
    """Status of the parcel. Only lost and returned_to_sender may follow delivered.
    Example: delivered"""
    occurred_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    """Instant at which it happened, with its time zone; by default now.
    Example: 2026-11-30T09:15:00+01:00"""
    description: Annotated[
        str, StringConstraints(max_length=300), AfterValidator(sanitize_text)
    ] = ""
    """Text that the buyer can read; 300 characters at most.
    Example: Left with the neighbour"""


class ReturnedPiecesRequest(PiecesRequest):
    """Pieces of an order line that the buyer sent back, and where they go."""

    condition: Annotated[Condition, Field(strict=False)] | None = None
    """Condition of the pieces. Damaged pieces and wrong items cannot be restocked.
    Example: as_new"""
    restock: bool = False
    """Whether the pieces are available for sale again; of a kit, its parts are.
    Example: true"""
    location: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    """Location that takes restocked pieces; by default the location that shipped them.
    Example: main"""

    @model_validator(mode="after")
    def _restock_fits(self) -> "ReturnedPiecesRequest":
        if self.restock and self.condition in UNSALEABLE:
            raise PydanticCustomError(
                "value_contradiction",
                "Pieces that are damaged, or of another item, cannot be restocked."
                " Send restock false.",
            )
        if self.location is not None and not self.restock:
            raise PydanticCustomError(
                "value_contradiction",
                "A location is for restocked pieces. Send restock true, or no location.",
            )
        return self

    def as_input(self) -> ReturnLineInput:
        return ReturnLineInput(self.quantity, self.condition, self.restock, self.location)


class ReturnRequest(_RequestModel):
    """Pieces that the buyer sent back, and the reason, which the buyer can read."""

    lines: Annotated[list[ReturnedPiecesRequest], Field(min_length=1, max_length=2_000)]
    """Pieces that the buyer sent back, each line once.
    Example: [{"id": "li_1", "quantity": 1, "condition": "as_new", "restock": true}]"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    """Reason, 1 to 200 characters; the buyer can read it.
    Example: Wrong size"""

    @model_validator(mode="after")
    def _unique_lines(self) -> "ReturnRequest":
        _require_unique_lines(self.lines)
        return self

    def as_input(self) -> ReturnInput:
        return ReturnInput({line.id: line.as_input() for line in self.lines}, self.reason)


class RefundRequest(_RequestModel):
    """An amount that is refunded without a return, and the reason, which the buyer can read."""

    amount: Annotated[int, Field(ge=1, le=10**12)]
    """Amount in minor units of the order's currency; at most ``refundable`` of the order.
    Example: 500"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    """Reason, 1 to 200 characters; the buyer can read it.
    Example: Arrived two days late"""

    def as_input(self) -> RefundInput:
        return RefundInput(self.amount, self.reason)


def _require_unique_lines(lines: Sequence[PiecesRequest]) -> None:
    if len({line.id for line in lines}) != len(lines):
        raise PydanticCustomError("duplicate", "Each line must be sent once.")


def _pieces(lines: Sequence[PiecesRequest]) -> Mapping[str, int]:
    return {line.id: line.quantity for line in lines}


class CancelRequest(_RequestModel):
    """The reason of a cancellation, which the buyer can read."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    """Reason, 1 to 200 characters; the buyer can read it.
    Example: Ordered twice"""
