"""Order promotions, gifts and shipping (docs/rules/pricing.md §7 to §9)."""

from shop.kernel.money import ratio
from shop.pricing.model.effects import (
    MILLION,
    EverySpend,
    FreeGift,
    OrderAmount,
    OrderPercent,
    ShippingOff,
    SpendSave,
    SpendTier,
)
from shop.pricing.model.engine.calculation import LOCKED, DiscountProposal, QuoteCalculation
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.targeting import amount_in


def _base_amount(calculation: QuoteCalculation, visible: list[int]) -> int:
    """Return the present cost of the visible goods (§7.1)."""
    cost = calculation.cost
    return sum([cost[n] for n in visible])


def order_percent(
    calculation: QuoteCalculation, candidate: Candidate, effect: OrderPercent, visible: list[int]
) -> DiscountProposal:
    """Propose a percentage off the sum of the goods."""
    # §7.1: rounded once for the order; percent_off rounds for each line.
    amount = ratio(
        _base_amount(calculation, visible) * effect.off_ppm,
        MILLION,
        calculation.rounding,
    )
    if effect.up_to:
        cap = amount_in(effect.up_to, calculation.currency)
        if cap is None:
            return DiscountProposal(reason="no_amount_in_currency")
        amount = min(amount, cap)
    return DiscountProposal(order_discount=amount, affected_lines=visible)


def order_amount(
    calculation: QuoteCalculation, candidate: Candidate, effect: OrderAmount, visible: list[int]
) -> DiscountProposal:
    """Propose an amount off the sum of the goods, at most that sum."""
    amount = amount_in(effect.amount, calculation.currency)
    if amount is None:
        return DiscountProposal(reason="no_amount_in_currency")
    return DiscountProposal(
        order_discount=min(amount, _base_amount(calculation, visible)), affected_lines=visible
    )


def spend_save(
    calculation: QuoteCalculation, candidate: Candidate, effect: SpendSave, visible: list[int]
) -> DiscountProposal:
    """Propose the saving of the highest tier that the goods reach."""
    base = _base_amount(calculation, visible)
    reached: SpendTier | None = None
    has_currency = False
    # §7.1: only the highest tier reached counts; tiers do not add up.
    for tier in effect.tiers:
        if tier.spend.currency == calculation.currency:
            has_currency = True
            if tier.spend.minor <= base and (
                reached is None or tier.spend.minor > reached.spend.minor
            ):
                reached = tier
    if not has_currency:
        return DiscountProposal(reason="no_amount_in_currency")
    if reached is None:
        return DiscountProposal(reason="amount_too_low", detail=f"{base} reaches no tier")
    if reached.save is not None:
        amount = reached.save.minor
    else:
        amount = ratio(base * (reached.off_ppm or 0), MILLION, calculation.rounding)
    return DiscountProposal(order_discount=min(amount, base), affected_lines=visible)


def every_spend(
    calculation: QuoteCalculation, candidate: Candidate, effect: EverySpend, visible: list[int]
) -> DiscountProposal:
    """Propose a saving for every full amount of goods."""
    base = _base_amount(calculation, visible)
    for every in effect.every:
        if every.spend.currency == calculation.currency:
            times = base // every.spend.minor
            if effect.times is not None:
                times = min(times, effect.times)
            if not times:
                return DiscountProposal(
                    reason="amount_too_low", detail=f"{base} of {every.spend.minor}"
                )
            return DiscountProposal(
                order_discount=min(times * every.save.minor, base), affected_lines=visible
            )
    return DiscountProposal(reason="no_amount_in_currency")


def gift(
    calculation: QuoteCalculation, candidate: Candidate, effect: FreeGift, visible: list[int]
) -> DiscountProposal:
    """Propose the units of a gift that are in stock."""
    # §8.2: a gift of unknown stock counts as in stock, because the order reserves it.
    remaining = calculation.gifts_remaining.get(effect.sku)
    units = effect.quantity if remaining is None else min(remaining, effect.quantity)
    if units <= 0:
        return DiscountProposal(reason="gift_out_of_stock")
    return DiscountProposal(
        gift_units=units,
        gift_value=units * (amount_in(effect.value, calculation.currency) or 0),
    )


def shipping_off(
    calculation: QuoteCalculation, candidate: Candidate, effect: ShippingOff, visible: list[int]
) -> DiscountProposal:
    """Propose a reduction of the shipping charge."""
    charge = calculation.shipping
    if not charge:
        return DiscountProposal(reason="no_shipping_charge")
    # §4.7: exclusive and stop promotions lock the charge, as they lock lines.
    if calculation.shipping_locked:
        locked = calculation.shipping_locked == LOCKED
        return DiscountProposal(reason="locked_by_exclusive" if locked else "locked_by_stop")
    if candidate.exclusive and calculation.shipping_reduced:
        return DiscountProposal(reason="already_reduced")
    if effect.methods and calculation.basket.shipping_method not in effect.methods:
        return DiscountProposal(reason="shipping_method_mismatch")
    if effect.off_ppm is not None:
        return DiscountProposal(
            shipping_discount=ratio(charge * effect.off_ppm, MILLION, calculation.rounding)
        )
    amount = amount_in(effect.amount or effect.price, calculation.currency)
    if amount is None:
        return DiscountProposal(reason="no_amount_in_currency")
    # §9.1: the charge never falls below zero, and a price above the charge changes nothing.
    return DiscountProposal(
        shipping_discount=min(charge, amount) if effect.amount else max(0, charge - amount)
    )
