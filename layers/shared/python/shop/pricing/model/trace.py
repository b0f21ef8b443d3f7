"""The trace of a quote: every evaluated rule, with its amount or a reason."""

from enum import StrEnum
from typing import Any

from shop.kernel.frozen import frozen


class PricingStep(StrEnum):
    """The steps of the price calculation, in order (docs/rules/pricing.md §2.1)."""

    PRICE = "price"
    LINES = "lines"
    SETS = "sets"
    ORDER = "order"
    GIFTS = "gifts"
    SHIPPING = "shipping"
    TAX = "tax"


UNTAXED_UNDECIDED, UNTAXED_DECIDED = "untaxed_undecided", "untaxed_decided"
"""Reasons of a tax entry: no rate applies to the destination, without or with a decision."""

ZIP_UNKNOWN = "zip_unknown"
"""Reason of a tax entry: the state has rates by ZIP code, and none for this one."""

TAX_REASONS = frozenset({UNTAXED_UNDECIDED, UNTAXED_DECIDED, ZIP_UNKNOWN})


@frozen
class TraceEntry:
    """One evaluated rule.

    ``amount`` is the discount in minor units, or the amount of a tax. ``reason`` is a code of
    :data:`~shop.pricing.model.targeting.NOT_APPLIED_REASONS`, ``detail`` a text for people.
    ``lines`` are the ids of the lines that the rule changed. ``code`` is the discount code that
    opened the promotion.
    """

    step: PricingStep
    rule: str
    applied: bool
    amount: int = 0
    reason: str = ""
    detail: str = ""
    lines: tuple[str, ...] = ()
    code: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values.

        Empty fields are omitted, because every order stores its trace.
        """
        document: dict[str, Any] = {"step": self.step.value, "rule": self.rule}
        if self.applied:
            document["applied"] = True
        if self.amount:
            document["amount"] = self.amount
        if self.reason:
            document["reason"] = self.reason
        if self.detail:
            document["detail"] = self.detail
        if self.lines:
            document["lines"] = list(self.lines)
        if self.code is not None:
            document["code"] = self.code
        return document

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "TraceEntry":
        return cls(
            PricingStep(raw["step"]),
            raw["rule"],
            raw.get("applied", False),
            raw.get("amount", 0),
            raw.get("reason", ""),
            raw.get("detail", ""),
            tuple(raw.get("lines", ())),
            raw.get("code"),
        )
