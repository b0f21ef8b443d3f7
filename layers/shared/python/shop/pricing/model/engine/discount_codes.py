"""Codes that were entered: which promotions they open, and what became of each (law of prices,
4.2).
"""

from datetime import datetime

from shop.kernel.codes import normalize_code
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.group_buy import GroupStatus
from shop.pricing.model.promotion_index import PromotionIndex
from shop.pricing.model.quote import CodeOutcome
from shop.pricing.model.trace import NOT_APPLIED_REASONS, TraceEntry
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits

CODE_INVALID = "discount_code_invalid"
CODE_EXPIRED = "discount_code_expired"
CODE_ALREADY_APPLIED = "discount_code_already_applied"
CODE_EXHAUSTED = "discount_code_exhausted"
USER_INELIGIBLE = "discount_code_user_ineligible"
COMBINATION_DISALLOWED = "discount_code_combination_disallowed"
NOT_APPLICABLE = "discount_code_not_applicable"

_TOLD = {
    "not_published": CODE_INVALID,
    "not_yet": CODE_INVALID,
    "over": CODE_EXPIRED,
    "sign_in": "discount_code_user_not_logged_in",
    "other_group": USER_INELIGIBLE,
    "other_segment": USER_INELIGIBLE,
    "not_first_order": USER_INELIGIBLE,
    "customer_limit": USER_INELIGIBLE,
    "closed": COMBINATION_DISALLOWED,
    "not_alone": COMBINATION_DISALLOWED,
    "stopped": COMBINATION_DISALLOWED,
    "better_deal": COMBINATION_DISALLOWED,
    "earlier_in_group": COMBINATION_DISALLOWED,
    "quota_spent": CODE_EXHAUSTED,
    "gift_out_of_stock": CODE_EXHAUSTED,
}
"""UCP's codes for why a promotion did not apply; those it lacks are this shop's own."""


def open_promotions(
    basket: Basket, plan: PromotionIndex, limits: UsageLimits, at: datetime
) -> tuple[dict[str, str], list[CodeOutcome | tuple[str, str]]]:
    """The promotions opened, each by which code; and per code typed what became of it so far.

    A code that opened a promotion stands in the list as (code, promotion id): its outcome is known
    only when the promotion was tried.
    """
    by_promotion: dict[str, str] = {}
    outcomes: list[CodeOutcome | tuple[str, str]] = []
    seen: set[str] = set()
    for typed in basket.codes:
        code = normalize_code(typed)
        facts = limits.codes.get(code)
        if code in seen:
            outcomes.append(
                CodeOutcome(typed, False, CODE_ALREADY_APPLIED, "this code is entered already")
            )
        elif facts is not None and (why := _of_its_group(facts, at)):
            outcomes.append(CodeOutcome(typed, False, *why))
        elif facts is None or facts.promotion_id not in plan.by_id:
            outcomes.append(CodeOutcome(typed, False, CODE_INVALID, "no such code"))
        elif facts.starts is not None and at < facts.starts:
            outcomes.append(CodeOutcome(typed, False, CODE_INVALID, "this code is not valid yet"))
        elif facts.ends is not None and at >= facts.ends:
            outcomes.append(CodeOutcome(typed, False, CODE_EXPIRED, "this code has expired"))
        elif facts.uses_remaining is not None and facts.uses_remaining < 1:
            outcomes.append(CodeOutcome(typed, False, CODE_EXHAUSTED, "this code has no uses left"))
        elif facts.customer_uses_remaining is not None and facts.customer_uses_remaining < 1:
            outcomes.append(
                CodeOutcome(
                    typed, False, USER_INELIGIBLE, "you have used this code as often as it allows"
                )
            )
        elif facts.promotion_id in by_promotion:
            outcomes.append(
                CodeOutcome(
                    typed, False, CODE_ALREADY_APPLIED, "another code for the same promotion stands"
                )
            )
        else:
            by_promotion[facts.promotion_id] = typed
            outcomes.append((typed, facts.promotion_id))
        seen.add(code)
    return by_promotion, outcomes


def _of_its_group(facts: CodeStatus, at: datetime) -> tuple[str, str] | None:
    """Why nobody joins the group any more whose code it is (law of prices, 13.3)."""
    if facts.group is None:
        return None
    if facts.group is GroupStatus.SUCCEEDED:
        return (
            CODE_EXHAUSTED,
            "this group is complete: all of its places are taken; open another one",
        )
    if facts.group is GroupStatus.FAILED or (facts.ends is not None and at >= facts.ends):
        return CODE_EXPIRED, "this group did not fill before its deadline; open another one"
    if facts.customer_uses_remaining == 0:
        return USER_INELIGIBLE, "you have taken your place in this group already"
    if facts.uses_remaining == 0:
        return CODE_EXHAUSTED, (
            "every place of this group is taken for now; one that is not paid for comes free again"
        )
    return None


def code_outcomes(
    outcomes: list[CodeOutcome | tuple[str, str]], trace: list[TraceEntry], currency: str
) -> tuple[CodeOutcome, ...]:
    """What became of each code, now that every promotion was tried."""
    tried = {entry.rule: entry for entry in trace if entry.code is not None}
    payload = []
    for outcome in outcomes:
        if isinstance(outcome, CodeOutcome):
            payload.append(outcome)
            continue
        code, promotion_id = outcome
        entry = tried.get(promotion_id)
        reason = "touches_nothing" if entry is None else entry.reason
        if entry is not None and entry.applied:
            payload.append(
                CodeOutcome(
                    code, True, promotion_id=promotion_id, amount=Money(entry.amount, currency)
                )
            )
        else:
            payload.append(
                CodeOutcome(
                    code,
                    False,
                    _TOLD.get(reason, NOT_APPLICABLE),
                    NOT_APPLIED_REASONS[reason],
                    promotion_id,
                )
            )
    return tuple(payload)
