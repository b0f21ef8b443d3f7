"""Stacking: which promotions of a step apply together.

Business rules: docs/rules/pricing.md §4.4 to §4.8.
"""

from collections.abc import Callable
from typing import Any

from shop.kernel.money import apportion
from shop.pricing.model.effects import FreeGift
from shop.pricing.model.engine import bundle_promotions, line_promotions, order_promotions
from shop.pricing.model.engine.calculation import (
    LOCKED,
    LOCKED_FOR_STEP,
    DiscountProposal,
    QuoteCalculation,
)
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.promotions import StackingMode
from shop.pricing.model.targeting import amount_in
from shop.pricing.model.trace import PricingStep

CandidateLines = list[tuple[Candidate, list[int]]]
"""Candidates in the order of §4.6, each with the numbers of its matching lines."""

EffectFunction = Callable[[QuoteCalculation, Candidate, Any, list[int]], DiscountProposal]

_EFFECT_FUNCTIONS: dict[str, EffectFunction] = {
    "percent_off": line_promotions.percent_off,
    "amount_off": line_promotions.amount_off,
    "limited_price": line_promotions.limited_price,
    "flash_sale": line_promotions.flash_sale,
    "group_price": line_promotions.limited_price,
    "buy_get": bundle_promotions.buy_get,
    "bundle": bundle_promotions.bundle,
    "order_percent": order_promotions.order_percent,
    "order_amount": order_promotions.order_amount,
    "spend_save": order_promotions.spend_save,
    "every_spend": order_promotions.every_spend,
    "gift": order_promotions.gift,
    "shipping_off": order_promotions.shipping_off,
}


def apply_promotions(calculation: QuoteCalculation, candidates: CandidateLines) -> None:
    """Evaluate the candidates step by step and group by group, and apply the winners."""
    step: PricingStep | None = None
    start = 0
    while start < len(candidates):
        first = candidates[start][0]
        # §2.1: candidates arrive sorted by step, so a different step means that one has ended.
        if first.step is not step:
            if step is not None:
                calculation.unlock_step()
            step = first.step
            # §6.1: units get their cost once, after all line promotions.
            if step is PricingStep.SETS:
                calculation.split_into_units()
        end = start + 1
        while (
            end < len(candidates)
            and candidates[end][0].group == first.group
            and candidates[end][0].step is step
        ):
            end += 1
        group = candidates[start:end]
        # §4.6: the mode decides how the promotions of the group share the goods.
        if first.mode is StackingMode.ALL:
            for candidate, numbers in group:
                _apply_or_trace(calculation, candidate, evaluate(calculation, candidate, numbers))
        elif first.mode is StackingMode.FIRST:
            _apply_first(calculation, group)
        elif step is PricingStep.LINES:
            _apply_best_per_line(calculation, group)
        else:
            _apply_best(calculation, group)
        start = end


def evaluate(
    calculation: QuoteCalculation, candidate: Candidate, numbers: list[int]
) -> DiscountProposal:
    """Calculate the effect of a promotion on the present costs, without applying it."""
    visible = calculation.visible_lines(candidate, numbers)
    if not visible:
        return DiscountProposal(reason=calculation.hidden_reason(candidate, numbers))
    if candidate.has_thresholds:
        below = _below_threshold(calculation, candidate, visible)
        if below is not None:
            return below
    effect = candidate.effect
    proposal = _EFFECT_FUNCTIONS[effect.kind](calculation, candidate, effect, visible)
    # §4.8: a promotion that saves nothing and gives nothing does not apply, locks and uses nothing.
    if not proposal.reason and not proposal.gift_units and not proposal.amount:
        proposal.reason = "no_discount"
    return proposal


def _below_threshold(
    calculation: QuoteCalculation, candidate: Candidate, visible: list[int]
) -> DiscountProposal | None:
    """Return a proposal with the reason if a threshold is missed (§4.5)."""
    conditions = candidate.conditions
    # §4.5: with ``of``, the goods that count differ from the goods that are reduced. The same
    # locks hide them.
    if conditions.of is not None:
        counted = conditions.of
        visible = calculation.visible_lines(
            candidate, [n for n, line in enumerate(calculation.lines) if counted.contains(line)]
        )
    if conditions.min_quantity:
        units = sum([calculation.quantity[n] for n in visible])
        if units < conditions.min_quantity:
            return DiscountProposal(
                reason="quantity_too_low", detail=f"{units} of {conditions.min_quantity}"
            )
    if conditions.min_amount:
        minimum = amount_in(conditions.min_amount, calculation.currency)
        if minimum is None:
            return DiscountProposal(reason="no_amount_in_currency")
        cost = sum([calculation.cost[n] for n in visible])
        if cost < minimum:
            return DiscountProposal(reason="amount_too_low", detail=f"{cost} of {minimum}")
    return None


def _apply_or_trace(
    calculation: QuoteCalculation, candidate: Candidate, proposal: DiscountProposal
) -> None:
    """Apply the proposal, or trace the reason why it does not apply."""
    if proposal.reason:
        calculation.trace_promotion(candidate, reason=proposal.reason, detail=proposal.detail)
    else:
        _apply(calculation, candidate, proposal)


