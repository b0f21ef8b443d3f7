"""Random pricing scenarios: a basket, rules, usage limits and an instant.

All numbers are small, so that baskets, rules and limits meet often.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from shop.kernel.money import Money, Rounding
from shop.places.model.destination import Destination
from shop.pricing.model import effects
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.promotions import Promotion, Stacking, StackingGroup, StackingMode
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions, Selection, Window
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
EDGES = (
    NOON,
    NOON + timedelta(hours=1),
    NOON + timedelta(days=1),
    NOON - timedelta(days=1),
    *(datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (0, 5, 8, 9, 13, 14, 16, 17, 22, 23)),
)
"""Instants at which windows, days, hours and codes begin or end in their time zones."""
CATEGORIES = ("c0", "c1", "c2")
PRODUCTS = ("p0", "p1", "p2", "p3")
GROUPS = ("gold", "trade")


@dataclass(frozen=True)
class PricingScenario:
    basket: Basket
    rules: RuleSet
    limits: UsageLimits
    at: datetime


def money(rng: Random, currency: str, maximum: int) -> Money:
    return Money(rng.choice([1, 7, 50, 99, 100, rng.randint(1, maximum)]), currency)


def amounts(rng: Random, currency: str, maximum: int = 3000) -> tuple[Money, ...]:
    result = [money(rng, currency, maximum)]
    if rng.random() < 0.1:
        result = [Money(500, "GBP")]
    elif rng.random() < 0.2:
        result.insert(0, Money(500, "GBP"))
    return tuple(result)


def one_or_two(rng: Random, ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(rng.sample(ids, rng.randint(1, 2)))


def selection(rng: Random, everything: float = 0.4) -> Selection:
    """A random selection; ``everything`` is the probability of one that names nothing."""
    if rng.random() < everything:
        names: dict[str, Any] = {}
    else:
        names = rng.choice(
            [
                {"products": one_or_two(rng, PRODUCTS)},
                {"categories": one_or_two(rng, CATEGORIES)},
                {"variants": (f"{rng.choice(PRODUCTS)}.1",)},
                {"products": one_or_two(rng, PRODUCTS), "categories": one_or_two(rng, CATEGORIES)},
            ]
        )
    if rng.random() < 0.15:
        names["not_categories"] = (rng.choice(CATEGORIES),)
    if rng.random() < 0.1:
        names["not_products"] = (rng.choice(PRODUCTS),)
    if rng.random() < 0.1:
        names["not_variants"] = (f"{rng.choice(PRODUCTS)}.{rng.randint(1, 2)}",)
    return Selection(**names)


def window(rng: Random) -> Window:
    if rng.random() < 0.8:
        return Window()
    hours = rng.choice([None, (time(9), time(18)), (time(22), time(13)), (time(13), time(14))])
    return Window(
        starts=rng.choice([None, NOON, NOON - timedelta(days=1), NOON + timedelta(hours=1)]),
        ends=rng.choice([None, NOON, NOON + timedelta(hours=1)]),
        zone=rng.choice(["UTC", "Europe/Berlin", "Asia/Shanghai"]),
        weekdays=rng.choice([(), (6,), (0, 5), (5, 6)]),
        hours=hours,
    )


def conditions(rng: Random, currency: str) -> Conditions:
    if rng.random() < 0.6:
        return Conditions()
    return Conditions(
        window=window(rng),
        channels=rng.choice([(), (), (), (), ("web",), ("shop",)]),
        markets=rng.choice([(), (), (), (), ("EU", "US"), ("WORLD",)]),
        groups=rng.choice([(), (), (), (), (), ("gold",)]),
        segments=rng.choice([(), (), (), (), (), ("young",)]),
        signed_in=rng.random() < 0.06,
        first_order=rng.random() < 0.06,
        min_quantity=rng.choice([0, 0, 1, 3, 5]),
        min_amount=rng.choice([(), (), amounts(rng, currency, 8000)]),
        of=rng.choice([None, None, selection(rng)]),
    )


def effect(rng: Random, currency: str) -> effects.Effect:
    points = rng.choice([1, 33_333, 50_000, 100_000, 250_000, 333_333, 500_000, 999_999, 1_000_000])
    times = rng.choice([None, None, 1, 2, 5])
    kind = rng.choice(sorted(effects.EFFECT_TYPES))
    return _EFFECTS[kind](rng, currency, points, times)


def flash_sale(rng: Random, currency: str, points: int, times: int | None) -> effects.FlashSale:
    has_price = rng.random() < 0.5
    return effects.FlashSale(
        amounts(rng, currency, 1000) if has_price else (),
        None if has_price else points,
        quota=rng.choice([None, 1, 3, 50]),
        per_customer=rng.choice([None, 1, 2]),
    )


def bundle(rng: Random, currency: str, points: int, times: int | None) -> effects.Bundle:
    return effects.Bundle(
        tuple(
            effects.BundleComponent(selection(rng, 0.2), rng.randint(1, 2))
            for _ in range(rng.randint(1, 3))
        ),
        amounts(rng, currency, 2000),
        times,
    )


def spend_save(rng: Random, currency: str, points: int, times: int | None) -> effects.SpendSave:
    tiers = [
        effects.SpendTier(Money(spend, currency), off_ppm=points)
        if rng.random() < 0.4
        else effects.SpendTier(Money(spend, currency), Money(rng.randint(1, spend), currency))
        for spend in rng.sample([100, 500, 1000, 3000, 5000], rng.randint(1, 3))
    ]
    return effects.SpendSave(tuple(tiers))


def every_spend(rng: Random, currency: str, points: int, times: int | None) -> effects.EverySpend:
    spend = rng.choice([100, 300, 1000, 3000])
    step = effects.SpendStep(Money(spend, currency), Money(rng.randint(1, spend), currency))
    return effects.EverySpend((step,), times)


def gift(rng: Random, currency: str, points: int, times: int | None) -> effects.FreeGift:
    return effects.FreeGift(
        rng.choice(["TOTE", "CUP"]),
        "A gift",
        rng.randint(1, 2),
        rng.choice([(), amounts(rng, currency)]),
    )


def shipping_off(rng: Random, currency: str, points: int, times: int | None) -> effects.ShippingOff:
    methods = rng.choice([(), (), ("std",), ("exp",)])
    reduction = rng.randrange(3)
    return effects.ShippingOff(
        points if reduction == 0 else None,
        amounts(rng, currency, 900) if reduction == 1 else (),
        amounts(rng, currency, 900) if reduction == 2 else (),
        methods,
    )


_EFFECTS: dict[str, Callable[[Random, str, int, int | None], effects.Effect]] = {
    "percent_off": lambda rng, currency, points, times: effects.PercentOff(
        points, rng.choice([(), (), amounts(rng, currency)])
    ),
    "amount_off": lambda rng, currency, points, times: effects.AmountOff(
        amounts(rng, currency, 1000), rng.choice(["unit", "line"])
    ),
    "limited_price": lambda rng, currency, points, times: effects.LimitedPrice(
        amounts(rng, currency, 1500)
    ),
    "group_price": lambda rng, currency, points, times: effects.GroupPrice(
        amounts(rng, currency, 1500)
    ),
    "flash_sale": flash_sale,
    "buy_get": lambda rng, currency, points, times: effects.BuyGet(
        rng.randint(1, 3),
        rng.randint(1, 2),
        rng.choice([None, selection(rng)]),
        points,
        times,
    ),
    "bundle": bundle,
    "order_percent": lambda rng, currency, points, times: effects.OrderPercent(
        points, rng.choice([(), (), amounts(rng, currency)])
    ),
    "order_amount": lambda rng, currency, points, times: effects.OrderAmount(
        amounts(rng, currency)
    ),
    "spend_save": spend_save,
    "every_spend": every_spend,
    "gift": gift,
    "shipping_off": shipping_off,
}


def promotion(rng: Random, number: int, currency: str) -> Promotion:
    return Promotion(
        id=f"m{number}",
        title=f"Promotion {number}",
        effect=effect(rng, currency),
        goods=selection(rng),
        conditions=conditions(rng, currency),
        stacking=Stacking(
            group=rng.choice(["default", "g1", "g2", "g3", "loose"]),
            priority=rng.choice([1, 100, 100, 200]),
            exclusive=rng.random() < 0.12,
            stop=rng.random() < 0.12,
        ),
        code_required=rng.random() < 0.15,
        published=rng.random() < 0.97,
        ended_at=NOON if rng.random() < 0.02 else None,
    )


def line(rng: Random, number: int, currency: str) -> BasketLine:
    product = rng.choice(PRODUCTS)
    price = rng.choice([0, 1, 99, 100, 333, 999, 1000, rng.randint(0, 3000)])
    return BasketLine(
        id=f"l{number}",
        product_id=product,
        variant_id=f"{product}.{rng.randint(1, 2)}",
        sku=f"S{rng.randint(1, 3)}",
        title="Thing",
        unit_price=Money(price, currency),
        quantity=rng.choice([1, 1, 2, 3, 7]),
        categories=tuple(sorted(rng.sample(CATEGORIES, rng.randint(0, 2)))),
        tax_class=rng.choice(["standard", "standard", "reduced", "zero", "odd"]),
    )


def price_list(rng: Random, number: int, currency: str) -> PriceList:
    entries: list[PriceEntry] = []
    for article in rng.sample([*PRODUCTS, *[f"{p}.1" for p in PRODUCTS]], rng.randint(1, 4)):
        quantities = rng.sample([1, 2, 4], rng.randint(1, 2))
        entries += [
            PriceEntry(article, rng.choice([800, 900, rng.randint(0, 2500)]), quantity)
            for quantity in quantities
        ]
    return PriceList(
        id=f"list{number}",
        currency=rng.choice([currency, currency, currency, "GBP"]),
        entries=tuple(entries),
        markets=rng.choice([(), (), ("EU",)]),
        channels=rng.choice([(), (), ("web",)]),
        groups=rng.choice([(), (), ("gold", "trade")]),
        priority=rng.choice([10, 100, 100]),
        window=window(rng),
    )


def random_destination(rng: Random) -> Destination | None:
    return rng.choice(
        [
            None,
            Destination("US", "CA"),
            Destination("US"),
            Destination("DE"),
            Destination("PL"),
            Destination("FR"),
            Destination("CN"),
            Destination("BR"),
        ]
    )


def random_customer(rng: Random) -> CustomerFacts | None:
    return rng.choice(
        [
            None,
            CustomerFacts(),
            CustomerFacts(
                id="c",
                groups=rng.choice([(), ("gold",), ("other", "trade")]),
                segments=rng.choice([(), ("young",)]),
                previous_orders=rng.choice([None, 0, 3]),
                vat_id=rng.choice(
                    [None, "PL5260001246", "DE136695976", "EL094259216", "XI980780684"]
                ),
            ),
        ]
    )


def random_codes(rng: Random, promotion_ids: list[str]) -> dict[str, CodeStatus]:
    codes = {
        code: CodeStatus(
            rng.choice(promotion_ids),
            starts=rng.choice([None, None, NOON, NOON + timedelta(1)]),
            ends=rng.choice([None, None, NOON, NOON + timedelta(1)]),
            uses_remaining=rng.choice([None, None, 0, 3]),
            customer_uses_remaining=rng.choice([None, None, 0, 1]),
        )
        for code in ("SAVE", "T0P", "G1FT")
    }
    return {code.replace("I", "1"): status for code, status in codes.items()}


def random_groups(rng: Random) -> tuple[StackingGroup, ...]:
    return (
        StackingGroup("g1", StackingMode.ALL, rng.choice([50, 100, 150])),
        StackingGroup("g2", StackingMode.FIRST, rng.choice([50, 100, 150])),
        StackingGroup("g3", StackingMode.BEST, rng.choice([50, 100, 150])),
        *(
            (StackingGroup("default", rng.choice(list(StackingMode))),)
            if rng.random() < 0.3
            else ()
        ),
    )


def random_scenario(rng: Random, max_promotions: int = 12) -> PricingScenario:
    """Return one random shop and one basket in it; the same for the same seed."""
    market = rng.choice(["US", "EU", "EU", "CN", "WORLD"])
    currency = {"US": "USD", "EU": "EUR", "CN": "CNY", "WORLD": "JPY"}[market]
    lines = tuple(line(rng, n, currency) for n in range(rng.choice([0, 1, 2, 3, 4, 5, 6])))
    promotions = tuple(promotion(rng, n, currency) for n in range(rng.randint(1, max_promotions)))
    ids = [p.id for p in promotions] or ["none"]
    shipping = rng.choice([None, 0, 499, 1200])
    destination = random_destination(rng)
    customer = random_customer(rng)
    codes = random_codes(rng, ids)
    entered_codes = rng.sample(["save", "sa-ve", "top", "GIFT", "wrong"], rng.randint(0, 3))
    basket = Basket(
        lines=lines,
        currency=currency,
        market=market,
        channel=rng.choice(["web", "web", "app"]),
        customer=customer,
        destination=destination,
        shipping=None if shipping is None else Money(shipping, currency),
        shipping_method=rng.choice([None, "std", "exp"]),
        codes=tuple(entered_codes),
    )
    groups = random_groups(rng)
    rules = RuleSet(
        version="r",
        rounding=RoundingPolicy(
            rng.choice(list(Rounding)),
            rng.choice(["line", "unit"]),
            rng.choice([None, *Rounding]),
        ),
        price_lists=tuple(price_list(rng, n, currency) for n in range(rng.randint(0, 3))),
        promotions=promotions,
        groups=groups,
    )
    limits = UsageLimits(
        codes=codes,
        quota_remaining={p: rng.randint(0, 4) for p in ids if rng.random() < 0.3},
        customer_used={p: rng.randint(0, 2) for p in ids if rng.random() < 0.3},
        gifts_remaining={"TOTE": rng.randint(0, 3)} if rng.random() < 0.5 else {},
    )
    at = NOON
    if rng.random() < 0.5:
        at = rng.choice(EDGES) + rng.choice([-INSTANT, timedelta(0), INSTANT])
    return PricingScenario(basket, rules, limits, at)
