"""Discount codes: which promotions they open, and the outcome of each code.

Business rules: docs/rules/pricing.md §4.2.
"""

from datetime import datetime

from shop.kernel.codes import normalize_code
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.group_buy import GroupStatus
from shop.pricing.model.quote import CodeOutcome
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import NOT_APPLIED_REASONS
from shop.pricing.model.trace import TraceEntry
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits

CODE_INVALID = "discount_code_invalid"
CODE_EXPIRED = "discount_code_expired"
CODE_ALREADY_APPLIED = "discount_code_already_applied"
CODE_EXHAUSTED = "discount_code_exhausted"
USER_INELIGIBLE = "discount_code_user_ineligible"
USER_NOT_LOGGED_IN = "discount_code_user_not_logged_in"
COMBINATION_DISALLOWED = "discount_code_combination_disallowed"
NOT_APPLICABLE = "discount_code_not_applicable"

_CODE_BY_REASON = {
    "not_published": CODE_INVALID,
    "not_started": CODE_INVALID,
    "ended": CODE_EXPIRED,
    "sign_in_required": USER_NOT_LOGGED_IN,
    "customer_group_mismatch": USER_INELIGIBLE,
    "customer_segment_mismatch": USER_INELIGIBLE,
    "not_first_order": USER_INELIGIBLE,
    "customer_limit_reached": USER_INELIGIBLE,
    "locked_by_exclusive": COMBINATION_DISALLOWED,
    "already_reduced": COMBINATION_DISALLOWED,
    "locked_by_stop": COMBINATION_DISALLOWED,
    "better_discount": COMBINATION_DISALLOWED,
    "earlier_in_group": COMBINATION_DISALLOWED,
    "quota_exhausted": CODE_EXHAUSTED,
    "gift_out_of_stock": CODE_EXHAUSTED,
}
"""UCP's discount error code for each reason. Other reasons have ``NOT_APPLICABLE``, the shop's own
code."""


@frozen
class OpenedPromotion:
    """A valid code and its promotion; the outcome follows from the trace."""

    code: str
    promotion_id: str


PendingOutcome = CodeOutcome | OpenedPromotion


def open_promotions(
    basket: Basket, rules: RuleSet, limits: UsageLimits, at: datetime
) -> tuple[dict[str, str], list[PendingOutcome]]:
    """Check the codes of a basket.

    Return the code that opened each promotion, by promotion id, and one outcome per code in the
    order of the basket. The outcome of a valid code is pending until its promotion is evaluated.
    """
    by_promotion: dict[str, str] = {}
    outcomes: list[PendingOutcome] = []
    known_codes: set[str] = set()
    for raw_code in basket.codes:
        code = normalize_code(raw_code)
        if code in known_codes:
            # §4.2: the first of equal codes stays, however each is written.
            detail = "This code is already in the list."
            outcomes.append(CodeOutcome(raw_code, False, CODE_ALREADY_APPLIED, detail))
            continue
        known_codes.add(code)
        outcome = _check_code(raw_code, limits.codes.get(code), rules, by_promotion, at)
        if isinstance(outcome, OpenedPromotion):
            by_promotion[outcome.promotion_id] = raw_code
        outcomes.append(outcome)
    return by_promotion, outcomes


def _check_code(
    raw_code: str,
    status: CodeStatus | None,
    rules: RuleSet,
    by_promotion: dict[str, str],
    at: datetime,
) -> PendingOutcome:
    if status is None:
        return CodeOutcome(raw_code, False, *_UNKNOWN_CODE)
    rejection = _rejection(status, rules, by_promotion, at)
    if rejection is not None:
        return CodeOutcome(raw_code, False, *rejection)
    return OpenedPromotion(raw_code, status.promotion_id)


_UNKNOWN_CODE = (CODE_INVALID, "This code does not exist. Check its spelling.")


def _rejection(
    status: CodeStatus, rules: RuleSet, by_promotion: dict[str, str], at: datetime
) -> tuple[str, str] | None:
    """Return error code and message for a code that opens nothing, else ``None``."""
    # The group of a group-buy code comes first: its messages are more precise than the limits'
    # (§13.3).
    if closed := _group_rejection(status, at):
        return closed
    if status.promotion_id in rules.ended_promotion_ids:
        return CODE_EXPIRED, "This code is no longer valid: its promotion has ended."
    # A draft is not announced, so its code is answered like an unknown one, and counts as a guess.
    if status.promotion_id not in rules.promotion_index.by_id:
        return _UNKNOWN_CODE
    if status.starts is not None and at < status.starts:
        return CODE_INVALID, "This code is not valid yet."
    if status.ends is not None and at >= status.ends:
        return CODE_EXPIRED, "This code has expired."
    if status.uses_remaining is not None and status.uses_remaining < 1:
        return CODE_EXHAUSTED, "All uses of this code are taken."
    if status.customer_uses_remaining is not None and status.customer_uses_remaining < 1:
        return USER_INELIGIBLE, "You have already used this code as often as it allows."
    if status.promotion_id in by_promotion:
        return CODE_ALREADY_APPLIED, "Another code for the same promotion is already applied."
    return None


def _group_rejection(status: CodeStatus, at: datetime) -> tuple[str, str] | None:
    """Return error code and message if the group has no place (§13.3)."""
    if status.group is None:
        return None
    if status.group is GroupStatus.SUCCEEDED:
        return CODE_EXHAUSTED, "This group is complete. Open another group."
    # A group past its deadline has failed, even if the job that closes it has not run yet.
    if status.group is GroupStatus.FAILED or (status.ends is not None and at >= status.ends):
        return CODE_EXPIRED, "This group did not fill before its deadline. Open another group."
    if status.customer_uses_remaining == 0:
        return USER_INELIGIBLE, "You already have a place in this group."
    if status.uses_remaining == 0:
        return CODE_EXHAUSTED, (
            "All places in this group are taken for now. A place whose payment fails becomes"
            " available again."
        )
    return None


def code_outcomes(
    pending: list[PendingOutcome], trace: list[TraceEntry], currency: str
) -> tuple[CodeOutcome, ...]:
    """Resolve pending outcomes from the trace of all promotions."""
    if not pending:
        return ()
    entries = {entry.rule: entry for entry in trace if entry.code is not None}
    outcomes = []
    for outcome in pending:
        if isinstance(outcome, CodeOutcome):
            outcomes.append(outcome)
            continue
        entry = entries.get(outcome.promotion_id)
        # Without an entry, the promotion matched no line, so it was never a candidate.
        reason = "no_matching_goods" if entry is None else entry.reason
        if entry is not None and entry.applied:
            outcomes.append(
                CodeOutcome(
                    outcome.code,
                    True,
                    promotion_id=outcome.promotion_id,
                    amount=Money(entry.amount, currency),
                )
            )
        else:
            outcomes.append(
                CodeOutcome(
                    outcome.code,
                    False,
                    _CODE_BY_REASON.get(reason, NOT_APPLICABLE),
                    NOT_APPLIED_REASONS[reason],
                    outcome.promotion_id,
                )
            )
    return tuple(outcomes)
