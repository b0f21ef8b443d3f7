"""What happened to an order after the sale, for staff."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.orders.model import Condition, OrderRefund, OrderReturn


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


class StaffTaxShare(_AfterSaleModel):
    """The part of a refund at one tax rate. Amounts are minor units."""

    name: str
    """Name and rate of the tax; empty for the untaxed part."""
    amount: int
    """Amount of the part, with its tax."""
    tax: int
    """Tax in the amount."""


class StaffRefund(_AfterSaleModel):
    """A refund by amount, without a return."""

    at: datetime
    """Instant at which the refund was granted."""
    amount: int
    """Amount in minor units, from money first and then from credits."""
    reason: str
    """Reason, which the buyer can read."""
    taxes: list[StaffTaxShare]
    """The amount by tax rate, for a credit note; empty if the order has no tax."""

    @classmethod
    def of(cls, refund: OrderRefund) -> "StaffRefund":
        taxes = [StaffTaxShare.model_validate(vars(share)) for share in refund.taxes]
        return cls(at=refund.at, amount=refund.amount, reason=refund.reason, taxes=taxes)
