"""The price tag, and the lowest price of the thirty days before a reduction, played back."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from unittest.mock import Mock

from shop.catalog.model import (
    Category,
    PriceMark,
    PriceTag,
    Product,
    ProductStatus,
    Variant,
    product_card,
)
from shop.kernel.money import Money
from shop.pricing.actions.displayed_prices import (
    PriceContext,
    basket_line,
    price_tags_for_cards,
    price_tags_for_products,
    replay_price_history,
)
from shop.pricing.model.effects import FlashSale, LimitedPrice, OrderPercent, PercentOff
from shop.pricing.model.policy import PolicyRevision
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.promotions import Promotion, Stacking, StackingGroup, StackingMode
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions, Selection, Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORLD = PriceContext("WORLD")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def product(*past: tuple[float, int], compare_at: int | None = None) -> Product:
    marks = tuple(PriceMark(ago(days), usd(price)) for days, price in past)
    listed = usd(compare_at) if compare_at else None
    if listed is not None:
        marks = (*marks[:-1], replace(marks[-1], list_price=listed))
    variant = Variant(
        id="p.1",
        sku="S",
        title="Thing",
        price=marks[-1].price,
        list_price=listed,
        price_marks=marks,
    )
    return Product(
        id="p",
        title="Thing",
        handle="p",
        variants=(variant,),
        created_at=ago(900),
        updated_at=ago(900),
        categories=(Category("shoes"),),
        status=ProductStatus.PUBLISHED,
    )


def sale(id_: str, begins: float, ends: float | None, points: int, **more: Any) -> Promotion:
    window = Window(ago(begins), None if ends is None else ago(ends))
    return Promotion(
        id_,
        id_,
        PercentOff(points),
        conditions=more.pop("conditions", None) or Conditions(window=window),
        published=True,
        published_at=ago(begins + 1),
        **more,
    )


def tag(shown: Product, place: PriceContext = WORLD, **rules: Any) -> PriceTag | None:
    tags = price_tags_for_products([shown], rules=RuleSet("1", **rules), at=NOW, context=place)
    return tags.by_variant.get("p.1")


def test_what_no_rule_is_about_is_announced_as_the_catalogue_has_it() -> None:
    elsewhere = sale("other", 1, None, 1000, goods=Selection(categories=("hats",)))
    order = Promotion("order", "Order", OrderPercent(1000), published=True)
    coded = sale("coded", 1, None, 1000, code_required=True)
    assert tag(product((400, 1000)), promotions=(elsewhere, order, coded)) is None


def test_a_promotion_on_a_category_shows_its_price_what_it_is_off_and_the_lowest_before() -> None:
    shown = tag(product((400, 1000), (20, 900), (10, 1000)), promotions=(sale("s", 5, None, 2000),))
    assert shown == PriceTag(usd(800), usd(1000), usd(900), 11)


def test_of_a_list_only_what_a_promotion_is_about_is_read_all_in_one_go() -> None:
    kept = {
        id_: replace(product((400, 1000)), id=id_, categories=(Category(category),))
        for id_, category in (("a", "shoes"), ("b", "hats"), ("c", "shoes"))
    }
    catalogue = Mock()
    catalogue.get_many.side_effect = lambda ids: {id_: kept[id_] for id_ in ids}
    shoes = sale("s", 5, None, 2000, goods=Selection(categories=("shoes",)))
    tags = price_tags_for_cards(
        [product_card(each) for each in kept.values()],
        catalogue=catalogue,
        rules=RuleSet("1", promotions=(shoes,)),
        at=NOW,
        context=WORLD,
    )
    catalogue.get_many.assert_called_once_with(["a", "c"])
    assert tags.by_variant["p.1"].price == usd(800)


def test_a_sale_that_ended_within_the_thirty_days_counts() -> None:
    before, now = sale("before", 25, 20, 5000), sale("now", 5, None, 2000)
    shown = tag(product((400, 1000)), promotions=(now,), ended_promotions=(before,))
    assert shown == PriceTag(usd(800), usd(1000), usd(500), 0)


def test_the_past_is_played_back_under_the_policy_that_held_then() -> None:
    halves = (sale("before", 25, 20, 5000), sale("beside", 25, 20, 5000))
    now = sale("now", 5, None, 2000)
    added = PolicyRevision(ago(22), (StackingGroup("default", StackingMode.ALL),), RoundingPolicy())
    both, best = (
        PriceTag(usd(800), usd(1000), usd(250), 0),
        PriceTag(usd(800), usd(1000), usd(500), 0),
    )
    assert tag(product((400, 1000)), promotions=(now,), ended_promotions=halves) == best
    assert (
        tag(
            product((400, 1000)),
            promotions=(now,),
            ended_promotions=halves,
            policy_revisions=(added,),
        )
        == both
    )


def test_sales_without_a_break_are_one_and_keep_the_reference_of_the_first() -> None:
    first, second = sale("first", 25, 5, 1000), sale("second", 5, None, 3000)
    shown = tag(product((400, 1000)), promotions=(second,), ended_promotions=(first,))
    assert shown == PriceTag(usd(700), usd(1000), usd(1000), 30)


def test_a_sale_called_off_or_published_late_ran_only_as_long_as_it_ran() -> None:
    off = replace(sale("off", 29, None, 5000), ended_at=ago(28))
    late = replace(sale("late", 200, None, 2000), published_at=ago(3))
    shown = tag(product((400, 1000)), promotions=(late,), ended_promotions=(off,))
    assert shown == PriceTag(usd(800), usd(1000), usd(500), 0)
    much_later = replace(off, ended_at=ago(40), published_at=ago(60))
    much_later = replace(much_later, conditions=Conditions(window=Window(ago(60))))
    shown = tag(product((400, 1000)), promotions=(late,), ended_promotions=(much_later,))
    assert shown == PriceTag(usd(800), usd(1000), usd(1000), 20)


def test_a_compare_at_price_is_a_reduction_and_has_its_reference_from_the_product_alone() -> None:
    assert tag(product((100, 900), (3, 800), compare_at=1200)) == PriceTag(
        usd(800), usd(1200), usd(900), 11
    )
    assert tag(product((3, 800), compare_at=1200)) == PriceTag(usd(800), usd(1200), None, 0)


def test_a_list_of_everybody_sets_the_price_and_its_past_counts() -> None:
    entries = (PriceEntry("p.1", 700),)
    was = PriceList("l", "USD", entries, created_at=ago(90))
    now = was.update(replace(was, entries=(PriceEntry("p.1", 950),)), ago(10))
    assert tag(product((400, 1000)), price_lists=(now,)) == PriceTag(usd(950))
    shown = tag(product((400, 1000)), price_lists=(now,), promotions=(sale("s", 2, None, 1000),))
    assert shown == PriceTag(usd(855), usd(950), usd(700), 0)


def test_a_list_for_a_group_is_nobody_elses_price_tag() -> None:
    gold = PriceList("l", "USD", (PriceEntry("p.1", 700),), groups=("gold",))
    assert tag(product((400, 1000)), price_lists=(gold,)) is None


def test_a_price_is_told_in_the_currency_asked_for_where_there_is_one() -> None:
    euro = PriceList("l", "EUR", (PriceEntry("p", 777),), markets=("EU",))
    asked = PriceContext("EU", "EUR")
    assert tag(product((400, 1000)), asked, price_lists=(euro,)) == PriceTag(Money(777, "EUR"))
    assert tag(product((400, 1000)), PriceContext("EU", "SEK"), price_lists=(euro,)) == PriceTag(
        usd(1000)
    )


def test_happy_hours_of_the_month_before_count() -> None:
    happy = Promotion(
        "happy",
        "Happy",
        PercentOff(4000),
        conditions=Conditions(window=Window(weekdays=(4,), hours=(time(22), time(2)))),
        published=True,
        published_at=ago(20),
    )
    now = sale("now", 1, None, 1000)
    shown = tag(product((400, 1000)), promotions=(happy, now))
    assert shown == PriceTag(usd(900), usd(1000), usd(600), 0)


def test_promotions_of_two_groups_are_announced_together() -> None:
    one = sale("one", 2, None, 1000)
    two = sale("two", 2, None, 1000, stacking=Stacking("second"))
    assert tag(product((400, 1000)), promotions=(one, two)) == PriceTag(
        usd(810), usd(1000), usd(1000), 19
    )


def test_the_history_is_kept_with_the_rules_until_a_price_can_change() -> None:
    shown = product((400, 1000))
    (variant,) = shown.variants
    line = basket_line(shown, variant, id="a", title="a", quantity=1)
    rules = RuleSet("1", promotions=(sale("soon", -1, None, 1000), sale("now", 1, -2, 500)))

    def points(at: datetime) -> list[int]:
        found = replay_price_history(
            variant, line, rules=rules, at=at, context=WORLD, currency="USD"
        )
        return [point.price.minor for point in found.points]

    assert points(NOW) == [1000, 950]
    (kept,) = rules.price_history_cache.values()
    assert points(ago(-0.9)) == [1000, 950]
    assert next(iter(rules.price_history_cache.values())) is kept
    assert points(ago(-1)) == [1000, 950, 900]
    assert points(ago(-2)) == [1000, 950, 900]


def test_flash_and_limited_prices_are_price_tags_too() -> None:
    flash = Promotion("f", "F", FlashSale(price=(usd(300),), quota=1), published=True)
    assert tag(product((400, 1000)), promotions=(flash,)) is not None
    limited = Promotion("l", "L", LimitedPrice(price=(usd(400),)), published=True)
    shown = tag(product((400, 1000)), promotions=(limited,))
    assert shown is not None
    assert shown.price == usd(400)
