"""Which promotions apply beside which: groups, best deal, exclusive, stop (law of prices, 4.4 to
4.8).
"""

from collections.abc import Callable
from typing import Any

from shop.kernel.money import apportion
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.engine import bundle_promotions, line_promotions, order_promotions
from shop.pricing.model.engine.calculation import (
    CLOSED,
    STOPPED,
    DiscountProposal,
    QuoteCalculation,
)
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.promotions import StackingMode
from shop.pricing.model.targeting import amount_in
from shop.pricing.model.trace import PricingStage

CandidateLines = list[tuple[Candidate, list[int]]]

_DOES: dict[str, Callable[[QuoteCalculation, Candidate, Any, list[int]], DiscountProposal]] = {
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


def apply_promotions(calculation: QuoteCalculation, touching: CandidateLines) -> None:
    """Try these promotions, in order, and carry out those that apply."""
    step: PricingStage | None = None
    start = 0
    while start < len(touching):
        first = touching[start][0]
        if first.step is not step:
            if step is not None:
                calculation.unlock_step()
            step = first.step
            if step is PricingStage.SETS:
                calculation.split_into_units()
        end = start + 1
        while (
            end < len(touching)
            and touching[end][0].group == first.group
            and touching[end][0].step is step
        ):
            end += 1
        group = touching[start:end]
        if first.mode is StackingMode.ALL:
            for candidate, numbers in group:
                _settle(calculation, candidate, evaluate(calculation, candidate, numbers))
        elif first.mode is StackingMode.FIRST:
            _first(calculation, group)
        elif step is PricingStage.LINES:
            _best_by_line(calculation, group)
        else:
            _best(calculation, group)
        start = end


def evaluate(
    calculation: QuoteCalculation, candidate: Candidate, numbers: list[int]
) -> DiscountProposal:
    """What the promotion would do now; with a reason where it does not apply."""
    seen = calculation.visible_lines(candidate, numbers)
    if not seen:
        return DiscountProposal(reason=calculation.invisible_reason(candidate, numbers))
    if candidate.thresholds:
        short = _too_little(calculation, candidate, seen)
        if short is not None:
            return short
    effect = candidate.effect
    deal = _DOES[effect.kind](calculation, candidate, effect, seen)
    if not deal.reason and not deal.gift and not deal.amount:
        deal.reason = "saves_nothing"
    return deal


def _too_little(
    calculation: QuoteCalculation, candidate: Candidate, visible_lines: list[int]
) -> DiscountProposal | None:
    conditions = candidate.conditions
    if conditions.of is not None:
        goods = conditions.of
        visible_lines = calculation.visible_lines(
            candidate, [n for n, line in enumerate(calculation.lines) if goods.contains(line)]
        )
    if conditions.min_quantity:
        units = sum([calculation.quantity[n] for n in visible_lines])
        if units < conditions.min_quantity:
            return DiscountProposal(
                reason="too_few", detail=f"{units} of {conditions.min_quantity}"
            )
    if conditions.min_amount:
        least = amount_in(conditions.min_amount, calculation.currency)
        if least is None:
            return DiscountProposal(reason="no_amount_in_currency")
        cost = sum([calculation.cost[n] for n in visible_lines])
        if cost < least:
            return DiscountProposal(reason="too_little", detail=f"{cost} of {least}")
    return None


def _settle(
    calculation: QuoteCalculation, candidate: Candidate, proposal: DiscountProposal
) -> None:
    """Carry a deal out, or write down why not."""
    if proposal.reason:
        calculation.trace_promotion(candidate, reason=proposal.reason, detail=proposal.detail)
    else:
        _carry_out(calculation, candidate, proposal)


def _carry_out(
    calculation: QuoteCalculation, candidate: Candidate, proposal: DiscountProposal
) -> None:
    amount = proposal.amount
    touched: list[str] = []
    off = proposal.line_discounts
    if proposal.order_discount:
        takes = proposal.affected_lines or []
        shares = apportion(proposal.order_discount, [calculation.cost[n] for n in takes])
        off = list(zip(takes, shares, strict=True))
    for n, saved in off:
        if saved:
            calculation.cost[n] -= saved
            calculation.reduced[n] = True
            calculation.discounts[n].append((candidate, saved))
            touched.append(calculation.lines[n].id)
    if proposal.allotted:
        units = sum(proposal.allotted[n] for n, _ in off)
        calculation.units[candidate.id] = calculation.units.get(candidate.id, 0) + units
    for run, claimed in proposal.claims:
        run.free -= claimed
    effect = candidate.effect
    if isinstance(effect, GiftWith):
        calculation.gifts.append((candidate, effect, proposal.gift))
        if effect.sku in calculation.gifts_remaining:
            calculation.gifts_remaining[effect.sku] -= proposal.gift
    if proposal.shipping and calculation.shipping is not None:
        calculation.shipping -= proposal.shipping
        calculation.ship_reduced = True
        calculation.ship_discounts.append((candidate, proposal.shipping))
    if candidate.exclusive or candidate.stop:
        state = CLOSED if candidate.exclusive else STOPPED
        if proposal.shipping:
            calculation.shipping_locked = max(calculation.shipping_locked, state)
        for n in (
            [n for n, _ in off] if proposal.affected_lines is None else proposal.affected_lines
        ):
            calculation.locked[n] = max(calculation.locked[n], state)
            calculation.any_locked = True
    calculation.trace_promotion(candidate, amount, True, lines=tuple(touched))


def _best(calculation: QuoteCalculation, group: CandidateLines) -> None:
    """One deal for the whole step: the best, of equal ones the first."""
    deals = [(candidate, evaluate(calculation, candidate, numbers)) for candidate, numbers in group]
    winner: Candidate | None = None
    best = -1
    for candidate, deal in deals:
        if not deal.reason and deal.amount + deal.worth > best:
            winner, best = candidate, deal.amount + deal.worth
    for candidate, deal in deals:
        if not deal.reason and candidate is not winner and winner is not None:
            deal.reason, deal.detail = "better_deal", winner.id
        _settle(calculation, candidate, deal)


def _best_by_line(calculation: QuoteCalculation, group: CandidateLines) -> None:
    """For each line its best deal, of equal ones the first."""
    if len(group) == 1:
        candidate, numbers = group[0]
        _settle(calculation, candidate, evaluate(calculation, candidate, numbers))
        return
    deals = [(candidate, evaluate(calculation, candidate, numbers)) for candidate, numbers in group]
    best = [0] * len(calculation.lines)
    winner = [-1] * len(calculation.lines)
    for place, (_, deal) in enumerate(deals):
        if not deal.reason:
            for n, saved in deal.line_discounts:
                if saved > best[n]:
                    best[n], winner[n] = saved, place
    for place, (candidate, deal) in enumerate(deals):
        if not deal.reason:
            won = [(n, saved) for n, saved in deal.line_discounts if winner[n] == place]
            if not won:
                rival = deals[winner[deal.line_discounts[0][0]]][0]
                deal.reason, deal.detail = "better_deal", rival.id
            deal.line_discounts = won
        _settle(calculation, candidate, deal)


def _first(calculation: QuoteCalculation, group: CandidateLines) -> None:
    """One after another; what one has, the later ones do not get."""
    by_line = group[0][0].step is PricingStage.LINES
    taken = False
    for candidate, numbers in group:
        if taken and not by_line:
            calculation.trace_promotion(candidate, reason="earlier_in_group")
            continue
        deal = evaluate(calculation, candidate, numbers)
        _settle(calculation, candidate, deal)
        if not deal.reason:
            taken = True
            if by_line:
                for n, _ in deal.line_discounts:
                    calculation.skip[n] = True
                    calculation.any_locked = True
    if by_line:
        calculation.skip = [False] * len(calculation.lines)
        calculation.any_locked = any(calculation.locked)
