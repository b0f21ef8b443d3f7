"""Promotions on the order as a whole, gifts and shipping (law of prices, §7 to §9)."""

from shop.kernel.money import ratio
from shop.pricing.model.effects import (
    FULL_BASIS_POINTS,
    EverySpend,
    GiftWith,
    OrderAmount,
    OrderPercent,
    ShippingOff,
    SpendSave,
    Tier,
)
from shop.pricing.model.engine.calculation import DiscountProposal, QuoteCalculation
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.targeting import amount_in


def _base(calculation: QuoteCalculation, visible_lines: list[int]) -> int:
    cost = calculation.cost
    return sum([cost[n] for n in visible_lines])


def order_percent(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: OrderPercent,
    visible_lines: list[int],
) -> DiscountProposal:
    amount = ratio(
        _base(calculation, visible_lines) * effect.basis_points,
        FULL_BASIS_POINTS,
        calculation.rounding,
    )
    if effect.up_to:
        cap = amount_in(effect.up_to, calculation.currency)
        if cap is None:
            return DiscountProposal(reason="no_amount_in_currency")
        amount = min(amount, cap)
    return DiscountProposal(order_discount=amount, affected_lines=visible_lines)


def order_amount(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: OrderAmount,
    visible_lines: list[int],
) -> DiscountProposal:
    amount = amount_in(effect.amount, calculation.currency)
    if amount is None:
        return DiscountProposal(reason="no_amount_in_currency")
    return DiscountProposal(
        order_discount=min(amount, _base(calculation, visible_lines)), affected_lines=visible_lines
    )


def spend_save(
    calculation: QuoteCalculation, candidate: Candidate, effect: SpendSave, visible_lines: list[int]
) -> DiscountProposal:
    base = _base(calculation, visible_lines)
    reached: Tier | None = None
    known = False
    for tier in effect.tiers:
        if tier.spend.currency == calculation.currency:
            known = True
            if tier.spend.minor <= base and (
                reached is None or tier.spend.minor > reached.spend.minor
            ):
                reached = tier
    if not known:
        return DiscountProposal(reason="no_amount_in_currency")
    if reached is None:
        return DiscountProposal(reason="too_little", detail=f"{base} reaches no tier")
    if reached.save is not None:
        amount = reached.save.minor
    else:
        amount = ratio(base * (reached.basis_points or 0), FULL_BASIS_POINTS, calculation.rounding)
    return DiscountProposal(order_discount=min(amount, base), affected_lines=visible_lines)


def every_spend(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: EverySpend,
    visible_lines: list[int],
) -> DiscountProposal:
    base = _base(calculation, visible_lines)
    for every in effect.every:
        if every.spend.currency == calculation.currency:
            times = base // every.spend.minor
            if effect.times is not None:
                times = min(times, effect.times)
            if not times:
                return DiscountProposal(
                    reason="too_little", detail=f"{base} of {every.spend.minor}"
                )
            return DiscountProposal(
                order_discount=min(times * every.save.minor, base), affected_lines=visible_lines
            )
    return DiscountProposal(reason="no_amount_in_currency")


def gift(
    calculation: QuoteCalculation, candidate: Candidate, effect: GiftWith, visible_lines: list[int]
) -> DiscountProposal:
    remaining = calculation.gifts_remaining.get(effect.sku)
    units = effect.quantity if remaining is None else min(remaining, effect.quantity)
    if units <= 0:
        return DiscountProposal(reason="gift_out_of_stock")
    return DiscountProposal(
        gift=units, worth=units * (amount_in(effect.value, calculation.currency) or 0)
    )


def shipping_off(
    calculation: QuoteCalculation,
    candidate: Candidate,
    effect: ShippingOff,
    visible_lines: list[int],
) -> DiscountProposal:
    charge = calculation.shipping
    if not charge:
        return DiscountProposal(reason="no_shipping")
    if calculation.shipping_locked:
        return DiscountProposal(reason="closed" if calculation.shipping_locked == 2 else "stopped")
    if candidate.exclusive and calculation.ship_reduced:
        return DiscountProposal(reason="not_alone")
    if effect.methods and calculation.basket.shipping_method not in effect.methods:
        return DiscountProposal(reason="other_method")
    if effect.basis_points is not None:
        return DiscountProposal(
            shipping=ratio(charge * effect.basis_points, FULL_BASIS_POINTS, calculation.rounding)
        )
    amount = amount_in(effect.amount or effect.price, calculation.currency)
    if amount is None:
        return DiscountProposal(reason="no_amount_in_currency")
    return DiscountProposal(
        shipping=min(charge, amount) if effect.amount else max(0, charge - amount)
    )
