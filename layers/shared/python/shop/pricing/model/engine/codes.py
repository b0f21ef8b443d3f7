"""Codes that were entered: which promotions they open, and what became of each (law of prices,
4.2).
"""

from datetime import datetime

from shop.kernel.money import Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.coupons import normal
from shop.pricing.model.group_buy import GroupStatus
from shop.pricing.model.plan import Plan
from shop.pricing.model.quote import CodeOutcome
from shop.pricing.model.standing import CodeFacts, Standing
from shop.pricing.model.trace import REASONS, TraceEntry

UNKNOWN = "discount_code_invalid"
EXPIRED = "discount_code_expired"
TWICE = "discount_code_already_applied"
SPENT = "discount_code_exhausted"
NOT_YOU = "discount_code_user_ineligible"
NOT_BESIDE = "discount_code_combination_disallowed"
NOT_HERE = "discount_code_not_applicable"

_TOLD = {
    "not_published": UNKNOWN,
    "not_yet": UNKNOWN,
    "over": EXPIRED,
    "sign_in": "discount_code_user_not_logged_in",
    "other_group": NOT_YOU,
    "other_segment": NOT_YOU,
    "not_first_order": NOT_YOU,
    "customer_limit": NOT_YOU,
    "closed": NOT_BESIDE,
    "not_alone": NOT_BESIDE,
    "stopped": NOT_BESIDE,
    "better_deal": NOT_BESIDE,
    "earlier_in_group": NOT_BESIDE,
    "quota_spent": SPENT,
    "gift_out_of_stock": SPENT,
}
"""UCP's codes for why a promotion did not apply; those it lacks are this shop's own."""


def opened(
    basket: Basket, plan: Plan, standing: Standing, at: datetime
) -> tuple[dict[str, str], list[CodeOutcome | tuple[str, str]]]:
    """The promotions opened, each by which code; and per code typed what became of it so far.

    A code that opened a promotion stands in the list as (code, promotion id): its outcome is known
    only when the promotion was tried.
    """
    by_promotion: dict[str, str] = {}
    outcomes: list[CodeOutcome | tuple[str, str]] = []
    seen: set[str] = set()
    for typed in basket.codes:
        code = normal(typed)
        facts = standing.codes.get(code)
        if code in seen:
            outcomes.append(CodeOutcome(typed, False, TWICE, "this code is entered already"))
        elif facts is not None and (why := _of_its_group(facts, at)):
            outcomes.append(CodeOutcome(typed, False, *why))
        elif facts is None or facts.promotion_id not in plan.by_id:
            outcomes.append(CodeOutcome(typed, False, UNKNOWN, "no such code"))
        elif facts.starts is not None and at < facts.starts:
            outcomes.append(CodeOutcome(typed, False, UNKNOWN, "this code is not valid yet"))
        elif facts.ends is not None and at >= facts.ends:
            outcomes.append(CodeOutcome(typed, False, EXPIRED, "this code has expired"))
        elif facts.uses_left is not None and facts.uses_left < 1:
            outcomes.append(CodeOutcome(typed, False, SPENT, "this code has no uses left"))
        elif facts.customer_uses_left is not None and facts.customer_uses_left < 1:
            outcomes.append(
                CodeOutcome(typed, False, NOT_YOU, "you have used this code as often as it allows")
            )
        elif facts.promotion_id in by_promotion:
            outcomes.append(
                CodeOutcome(typed, False, TWICE, "another code for the same promotion stands")
            )
        else:
            by_promotion[facts.promotion_id] = typed
            outcomes.append((typed, facts.promotion_id))
        seen.add(code)
    return by_promotion, outcomes


def _of_its_group(facts: CodeFacts, at: datetime) -> tuple[str, str] | None:
    """Why nobody joins the group any more whose code it is (law of prices, 13.3)."""
    if facts.group is None:
        return None
    if facts.group is GroupStatus.SUCCEEDED:
        return SPENT, "this group is complete: all of its places are taken; open another one"
    if facts.group is GroupStatus.FAILED or (facts.ends is not None and at >= facts.ends):
        return EXPIRED, "this group did not fill before its deadline; open another one"
    if facts.customer_uses_left == 0:
        return NOT_YOU, "you have taken your place in this group already"
    if facts.uses_left == 0:
        return SPENT, (
            "every place of this group is taken for now; one that is not paid for comes free again"
        )
    return None


def outcomes_of(
    outcomes: list[CodeOutcome | tuple[str, str]], trace: list[TraceEntry], currency: str
) -> tuple[CodeOutcome, ...]:
    """What became of each code, now that every promotion was tried."""
    tried = {entry.rule: entry for entry in trace if entry.code is not None}
    told = []
    for outcome in outcomes:
        if isinstance(outcome, CodeOutcome):
            told.append(outcome)
            continue
        code, promotion_id = outcome
        entry = tried.get(promotion_id)
        reason = "touches_nothing" if entry is None else entry.reason
        if entry is not None and entry.applied:
            told.append(
                CodeOutcome(
                    code, True, promotion_id=promotion_id, amount=Money(entry.amount, currency)
                )
            )
        else:
            told.append(
                CodeOutcome(code, False, _TOLD.get(reason, NOT_HERE), REASONS[reason], promotion_id)
            )
    return tuple(told)
