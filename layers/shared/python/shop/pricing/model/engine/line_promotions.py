"""Promotions on lines: percentages, amounts, limited, flash, group prices (law of prices, §5)."""

from shop.kernel.money import apportion, ratio
from shop.pricing.model.effects import (
    FULL_BASIS_POINTS,
    AmountOff,
    FlashSale,
    GroupPrice,
    LimitedPrice,
    PercentOff,
)
from shop.pricing.model.engine.calculation import DiscountProposal, QuoteCalculation
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.targeting import amount_in


def percent_off(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: PercentOff,
    visible_lines: list[int],
) -> DiscountProposal:
    cost, points, rounding = calculation.cost, effect.basis_points, calculation.rounding
    off = [(n, ratio(cost[n] * points, FULL_BASIS_POINTS, rounding)) for n in visible_lines]
    if effect.up_to:
        cap = amount_in(effect.up_to, calculation.currency)
        if cap is None:
            return DiscountProposal(reason="no_amount_in_currency")
        amounts = [amount for _, amount in off]
        if sum(amounts) > cap:
            off = list(zip(visible_lines, apportion(cap, amounts), strict=True))
    return DiscountProposal([(n, amount) for n, amount in off if amount])


def amount_off(
    calculation: QuoteCalculation, candidate: Candidate, effect: AmountOff, visible_lines: list[int]
) -> DiscountProposal:
    each = amount_in(effect.amount, calculation.currency)
    if each is None:
        return DiscountProposal(reason="no_amount_in_currency")
    cost, quantity = calculation.cost, calculation.quantity
    per_unit = effect.per == "unit"
    off = [(n, min(cost[n], each * quantity[n] if per_unit else each)) for n in visible_lines]
    return DiscountProposal([(n, amount) for n, amount in off if amount])


def limited_price(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: LimitedPrice | GroupPrice,
    visible_lines: list[int],
) -> DiscountProposal:
    price = amount_in(effect.price, calculation.currency)
    if price is None:
        return DiscountProposal(reason="no_amount_in_currency")
    off = [(n, calculation.cost[n] - price * calculation.quantity[n]) for n in visible_lines]
    return DiscountProposal([(n, amount) for n, amount in off if amount > 0])


def flash_sale(
    calculation: QuoteCalculation, candidate: Candidate, effect: FlashSale, visible_lines: list[int]
) -> DiscountProposal:
    price = None
    if effect.price:
        price = amount_in(effect.price, calculation.currency)
        if price is None:
            return DiscountProposal(reason="no_amount_in_currency")
    remaining = None
    if effect.quota is not None:
        remaining = calculation.limits.quota_remaining.get(candidate.id, effect.quota)
        if remaining <= 0:
            return DiscountProposal(reason="quota_spent")
    if effect.per_customer is not None:
        mine = effect.per_customer - calculation.limits.customer_used.get(candidate.id, 0)
        if mine <= 0:
            return DiscountProposal(reason="customer_limit")
        remaining = mine if remaining is None else min(remaining, mine)
    off = []
    allotted = {}
    for n in visible_lines:
        quantity = calculation.quantity[n]
        units = quantity if remaining is None else min(remaining, quantity)
        if not units:
            break
        each, over = divmod(calculation.cost[n], quantity)
        worth = each * units + min(units, over)
        if price is not None:
            saved = worth - price * units
        else:
            saved = ratio(
                worth * (effect.basis_points or 0), FULL_BASIS_POINTS, calculation.rounding
            )
        if saved > 0:
            off.append((n, saved))
            allotted[n] = units
            if remaining is not None:
                remaining -= units
    return DiscountProposal(off, allotted=None if remaining is None else allotted)
