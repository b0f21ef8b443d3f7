"""Promotions on sets of units: buy X get Y, bundles (law of prices, §6)."""

from shop.kernel.money import apportion, ratio
from shop.pricing.model.effects import FULL_BASIS_POINTS, Bundle, BundleComponent, BuyGet
from shop.pricing.model.engine.calculation import DiscountProposal, QuoteCalculation, UnitRun
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.targeting import amount_in


def _cheapest(run: UnitRun) -> tuple[int, int]:
    return (run.cost, run.line)


def _dearest(run: UnitRun) -> tuple[int, int]:
    return (-run.cost, run.line)


def buy_get(
    calculation: QuoteCalculation, candidate: Candidate, effect: BuyGet, visible_lines: list[int]
) -> DiscountProposal:
    to_buy = set(visible_lines)
    if effect.get is None:
        to_get = to_buy
    else:
        wanted = effect.get
        to_get = set(
            calculation.visible_lines(
                candidate, [n for n, line in enumerate(calculation.lines) if wanted.contains(line)]
            )
        )
    runs = [run for n in sorted(to_buy | to_get) for run in calculation.runs[n] if run.free]
    only_buy = only_get = both = 0
    for run in runs:
        if run.line not in to_get:
            only_buy += run.free
        elif run.line not in to_buy:
            only_get += run.free
        else:
            both += run.free
    buy, get = effect.buy_quantity, effect.get_quantity
    times = min(
        (only_buy + both) // buy,
        (only_get + both) // get,
        (only_buy + only_get + both) // (buy + get),
    )
    if effect.times is not None:
        times = min(times, effect.times)
    if not times:
        return DiscountProposal(
            reason="too_few", detail=f"{only_buy + both} to buy, {only_get + both} to get"
        )
    spare = both - max(0, times * buy - only_buy)
    off: dict[int, int] = {}
    claims: list[tuple[UnitRun, int]] = []
    got: dict[int, int] = {}
    need = times * get
    for run in sorted(runs, key=_cheapest):
        if run.line not in to_get:
            continue
        take = min(run.free, need)
        if run.line in to_buy:
            take = min(take, spare)
            spare -= take
        if take:
            need -= take
            got[id(run)] = take
            claims.append((run, take))
            saved = take * ratio(
                run.cost * effect.basis_points, FULL_BASIS_POINTS, calculation.rounding
            )
            if saved:
                off[run.line] = off.get(run.line, 0) + saved
    need = times * buy
    for run in sorted(runs, key=_dearest):
        if run.line in to_buy and need:
            take = min(run.free - got.get(id(run), 0), need)
            if take:
                need -= take
                claims.append((run, take))
    takes = sorted({run.line for run, _ in claims})
    return DiscountProposal(sorted(off.items()), affected_lines=takes, claims=claims)


def bundle(
    calculation: QuoteCalculation, candidate: Candidate, effect: Bundle, visible_lines: list[int]
) -> DiscountProposal:
    price = amount_in(effect.price, calculation.currency)
    if price is None:
        return DiscountProposal(reason="no_amount_in_currency")
    fitting = [
        sorted(
            (
                run
                for n in visible_lines
                if part.goods.contains(calculation.lines[n])
                for run in calculation.runs[n]
            ),
            key=_dearest,
        )
        for part in effect.parts
    ]
    used: dict[UnitRun, int] = {}
    off: dict[int, int] = {}
    remaining = effect.times
    while remaining is None or remaining > 0:
        picked = _fill(effect.parts, fitting, used)
        if picked is None:
            if not used:
                return DiscountProposal(reason="too_few", detail="a part of the bundle is missing")
            break
        saved = sum(run.cost * units for run, units in picked.items()) - price
        if saved <= 0:
            break
        # The same units are the dearest again until one of their runs is used up.
        again = min((run.free - used.get(run, 0)) // units for run, units in picked.items())
        if remaining is not None:
            again = min(again, remaining)
            remaining -= again
        weights: dict[int, int] = {}
        for run, units in picked.items():
            weights[run.line] = weights.get(run.line, 0) + run.cost * units
            used[run] = used.get(run, 0) + units * again
        lines = sorted(weights)
        for n, share in zip(lines, apportion(saved, [weights[n] for n in lines]), strict=True):
            off[n] = off.get(n, 0) + share * again
    return DiscountProposal(
        [(n, amount) for n, amount in sorted(off.items()) if amount],
        affected_lines=sorted({run.line for run in used}),
        claims=list(used.items()),
    )


def _fill(
    parts: tuple[BundleComponent, ...], fitting: list[list[UnitRun]], used: dict[UnitRun, int]
) -> dict[UnitRun, int] | None:
    """The units of one bundle, or ``None`` where a part cannot be filled."""
    picked: dict[UnitRun, int] = {}
    for part, runs in zip(parts, fitting, strict=True):
        need = part.quantity
        for run in runs:
            take = min(run.free - used.get(run, 0) - picked.get(run, 0), need)
            if take > 0:
                picked[run] = picked.get(run, 0) + take
                need -= take
                if not need:
                    break
        if need:
            return None
    return picked
