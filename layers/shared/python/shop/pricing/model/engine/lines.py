"""Promotions on lines: percentages, amounts, limited, flash, group prices (law of prices, §5)."""

from shop.kernel.money import apportion, ratio
from shop.pricing.model.choice import amount_in
from shop.pricing.model.effects import (
    WHOLE,
    AmountOff,
    FlashSale,
    GroupPrice,
    LimitedPrice,
    PercentOff,
)
from shop.pricing.model.engine.work import Deal, Work
from shop.pricing.model.plan import Candidate


def percent_off(work: Work, candidate: Candidate, effect: PercentOff, seen: list[int]) -> Deal:
    cost, points, rounding = work.cost, effect.basis_points, work.rounding
    off = [(n, ratio(cost[n] * points, WHOLE, rounding)) for n in seen]
    if effect.up_to:
        cap = amount_in(effect.up_to, work.currency)
        if cap is None:
            return Deal(reason="no_amount_in_currency")
        amounts = [amount for _, amount in off]
        if sum(amounts) > cap:
            off = list(zip(seen, apportion(cap, amounts), strict=True))
    return Deal([(n, amount) for n, amount in off if amount])


def amount_off(work: Work, candidate: Candidate, effect: AmountOff, seen: list[int]) -> Deal:
    each = amount_in(effect.amount, work.currency)
    if each is None:
        return Deal(reason="no_amount_in_currency")
    cost, quantity = work.cost, work.quantity
    per_unit = effect.per == "unit"
    off = [(n, min(cost[n], each * quantity[n] if per_unit else each)) for n in seen]
    return Deal([(n, amount) for n, amount in off if amount])


def limited_price(
    work: Work, candidate: Candidate, effect: LimitedPrice | GroupPrice, seen: list[int]
) -> Deal:
    price = amount_in(effect.price, work.currency)
    if price is None:
        return Deal(reason="no_amount_in_currency")
    off = [(n, work.cost[n] - price * work.quantity[n]) for n in seen]
    return Deal([(n, amount) for n, amount in off if amount > 0])


def flash_sale(work: Work, candidate: Candidate, effect: FlashSale, seen: list[int]) -> Deal:
    price = None
    if effect.price:
        price = amount_in(effect.price, work.currency)
        if price is None:
            return Deal(reason="no_amount_in_currency")
    left = None
    if effect.quota is not None:
        left = work.standing.quota_left.get(candidate.id, effect.quota)
        if left <= 0:
            return Deal(reason="quota_spent")
    if effect.per_customer is not None:
        mine = effect.per_customer - work.standing.customer_had.get(candidate.id, 0)
        if mine <= 0:
            return Deal(reason="customer_limit")
        left = mine if left is None else min(left, mine)
    off = []
    allotted = {}
    for n in seen:
        quantity = work.quantity[n]
        units = quantity if left is None else min(left, quantity)
        if not units:
            break
        each, over = divmod(work.cost[n], quantity)
        worth = each * units + min(units, over)
        if price is not None:
            saved = worth - price * units
        else:
            saved = ratio(worth * (effect.basis_points or 0), WHOLE, work.rounding)
        if saved > 0:
            off.append((n, saved))
            allotted[n] = units
            if left is not None:
                left -= units
    return Deal(off, allotted=None if left is None else allotted)
