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


@frozen
class TraceEntry:
    """One evaluated rule.

    ``amount`` is the discount in minor units, or the amount of a tax. ``reason`` is a code of
    :data:`NOT_APPLIED_REASONS`, ``detail`` a text for people. ``lines`` are the ids of the lines
    that the rule changed. ``code`` is the discount code that opened the promotion.
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


NOT_APPLIED_REASONS: dict[str, str] = {
    "not_published": "The promotion is a draft.",
    "not_started": "The promotion has not begun.",
    "ended": "The promotion has ended.",
    "outside_hours": "The promotion runs on other days or hours.",
    "channel_mismatch": "The promotion is for another sales channel.",
    "market_mismatch": "The promotion is for another market.",
    "customer_group_mismatch": "The promotion is for another customer group.",
    "customer_segment_mismatch": "The promotion is for another customer segment.",
    "sign_in_required": "The promotion is for signed-in customers.",
    "not_first_order": "The promotion is for a first order.",
    "code_missing": "The promotion requires a code.",
    "no_amount_in_currency": "The promotion has no amount in this currency.",
    "no_matching_goods": "The basket contains no goods of the promotion.",
    "quantity_too_low": "The basket contains too few units.",
    "amount_too_low": "The amount of the basket is too low.",
    "locked_by_exclusive": "An exclusive promotion already applies to these goods.",
    "already_reduced": "The promotion is exclusive, and these goods are already reduced.",
    "locked_by_stop": "An earlier promotion stops all later ones of this step.",
    "better_discount": "Another promotion of the same group gives a better discount.",
    "earlier_in_group": "An earlier promotion of the same group applies.",
    "no_discount": "The promotion would save nothing.",
    "quota_exhausted": "The quota of the promotion is used up.",
    "customer_limit_reached": "The customer has reached the limit of the promotion.",
    "no_shipping_charge": "No shipping option is selected, or shipping is free.",
    "shipping_method_mismatch": "The promotion is for other shipping methods.",
    "gift_out_of_stock": "The gift is out of stock.",
}
"""Every reason why a promotion does not apply, by code."""
