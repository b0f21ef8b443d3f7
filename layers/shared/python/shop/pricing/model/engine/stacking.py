"""Which promotions apply beside which: groups, best deal, exclusive, stop (law of prices, 4.4 to
4.8).
"""

from collections.abc import Callable
from typing import Any

from shop.kernel.money import apportion
from shop.pricing.model.choice import amount_in
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.engine import lines, sets, whole
from shop.pricing.model.engine.work import CLOSED, STOPPED, Deal, Work
from shop.pricing.model.plan import Candidate
from shop.pricing.model.promotions import Mode
from shop.pricing.model.trace import Step

Touching = list[tuple[Candidate, list[int]]]

_DOES: dict[str, Callable[[Work, Candidate, Any, list[int]], Deal]] = {
    "percent_off": lines.percent_off,
    "amount_off": lines.amount_off,
    "limited_price": lines.limited_price,
    "flash_sale": lines.flash_sale,
    "group_price": lines.limited_price,
    "buy_get": sets.buy_get,
    "bundle": sets.bundle,
    "order_percent": whole.order_percent,
    "order_amount": whole.order_amount,
    "spend_save": whole.spend_save,
    "every_spend": whole.every_spend,
    "gift": whole.gift,
    "shipping_off": whole.shipping_off,
}


def promote(work: Work, touching: Touching) -> None:
    """Try these promotions, in order, and carry out those that apply."""
    step: Step | None = None
    start = 0
    while start < len(touching):
        first = touching[start][0]
        if first.step is not step:
            if step is not None:
                work.reopen()
            step = first.step
            if step is Step.SETS:
                work.split_into_units()
        end = start + 1
        while (
            end < len(touching)
            and touching[end][0].group == first.group
            and touching[end][0].step is step
        ):
            end += 1
        group = touching[start:end]
        if first.mode is Mode.ALL:
            for candidate, numbers in group:
                _settle(work, candidate, reckon(work, candidate, numbers))
        elif first.mode is Mode.FIRST:
            _first(work, group)
        elif step is Step.LINES:
            _best_by_line(work, group)
        else:
            _best(work, group)
        start = end


def reckon(work: Work, candidate: Candidate, numbers: list[int]) -> Deal:
    """What the promotion would do now; with a reason where it does not apply."""
    seen = work.seen(candidate, numbers)
    if not seen:
        return Deal(reason=work.why_unseen(candidate, numbers))
    if candidate.thresholds:
        short = _too_little(work, candidate, seen)
        if short is not None:
            return short
    effect = candidate.effect
    deal = _DOES[effect.kind](work, candidate, effect, seen)
    if not deal.reason and not deal.gift and not deal.amount:
        deal.reason = "saves_nothing"
    return deal


def _too_little(work: Work, candidate: Candidate, seen: list[int]) -> Deal | None:
    conditions = candidate.conditions
    if conditions.of is not None:
        goods = conditions.of
        seen = work.seen(candidate, [n for n, line in enumerate(work.lines) if goods.holds(line)])
    if conditions.min_quantity:
        units = sum([work.quantity[n] for n in seen])
        if units < conditions.min_quantity:
            return Deal(reason="too_few", detail=f"{units} of {conditions.min_quantity}")
    if conditions.min_amount:
        least = amount_in(conditions.min_amount, work.currency)
        if least is None:
            return Deal(reason="no_amount_in_currency")
        cost = sum([work.cost[n] for n in seen])
        if cost < least:
            return Deal(reason="too_little", detail=f"{cost} of {least}")
    return None


def _settle(work: Work, candidate: Candidate, deal: Deal) -> None:
    """Carry a deal out, or write down why not."""
    if deal.reason:
        work.note(candidate, reason=deal.reason, detail=deal.detail)
    else:
        _carry_out(work, candidate, deal)


def _carry_out(work: Work, candidate: Candidate, deal: Deal) -> None:
    amount = deal.amount
    touched: list[str] = []
    off = deal.off
    if deal.spread:
        takes = deal.takes or []
        shares = apportion(deal.spread, [work.cost[n] for n in takes])
        off = list(zip(takes, shares, strict=True))
    for n, saved in off:
        if saved:
            work.cost[n] -= saved
            work.reduced[n] = True
            work.discounts[n].append((candidate, saved))
            touched.append(work.lines[n].id)
    if deal.allotted:
        units = sum(deal.allotted[n] for n, _ in off)
        work.units[candidate.id] = work.units.get(candidate.id, 0) + units
    for run, claimed in deal.claims:
        run.free -= claimed
    effect = candidate.effect
    if isinstance(effect, GiftWith):
        work.gifts.append((candidate, effect, deal.gift))
        if effect.sku in work.gifts_left:
            work.gifts_left[effect.sku] -= deal.gift
    if deal.shipping and work.ship is not None:
        work.ship -= deal.shipping
        work.ship_reduced = True
        work.ship_discounts.append((candidate, deal.shipping))
    if candidate.exclusive or candidate.stop:
        state = CLOSED if candidate.exclusive else STOPPED
        if deal.shipping:
            work.ship_shut = max(work.ship_shut, state)
        for n in [n for n, _ in off] if deal.takes is None else deal.takes:
            work.shut[n] = max(work.shut[n], state)
            work.any_shut = True
    work.note(candidate, amount, True, lines=tuple(touched))


def _best(work: Work, group: Touching) -> None:
    """One deal for the whole step: the best, of equal ones the first."""
    deals = [(candidate, reckon(work, candidate, numbers)) for candidate, numbers in group]
    winner: Candidate | None = None
    best = -1
    for candidate, deal in deals:
        if not deal.reason and deal.amount + deal.worth > best:
            winner, best = candidate, deal.amount + deal.worth
    for candidate, deal in deals:
        if not deal.reason and candidate is not winner and winner is not None:
            deal.reason, deal.detail = "better_deal", winner.id
        _settle(work, candidate, deal)


def _best_by_line(work: Work, group: Touching) -> None:
    """For each line its best deal, of equal ones the first."""
    if len(group) == 1:
        candidate, numbers = group[0]
        _settle(work, candidate, reckon(work, candidate, numbers))
        return
    deals = [(candidate, reckon(work, candidate, numbers)) for candidate, numbers in group]
    best = [0] * len(work.lines)
    winner = [-1] * len(work.lines)
    for place, (_, deal) in enumerate(deals):
        if not deal.reason:
            for n, saved in deal.off:
                if saved > best[n]:
                    best[n], winner[n] = saved, place
    for place, (candidate, deal) in enumerate(deals):
        if not deal.reason:
            won = [(n, saved) for n, saved in deal.off if winner[n] == place]
            if not won:
                rival = deals[winner[deal.off[0][0]]][0]
                deal.reason, deal.detail = "better_deal", rival.id
            deal.off = won
        _settle(work, candidate, deal)


def _first(work: Work, group: Touching) -> None:
    """One after another; what one has, the later ones do not get."""
    by_line = group[0][0].step is Step.LINES
    taken = False
    for candidate, numbers in group:
        if taken and not by_line:
            work.note(candidate, reason="earlier_in_group")
            continue
        deal = reckon(work, candidate, numbers)
        _settle(work, candidate, deal)
        if not deal.reason:
            taken = True
            if by_line:
                for n, _ in deal.off:
                    work.skip[n] = True
                    work.any_shut = True
    if by_line:
        work.skip = [False] * len(work.lines)
        work.any_shut = any(work.shut)
