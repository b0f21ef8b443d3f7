"""Why a price is what it is: each rule that was tried, in order, with its effect or the reason why
not.
"""

from enum import StrEnum
from typing import Any

from shop.kernel.frozen import frozen


class PricingStage(StrEnum):
    """The stations of a quote, in the order of work."""

    PRICE = "price"
    LINES = "lines"
    SETS = "sets"
    ORDER = "order"
    GIFTS = "gifts"
    SHIPPING = "shipping"
    TAX = "tax"


@frozen
class TraceEntry:
    """One rule tried. ``amount`` is in minor units: what it took off (or, for tax, came to).

    ``reason`` is a stable code (:data:`REASONS`), ``detail`` words for people; ``lines`` are the
    ids of the lines touched, ``code`` the coupon that opened the rule.
    """

    step: PricingStage
    rule: str
    applied: bool
    amount: int = 0
    reason: str = ""
    detail: str = ""
    lines: tuple[str, ...] = ()
    code: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what is empty is left out, for the trace is stored on the order."""
        payload: dict[str, Any] = {"step": self.step.value, "rule": self.rule}
        if self.applied:
            payload["applied"] = True
        if self.amount:
            payload["amount"] = self.amount
        if self.reason:
            payload["reason"] = self.reason
        if self.detail:
            payload["detail"] = self.detail
        if self.lines:
            payload["lines"] = list(self.lines)
        if self.code is not None:
            payload["code"] = self.code
        return payload

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "TraceEntry":
        return cls(
            PricingStage(raw["step"]),
            raw["rule"],
            raw.get("applied", False),
            raw.get("amount", 0),
            raw.get("reason", ""),
            raw.get("detail", ""),
            tuple(raw.get("lines", ())),
            raw.get("code"),
        )


NOT_APPLIED_REASONS: dict[str, str] = {
    "not_published": "the promotion is a draft",
    "not_yet": "the promotion has not begun",
    "over": "the promotion has ended",
    "wrong_hour": "the promotion runs on other days or hours",
    "other_channel": "the promotion is for another sales channel",
    "other_market": "the promotion is for another market",
    "other_group": "the promotion is for another customer group",
    "other_segment": "the promotion is for another customer segment",
    "sign_in": "the promotion is for customers who are signed in",
    "not_first_order": "the promotion is for a first order",
    "no_code": "the promotion needs a code that was not entered",
    "code_spent": "the code has no uses left",
    "no_amount_in_currency": "the promotion has no amount in this currency",
    "touches_nothing": "nothing in the basket is what the promotion is about",
    "too_few": "too few units in the basket",
    "too_little": "the amount in the basket is too small",
    "closed": "an exclusive promotion has already taken these goods",
    "not_alone": "the promotion is exclusive and something has already reduced these goods",
    "stopped": "a promotion before this one lets none follow",
    "better_deal": "another promotion of the same group gives more",
    "earlier_in_group": "another promotion of the same group comes first",
    "saves_nothing": "the promotion would take nothing off",
    "quota_spent": "the quota of the promotion is used up",
    "customer_limit": "the customer has had the most the promotion allows",
    "no_shipping": "no shipping option is chosen, or it costs nothing",
    "other_method": "the promotion is for other shipping methods",
    "gift_out_of_stock": "the gift is out of stock",
}
"""Every reason why a promotion does not apply."""
