"""What happened to an order after the sale, for staff."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.orders.model import Condition, OrderRefund, OrderReturn, TaxShare


class _AfterSaleModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class StaffTaxShare(_AfterSaleModel):
    """The part of a refund, return or cancellation at one tax rate. Amounts are minor units."""

    name: str
    """Name and rate of the tax; empty for the untaxed part."""
    amount: int
    """Amount of the part, with its tax."""
    tax: int
    """Tax in the amount."""

    @classmethod
    def all_of(cls, shares: Sequence[TaxShare]) -> "list[StaffTaxShare]":
        return [cls.model_validate(vars(share)) for share in shares]


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
    taxes: list[StaffTaxShare]
    """The value by tax rate, for a credit note; empty if the order has no tax."""
    outside: int
    """Part of the value of the pieces, in minor units, that was refunded at the payment provider
    before, and that a refund by amount has counted; ``taxes`` does not contain it."""

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
            taxes=StaffTaxShare.all_of(returned.taxes),
            outside=returned.outside,
        )


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
    outside: int
    """Minor units that had been refunded at the payment provider before, and that the order counts
    since this refund."""
    outside_taxes: list[StaffTaxShare]
    """The same by tax rate; empty if the order has no tax."""

    @classmethod
    def of(cls, refund: OrderRefund) -> "StaffRefund":
        return cls(
            at=refund.at,
            amount=refund.amount,
            reason=refund.reason,
            taxes=StaffTaxShare.all_of(refund.taxes),
            outside=refund.outside,
            outside_taxes=StaffTaxShare.all_of(refund.outside_taxes),
        )
