"""What happened to an order after the sale, for staff."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.orders.model import Condition, OrderReturn


class _AfterSaleModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class StaffReturnedLine(_AfterSaleModel):
    """Pieces of a line in a return."""

    id: str
    """Id of the line."""
    quantity: int
    """Number of pieces."""
    condition: Condition | None
    """Condition of the pieces; absent if it was not recorded."""
    location: str | None
    """Location that took the pieces into its stock; absent if they were not restocked."""


class StaffReturn(_AfterSaleModel):
    """Pieces that came back, or that never arrived."""

    at: datetime
    """Instant at which the return was recorded."""
    reason: str
    """Reason, which the buyer can read."""
    sent_back: bool
    """Whether the buyer had the pieces and sent them back; otherwise they never arrived."""
    lines: list[StaffReturnedLine]
    """Pieces by line."""

    @classmethod
    def of(cls, returned: OrderReturn) -> "StaffReturn":
        return cls(
            at=returned.at,
            reason=returned.reason,
            sent_back=returned.sent_back,
            lines=[
                StaffReturnedLine(
                    id=line_id,
                    quantity=line.pieces,
                    condition=line.condition,
                    location=line.location,
                )
                for line_id, line in returned.lines.items()
            ],
        )
