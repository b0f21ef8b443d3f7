"""The changes of an order that staff request."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shop.orders.schemas.carrier import Carrier, TrackingNumber


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
    """A shipment handed over to a carrier. Without ``lines`` it holds all pieces that are still to
    ship.
    """

    carrier: Carrier
    tracking_number: TrackingNumber
    tracking_url: (
        Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=500)] | None
    ) = None
    """HTTP URL at which the buyer can track the shipment.
    Example: https://www.ups.com/track?tracknum=1Z999AA10123456784"""
    lines: Annotated[list[PiecesRequest], Field(min_length=1, max_length=2_000)] | None = None
    """Pieces of the shipment, each line once.
    Example: [{"id": "li_1", "quantity": 1}]"""
    location: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    """Location that the shipment leaves; required if the order is allocated to several locations.
    Example: main"""

    @model_validator(mode="after")
    def _each_once(self) -> "ParcelRequest":
        _refuse_twice(self.lines or ())
        return self

    def pieces(self) -> Mapping[str, int] | None:
        return None if self.lines is None else _pieces(self.lines)


class ReturnRequest(_RequestModel):
    """Pieces that came back, and the reason. The buyer can read the reason."""

    lines: Annotated[list[PiecesRequest], Field(min_length=1, max_length=2_000)]
    """Pieces that came back, each line once.
    Example: [{"id": "li_1", "quantity": 1}]"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    """Reason, 1 to 200 characters; the buyer can read it.
    Example: Wrong size"""

    @model_validator(mode="after")
    def _each_once(self) -> "ReturnRequest":
        _refuse_twice(self.lines)
        return self

    def pieces(self) -> Mapping[str, int]:
        return _pieces(self.lines)


def _refuse_twice(lines: Sequence[PiecesRequest]) -> None:
    if len({line.id for line in lines}) != len(lines):
        raise ValueError("a line is named once")


def _pieces(lines: Sequence[PiecesRequest]) -> Mapping[str, int]:
    return {line.id: line.quantity for line in lines}


class CancelRequest(_RequestModel):
    """The reason for which an order is cancelled. The buyer can read it."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    """Reason, 1 to 200 characters; the buyer can read it.
    Example: Ordered twice"""
