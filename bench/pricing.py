"""CPU time of a quote: 50 lines with 200 promotions, and 3 lines with 20.

``python -m bench.pricing`` prints the median CPU time of a quote, its spread, and the result. It
exits with 1 if a median exceeds its budget. The rules are indexed once, as in a warm Lambda; the
first quote, which includes that, is printed separately. Every promotion is in force and targets
goods in the basket. This is worse than in a real shop, where most promotions target other goods.
"""

import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time_ns

from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model import effects
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.promotions import Promotion, Stacking, StackingGroup, StackingMode
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions, Selection, Window

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
BUDGETS = {(50, 200): 5.0, (3, 20): 0.5}
"""Milliseconds of CPU, median, by lines and promotions."""


def eur(minor: int) -> tuple[Money, ...]:
    """Return the same number of minor units in two currencies."""
    return (Money(minor, "EUR"), Money(minor, "USD"))


def basket_of(count: int) -> Basket:
    """Return a basket with so many lines."""
    return Basket(
        lines=tuple(
            BasketLine(
                id=f"line_{n}",
                product_id=f"p{n}",
                variant_id=f"p{n}.1",
                sku=f"SKU-{n}",
                title=f"Thing {n}",
                unit_price=Money(499 + 137 * n, "EUR"),
                quantity=1 + n % 4,
                categories=(f"c{n % 10}", f"d{n % 3}"),
                weight_g=200,
            )
            for n in range(count)
        ),
        currency="EUR",
        market="EU",
        destination=Destination("FR"),
        shipping=Money(599, "EUR"),
        shipping_method="eu-standard",
    )


def promotion(n: int, lines: int) -> Promotion:
    """Return the n-th promotion: two thirds reduce lines, the others sets, order or shipping."""
    category = Selection(categories=(f"c{n % min(10, lines)}",))
    product = Selection(products=(f"p{n % lines}",))
    kinds: tuple[tuple[effects.Effect, Selection], ...] = (
        (effects.PercentOff(100_000 + n), category),
        (effects.AmountOff(eur(50 + n)), product),
        (effects.LimitedPrice(eur(450 + n)), product),
        (effects.PercentOff(50_000 + n), Selection()),
        (effects.FlashSale(off_ppm=200_000 + n, quota=100, per_customer=2), product),
        (effects.AmountOff(eur(20)), Selection(categories=(f"d{n % min(3, lines)}",))),
        (effects.BuyGet(2, 1), category),
        (effects.OrderPercent(30_000 + n), Selection()),
        (
            effects.SpendSave((effects.SpendTier(Money(1000, "EUR"), Money(100 + n, "EUR")),)),
            Selection(),
        ),
        (effects.FreeGift("TOTE", "Tote bag"), Selection()),
        (effects.ShippingOff(off_ppm=100_000 + n), Selection()),
        (effects.PercentOff(80_000, up_to=eur(2000)), category),
    )
    effect, goods = kinds[n % len(kinds)]
    return Promotion(
        id=f"promotion-{n}",
        title=f"Promotion {n}",
        effect=effect,
        goods=goods,
        conditions=Conditions(
            window=Window(starts=datetime(2026, 11, 1, tzinfo=UTC)),
            markets=("EU",),
            min_amount=eur(500) if n % 3 == 0 else (),
        ),
        stacking=Stacking(group=f"g{n % 4}", priority=n),
        published=True,
    )


def rules_of(promotions: int, lines: int) -> RuleSet:
    """Return a rule set with so many promotions, for a basket with so many lines."""
    return RuleSet(
        version="bench",
        promotions=tuple(promotion(n, lines) for n in range(promotions)),
        groups=(StackingGroup("g0", StackingMode.ALL), StackingGroup("g1", StackingMode.FIRST)),
        price_lists=(
            PriceList(
                "members",
                "EUR",
                tuple(PriceEntry(f"p{n}.1", 450 + 137 * n) for n in range(0, lines, 2)),
                markets=("EU",),
            ),
        ),
    )


def cpu_times(calculate: Callable[[], Quote], rounds: int) -> list[float]:
    """Return the CPU milliseconds of each round."""
    times = []
    for _ in range(rounds):
        began = process_time_ns()
        calculate()
        times.append((process_time_ns() - began) / 1e6)
    return times


def main() -> int:
    over = False
    for (lines, promotions), budget in BUDGETS.items():
        basket, rules = basket_of(lines), rules_of(promotions, lines)
        began = process_time_ns()
        q = quote(basket, rules=rules, at=AT)
        first = (process_time_ns() - began) / 1e6
        rounds = 300 if lines > 10 else 2000
        times = cpu_times(lambda b=basket, r=rules: quote(b, rules=r, at=AT), rounds)  # type: ignore[misc]
        median = statistics.median(times)
        tenth = statistics.quantiles(times, n=10)
        evaluated = [e for e in q.trace if e.step.value not in ("price", "tax")]
        applied = sum(e.applied for e in evaluated)
        over = over or median > budget
        print(
            f"{lines} lines x {promotions} promotions: median {median:.3f} ms CPU"
            f" (10 % {tenth[0]:.3f}, 90 % {tenth[8]:.3f}), budget {budget} ms"
            f" {'ok' if median <= budget else 'OVER'}; first, with indexing, {first:.1f} ms;"
            f" {len(evaluated)} evaluated, {applied} applied, total {q.total}"
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
