"""Promotions on sets of units: buy X get Y, bundles (law of prices, §6)."""

from shop.kernel.money import apportion, ratio
from shop.pricing.model.choice import amount_in
from shop.pricing.model.effects import WHOLE, Bundle, BuyGet, Part
from shop.pricing.model.engine.work import Deal, Run, Work
from shop.pricing.model.plan import Candidate


def _cheapest(run: Run) -> tuple[int, int]:
    return (run.cost, run.line)


def _dearest(run: Run) -> tuple[int, int]:
    return (-run.cost, run.line)


def buy_get(work: Work, candidate: Candidate, effect: BuyGet, seen: list[int]) -> Deal:
    to_buy = set(seen)
    if effect.get is None:
        to_get = to_buy
    else:
        wanted = effect.get
        to_get = set(
            work.seen(candidate, [n for n, line in enumerate(work.lines) if wanted.holds(line)])
        )
    runs = [run for n in sorted(to_buy | to_get) for run in work.runs[n] if run.free]
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
        return Deal(reason="too_few", detail=f"{only_buy + both} to buy, {only_get + both} to get")
    spare = both - max(0, times * buy - only_buy)
    off: dict[int, int] = {}
    claims: list[tuple[Run, int]] = []
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
            saved = take * ratio(run.cost * effect.basis_points, WHOLE, work.rounding)
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
    return Deal(sorted(off.items()), takes=takes, claims=claims)


def bundle(work: Work, candidate: Candidate, effect: Bundle, seen: list[int]) -> Deal:
    price = amount_in(effect.price, work.currency)
    if price is None:
        return Deal(reason="no_amount_in_currency")
    fitting = [
        sorted(
            (run for n in seen if part.goods.holds(work.lines[n]) for run in work.runs[n]),
            key=_dearest,
        )
        for part in effect.parts
    ]
    used: dict[Run, int] = {}
    off: dict[int, int] = {}
    left = effect.times
    while left is None or left > 0:
        picked = _fill(effect.parts, fitting, used)
        if picked is None:
            if not used:
                return Deal(reason="too_few", detail="a part of the bundle is missing")
            break
        saved = sum(run.cost * units for run, units in picked.items()) - price
        if saved <= 0:
            break
        # The same units are the dearest again until one of their runs is used up.
        again = min((run.free - used.get(run, 0)) // units for run, units in picked.items())
        if left is not None:
            again = min(again, left)
            left -= again
        weights: dict[int, int] = {}
        for run, units in picked.items():
            weights[run.line] = weights.get(run.line, 0) + run.cost * units
            used[run] = used.get(run, 0) + units * again
        lines = sorted(weights)
        for n, share in zip(lines, apportion(saved, [weights[n] for n in lines]), strict=True):
            off[n] = off.get(n, 0) + share * again
    return Deal(
        [(n, amount) for n, amount in sorted(off.items()) if amount],
        takes=sorted({run.line for run in used}),
        claims=list(used.items()),
    )


def _fill(
    parts: tuple[Part, ...], fitting: list[list[Run]], used: dict[Run, int]
) -> dict[Run, int] | None:
    """The units of one bundle, or ``None`` where a part cannot be filled."""
    picked: dict[Run, int] = {}
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