def _apply(calculation: QuoteCalculation, candidate: Candidate, proposal: DiscountProposal) -> None:
    amount = proposal.amount
    discounts = proposal.line_discounts
    if proposal.order_discount:
        # §7.1: one amount for the order, split over its lines by cost with no unit lost (§1.3).
        affected = proposal.affected_lines or []
        shares = apportion(proposal.order_discount, [calculation.cost[n] for n in affected])
        discounts = list(zip(affected, shares, strict=True))
    reduced_ids: list[str] = []
    for n, saved in discounts:
        if saved:
            calculation.cost[n] -= saved
            calculation.reduced[n] = True
            calculation.discounts[n].append((candidate, saved))
            reduced_ids.append(calculation.lines[n].id)
    if proposal.counted_units:
        # In mode "best", another promotion may have won some lines: their units do not count.
        units = sum(proposal.counted_units[n] for n, _ in discounts)
        calculation.counted_units[candidate.id] = (
            calculation.counted_units.get(candidate.id, 0) + units
        )
    # §6.1: a unit serves one set, once.
    for run, claimed in proposal.claimed_units:
        run.free -= claimed
    effect = candidate.effect
    if isinstance(effect, FreeGift):
        calculation.gifts.append((candidate, effect, proposal.gift_units))
        # A later gift of the same SKU gets only the units that remain.
        if effect.sku in calculation.gifts_remaining:
            calculation.gifts_remaining[effect.sku] -= proposal.gift_units
    if proposal.shipping_discount and calculation.shipping is not None:
        calculation.shipping -= proposal.shipping_discount
        calculation.shipping_reduced = True
        calculation.shipping_discounts.append((candidate, proposal.shipping_discount))
    if candidate.exclusive or candidate.stop:
        _lock(calculation, candidate, proposal, discounts)
    calculation.trace_promotion(candidate, amount, True, lines=tuple(reduced_ids))


def _lock(
    calculation: QuoteCalculation,
    candidate: Candidate,
    proposal: DiscountProposal,
    discounts: list[tuple[int, int]],
) -> None:
    """Lock the goods or the charge that a promotion affects (§4.7)."""
    state = LOCKED if candidate.exclusive else LOCKED_FOR_STEP
    if proposal.shipping_discount:
        calculation.shipping_locked = max(calculation.shipping_locked, state)
    affected = proposal.affected_lines
    # max: a stop promotion must not weaken the lock of an earlier exclusive promotion.
    for n in [n for n, _ in discounts] if affected is None else affected:
        calculation.locked[n] = max(calculation.locked[n], state)
        calculation.any_hidden = True


def _apply_best(calculation: QuoteCalculation, group: CandidateLines) -> None:
    """Apply the best proposal of the group (§4.6, mode best).

    Of equal proposals, the first one applies.
    """
    # All are evaluated before one is applied, so that all see the same costs.
    proposals = [
        (candidate, evaluate(calculation, candidate, numbers)) for candidate, numbers in group
    ]
    winner: Candidate | None = None
    best = -1  # below zero: a gift without a value is worth 0 and may still win (§8.1)
    for candidate, proposal in proposals:
        if not proposal.reason and proposal.amount + proposal.gift_value > best:
            winner, best = candidate, proposal.amount + proposal.gift_value
    for candidate, proposal in proposals:
        if not proposal.reason and candidate is not winner and winner is not None:
            proposal.reason, proposal.detail = "better_discount", winner.id
        _apply_or_trace(calculation, candidate, proposal)


def _apply_best_per_line(calculation: QuoteCalculation, group: CandidateLines) -> None:
    """Apply the best proposal to each line; of equal ones, the first (§4.6, §5.2)."""
    # Most groups have one candidate: no comparison needed.
    if len(group) == 1:
        candidate, numbers = group[0]
        _apply_or_trace(calculation, candidate, evaluate(calculation, candidate, numbers))
        return
    proposals = [
        (candidate, evaluate(calculation, candidate, numbers)) for candidate, numbers in group
    ]
    best = [0] * len(calculation.lines)
    winner = [-1] * len(calculation.lines)
    for place, (_, proposal) in enumerate(proposals):
        if not proposal.reason:
            for n, saved in proposal.line_discounts:
                if saved > best[n]:
                    best[n], winner[n] = saved, place
    for place, (candidate, proposal) in enumerate(proposals):
        if not proposal.reason:
            won = [(n, saved) for n, saved in proposal.line_discounts if winner[n] == place]
            if not won:
                rival = proposals[winner[proposal.line_discounts[0][0]]][0]
                proposal.reason, proposal.detail = "better_discount", rival.id
            proposal.line_discounts = won
        _apply_or_trace(calculation, candidate, proposal)


def _apply_first(calculation: QuoteCalculation, group: CandidateLines) -> None:
    """Apply the first promotion, in the lines step to each line (§4.6, mode first)."""
    by_line = group[0][0].step is PricingStep.LINES
    applied = False
    for candidate, numbers in group:
        if applied and not by_line:
            calculation.trace_promotion(candidate, reason="earlier_in_group")
            continue
        proposal = evaluate(calculation, candidate, numbers)
        _apply_or_trace(calculation, candidate, proposal)
        if not proposal.reason:
            applied = True
            if by_line:
                # Later promotions of this group do not see these lines; other groups see them.
                for n, _ in proposal.line_discounts:
                    calculation.taken_in_group[n] = True
                    calculation.any_hidden = True
    if by_line:
        calculation.taken_in_group = [False] * len(calculation.lines)
        calculation.any_hidden = any(calculation.locked)
