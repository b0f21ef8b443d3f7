"""Line promotions (docs/rules/pricing.md §5)."""

from shop.kernel.money import apportion, ratio
from shop.pricing.model.effects import (
    MILLION,
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
    calculation: QuoteCalculation, candidate: Candidate, effect: PercentOff, visible: list[int]
) -> DiscountProposal:
    """Propose a percentage off each line, with a cap on the sum."""
    cost, points, rounding = calculation.cost, effect.off_ppm, calculation.rounding
    discounts = [(n, ratio(cost[n] * points, MILLION, rounding)) for n in visible]
    if effect.up_to:
        cap = amount_in(effect.up_to, calculation.currency)
        if cap is None:
            return DiscountProposal(reason="no_amount_in_currency")
        amounts = [amount for _, amount in discounts]
        if sum(amounts) > cap:
            # §5.1: the cap is split by the discounts themselves, not by the costs.
            discounts = list(zip(visible, apportion(cap, amounts), strict=True))
    return DiscountProposal([(n, amount) for n, amount in discounts if amount])


def amount_off(
    calculation: QuoteCalculation, candidate: Candidate, effect: AmountOff, visible: list[int]
) -> DiscountProposal:
    """Propose an amount off each unit or line."""
    amount = amount_in(effect.amount, calculation.currency)
    if amount is None:
        return DiscountProposal(reason="no_amount_in_currency")
    cost, quantity = calculation.cost, calculation.quantity
    per_unit = effect.per == "unit"
    # §2.3: a promotion takes off at most the remaining cost.
    discounts = [(n, min(cost[n], amount * quantity[n] if per_unit else amount)) for n in visible]
    return DiscountProposal([(n, saved) for n, saved in discounts if saved])


def limited_price(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: LimitedPrice | GroupPrice,
    visible: list[int],
) -> DiscountProposal:
    """Propose a lower unit price for all units."""
    price = amount_in(effect.price, calculation.currency)
    if price is None:
        return DiscountProposal(reason="no_amount_in_currency")
    discounts = [(n, calculation.cost[n] - price * calculation.quantity[n]) for n in visible]
    # §5.1: a line that costs less than the limited price keeps its cost.
    return DiscountProposal([(n, saved) for n, saved in discounts if saved > 0])


def flash_sale(
    calculation: QuoteCalculation, candidate: Candidate, effect: FlashSale, visible: list[int]
) -> DiscountProposal:
    """Propose a price or percentage for the units that quota and customer limit allow."""
    price = None
    if effect.price:
        price = amount_in(effect.price, calculation.currency)
        if price is None:
            return DiscountProposal(reason="no_amount_in_currency")
    # §5.1: the smaller of the remaining quota and the customer's remaining units. None is no limit.
    remaining = None
    if effect.quota is not None:
        remaining = calculation.limits.quota_remaining.get(candidate.id, effect.quota)
        if remaining <= 0:
            return DiscountProposal(reason="quota_exhausted")
    if effect.per_customer is not None:
        customer_remaining = effect.per_customer - calculation.limits.customer_used.get(
            candidate.id, 0
        )
        if customer_remaining <= 0:
            return DiscountProposal(reason="customer_limit_reached")
        remaining = customer_remaining if remaining is None else min(remaining, customer_remaining)
    discounts = []
    allotted = {}
    # §5.1: lines get their units in canonical order, within a line the most expensive units first.
    for n in visible:
        quantity = calculation.quantity[n]
        units = quantity if remaining is None else min(remaining, quantity)
        if not units:
            break  # the limit is used up
        unit_cost, remainder = divmod(calculation.cost[n], quantity)
        cost = unit_cost * units + min(units, remainder)
        if price is not None:
            saved = cost - price * units
        else:
            saved = ratio(cost * (effect.off_ppm or 0), MILLION, calculation.rounding)
        # A line that saves nothing gets no units; they go to the next line.
        if saved > 0:
            discounts.append((n, saved))
            allotted[n] = units
            if remaining is not None:
                remaining -= units
    # Without a limit, the order counts no units.
    return DiscountProposal(discounts, counted_units=None if remaining is None else allotted)
