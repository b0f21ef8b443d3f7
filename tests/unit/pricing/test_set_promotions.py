"""Set promotions: a unit serves one set, and only a set that saves something."""

from datetime import UTC, datetime

from shop.kernel.money import Money
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import Bundle, BundleComponent, BuyGet, Effect
from shop.pricing.model.promotions import Promotion, Stacking
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Selection

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def usd(minor: int) -> tuple[Money, ...]:
    return (Money(minor, "USD"),)


def quote_of(*lines: tuple[int, int], promotions: tuple[Effect, ...]) -> Quote:
    basket = Basket(
        tuple(
            BasketLine(f"l{n}", f"p{n}", f"p{n}.1", f"S{n}", "Thing", Money(price, "USD"), quantity)
            for n, (price, quantity) in enumerate(lines)
        ),
        "USD",
        market="WORLD",
    )
    running = tuple(
        Promotion(f"m{n}", "M", effect, stacking=Stacking(f"g{n}"), published=True)
        for n, effect in enumerate(promotions)
    )
    return quote(basket, rules=RuleSet("1", promotions=running), at=AT)


def bundle_at(price: int) -> Bundle:
    return Bundle((BundleComponent(Selection()),), usd(price))


def test_bundle_without_a_saving_claims_no_units() -> None:
    q = quote_of((1500, 1), (1000, 2), promotions=(bundle_at(1000), BuyGet(1, 1)))
    assert [line.total.minor for line in q.lines] == [1000, 1000]


def test_unit_of_a_bundle_serves_no_second_set() -> None:
    q = quote_of((1500, 1), (1000, 1), promotions=(bundle_at(900), BuyGet(1, 1)))
    assert q.total.minor == 1800
    assert q.trace[1].reason == "quantity_too_low"


def test_bundles_repeat_until_a_part_is_missing() -> None:
    pair = Bundle(
        (
            BundleComponent(Selection(products=("p0",))),
            BundleComponent(Selection(products=("p1",)), 2),
        ),
        usd(2000),
    )
    q = quote_of((1000, 5), (800, 5), promotions=(pair,))
    assert q.discount.minor == 2 * 600
    assert q.total.minor == 9000 - 1200


def test_many_bundles_give_the_same_discount_as_one_by_one() -> None:
    pair = Bundle(
        (
            BundleComponent(Selection(products=("p0",))),
            BundleComponent(Selection(products=("p1",))),
        ),
        usd(1000),
    )
    q = quote_of((999, 100_000), (334, 100_001), promotions=(pair,))
    assert q.discount.minor == 100_000 * 333
    assert q.lines[1].total.minor == 334 * 100_001 - 100_000 * 83


def test_buy_get_repeats_while_units_to_buy_and_to_get_remain() -> None:
    effect = BuyGet(2, 1, get=Selection(products=("p1",)))
    promotion = Promotion("m", "M", effect, goods=Selection(products=("p0", "p1")), published=True)
    basket = Basket(
        (
            BasketLine("a", "p0", "p0.1", "A", "Thing", Money(500, "USD"), 3),
            BasketLine("b", "p1", "p1.1", "B", "Thing", Money(300, "USD"), 3),
        ),
        "USD",
        market="WORLD",
    )
    q = quote(basket, rules=RuleSet("1", promotions=(promotion,)), at=AT)
    # Four units are bought, one of them from the goods to get; two units are got.
    assert q.discount.minor == 600
