"""Promotions on the order as a whole, gifts and shipping (law of prices, §7 to §9)."""

from shop.kernel.money import ratio
from shop.pricing.model.choice import amount_in
from shop.pricing.model.effects import (
    WHOLE,
    EverySpend,
    GiftWith,
    OrderAmount,
    OrderPercent,
    ShippingOff,
    SpendSave,
    Tier,
)
from shop.pricing.model.engine.work import Deal, Work
from shop.pricing.model.plan import Candidate


def _base(work: Work, seen: list[int]) -> int:
    cost = work.cost
    return sum([cost[n] for n in seen])


def order_percent(work: Work, candidate: Candidate, effect: OrderPercent, seen: list[int]) -> Deal:
    amount = ratio(_base(work, seen) * effect.basis_points, WHOLE, work.rounding)
    if effect.up_to:
        cap = amount_in(effect.up_to, work.currency)
        if cap is None:
            return Deal(reason="no_amount_in_currency")
        amount = min(amount, cap)
    return Deal(spread=amount, takes=seen)


def order_amount(work: Work, candidate: Candidate, effect: OrderAmount, seen: list[int]) -> Deal:
    amount = amount_in(effect.amount, work.currency)
    if amount is None:
        return Deal(reason="no_amount_in_currency")
    return Deal(spread=min(amount, _base(work, seen)), takes=seen)


def spend_save(work: Work, candidate: Candidate, effect: SpendSave, seen: list[int]) -> Deal:
    base = _base(work, seen)
    reached: Tier | None = None
    known = False
    for tier in effect.tiers:
        if tier.spend.currency == work.currency:
            known = True
            if tier.spend.minor <= base and (
                reached is None or tier.spend.minor > reached.spend.minor
            ):
                reached = tier
    if not known:
        return Deal(reason="no_amount_in_currency")
    if reached is None:
        return Deal(reason="too_little", detail=f"{base} reaches no tier")
    if reached.save is not None:
        amount = reached.save.minor
    else:
        amount = ratio(base * (reached.basis_points or 0), WHOLE, work.rounding)
    return Deal(spread=min(amount, base), takes=seen)


def every_spend(work: Work, candidate: Candidate, effect: EverySpend, seen: list[int]) -> Deal:
    base = _base(work, seen)
    for every in effect.every:
        if every.spend.currency == work.currency:
            times = base // every.spend.minor
            if effect.times is not None:
                times = min(times, effect.times)
            if not times:
                return Deal(reason="too_little", detail=f"{base} of {every.spend.minor}")
            return Deal(spread=min(times * every.save.minor, base), takes=seen)
    return Deal(reason="no_amount_in_currency")


def gift(work: Work, candidate: Candidate, effect: GiftWith, seen: list[int]) -> Deal:
    left = work.gifts_left.get(effect.sku)
    units = effect.quantity if left is None else min(left, effect.quantity)
    if units <= 0:
        return Deal(reason="gift_out_of_stock")
    return Deal(gift=units, worth=units * (amount_in(effect.value, work.currency) or 0))


def shipping_off(work: Work, candidate: Candidate, effect: ShippingOff, seen: list[int]) -> Deal:
    charge = work.ship
    if not charge:
        return Deal(reason="no_shipping")
    if work.ship_shut:
        return Deal(reason="closed" if work.ship_shut == 2 else "stopped")
    if candidate.exclusive and work.ship_reduced:
        return Deal(reason="not_alone")
    if effect.methods and work.basket.shipping_method not in effect.methods:
        return Deal(reason="other_method")
    if effect.basis_points is not None:
        return Deal(shipping=ratio(charge * effect.basis_points, WHOLE, work.rounding))
    amount = amount_in(effect.amount or effect.price, work.currency)
    if amount is None:
        return Deal(reason="no_amount_in_currency")
    return Deal(shipping=min(charge, amount) if effect.amount else max(0, charge - amount))
