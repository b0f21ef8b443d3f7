"""Set promotions: buy X get Y, and bundles (docs/rules/pricing.md §6)."""

from shop.kernel.money import apportion, ratio
from shop.pricing.model.effects import MILLION, Bundle, BundleComponent, BuyGet
from shop.pricing.model.engine.calculation import DiscountProposal, QuoteCalculation, UnitRun
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.targeting import amount_in


def _cheapest_first(run: UnitRun) -> tuple[int, int]:
    return (run.cost, run.line)


def _most_expensive_first(run: UnitRun) -> tuple[int, int]:
    return (-run.cost, run.line)


def buy_get(
    calculation: QuoteCalculation, candidate: Candidate, effect: BuyGet, visible: list[int]
) -> DiscountProposal:
    """Propose to reduce the cheapest units to get, for the most expensive units to buy (§6.2)."""
    buy_lines = set(visible)
    if effect.get is None:
        get_lines = buy_lines
    else:
        gettable = effect.get
        get_lines = set(
            calculation.visible_lines(
                candidate,
                [n for n, line in enumerate(calculation.lines) if gettable.contains(line)],
            )
        )
    # §6.1: only units that serve no other set.
    runs = [run for n in sorted(buy_lines | get_lines) for run in calculation.runs[n] if run.free]
    only_buy = sum([run.free for run in runs if run.line not in get_lines])
    only_get = sum([run.free for run in runs if run.line not in buy_lines])
    both = sum([run.free for run in runs]) - only_buy - only_get
    buy, get = effect.buy_quantity, effect.get_quantity
    # §6.2: enough units to buy, enough to get, and enough in total, since no unit serves as both.
    times = min(
        (only_buy + both) // buy,
        (only_get + both) // get,
        (only_buy + only_get + both) // (buy + get),
    )
    if effect.times is not None:
        times = min(times, effect.times)
    if not times:
        return DiscountProposal(
            reason="quantity_too_low", detail=f"{only_buy + both} to buy, {only_get + both} to get"
        )
    # Units that could serve as both, minus the units that must remain to be bought.
    spare = both - max(0, times * buy - only_buy)
    got = _take_cheapest(runs, get_lines, buy_lines, times * get, spare)
    bought = _take_most_expensive(runs, buy_lines, times * buy, got)
    discounts: dict[int, int] = {}
    for run, units in got:
        # §6.2: the reduction is rounded for each unit.
        saved = units * ratio(run.cost * effect.off_ppm, MILLION, calculation.rounding)
        if saved:
            discounts[run.line] = discounts.get(run.line, 0) + saved
    claimed = got + bought
    return DiscountProposal(
        sorted(discounts.items()),
        affected_lines=sorted({run.line for run, _ in claimed}),
        claimed_units=claimed,
    )


def _take_cheapest(
    runs: list[UnitRun], get_lines: set[int], buy_lines: set[int], needed: int, spare: int
) -> list[tuple[UnitRun, int]]:
    """Take the units got, cheapest first; at most ``spare`` of them could also be bought."""
    taken: list[tuple[UnitRun, int]] = []
    for run in sorted(runs, key=_cheapest_first):
        if run.line not in get_lines:
            continue
        units = min(run.free, needed)
        if run.line in buy_lines:
            units = min(units, spare)
            spare -= units
        if units:
            needed -= units
            taken.append((run, units))
    return taken


def _take_most_expensive(
    runs: list[UnitRun], buy_lines: set[int], needed: int, got: list[tuple[UnitRun, int]]
) -> list[tuple[UnitRun, int]]:
    """Take the units bought, most expensive first, from the units that are not got."""
    got_units = {id(run): units for run, units in got}
    taken: list[tuple[UnitRun, int]] = []
    for run in sorted(runs, key=_most_expensive_first):
        if run.line in buy_lines and needed:
            units = min(run.free - got_units.get(id(run), 0), needed)
            if units:
                needed -= units
                taken.append((run, units))
    return taken


def bundle(
    calculation: QuoteCalculation, candidate: Candidate, effect: Bundle, visible: list[int]
) -> DiscountProposal:
    """Propose bundles at their price, as often as they save something (§6.3)."""
    price = amount_in(effect.price, calculation.currency)
    if price is None:
        return DiscountProposal(reason="no_amount_in_currency")
    runs_by_part = _runs_by_part(calculation, effect.parts, visible)
    used: dict[UnitRun, int] = {}
    discounts: dict[int, int] = {}
    remaining = effect.times
    while remaining is None or remaining > 0:
        picked = _fill_bundle(effect.parts, runs_by_part, used)
        if picked is None:
            if not used:
                return DiscountProposal(
                    reason="quantity_too_low", detail="a part of the bundle is missing"
                )
            break
        saved = sum(run.cost * units for run, units in picked.items()) - price
        # §6.3: each bundle takes the most expensive units that remain, so later ones save less.
        if saved <= 0:
            break
        # The next bundle picks the same units until one of their runs is used up. Counting these
        # repetitions keeps a million units as fast as one.
        repeats = min((run.free - used.get(run, 0)) // units for run, units in picked.items())
        if remaining is not None:
            repeats = min(repeats, remaining)
            remaining -= repeats
        weights: dict[int, int] = {}
        for run, units in picked.items():
            weights[run.line] = weights.get(run.line, 0) + run.cost * units
            used[run] = used.get(run, 0) + units * repeats
        # §6.3: the saving is split over lines, not over runs, by the cost of the units used.
        lines = sorted(weights)
        for n, share in zip(lines, apportion(saved, [weights[n] for n in lines]), strict=True):
            discounts[n] = discounts.get(n, 0) + share * repeats
    return DiscountProposal(
        [(n, amount) for n, amount in sorted(discounts.items()) if amount],
        affected_lines=sorted({run.line for run in used}),
        claimed_units=list(used.items()),
    )


def _runs_by_part(
    calculation: QuoteCalculation, parts: tuple[BundleComponent, ...], visible: list[int]
) -> list[list[UnitRun]]:
    """Return the runs that may serve as each part, most expensive first."""
    return [
        sorted(
            (
                run
                for n in visible
                if part.goods.contains(calculation.lines[n])
                for run in calculation.runs[n]
            ),
            key=_most_expensive_first,
        )
        for part in parts
    ]


def _fill_bundle(
    parts: tuple[BundleComponent, ...], runs_by_part: list[list[UnitRun]], used: dict[UnitRun, int]
) -> dict[UnitRun, int] | None:
    """Return the units of one bundle, or ``None`` if a part cannot be filled."""
    picked: dict[UnitRun, int] = {}
    # §6.3: parts are filled in their written order, each with the most expensive free units.
    for part, runs in zip(parts, runs_by_part, strict=True):
        needed = part.quantity
        for run in runs:
            units = min(run.free - used.get(run, 0) - picked.get(run, 0), needed)
            if units > 0:
                picked[run] = picked.get(run, 0) + units
                needed -= units
                if not needed:
                    break
        if needed:
            return None
    return picked
