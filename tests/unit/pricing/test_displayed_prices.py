"""Price tags, and the replayed lowest price of thirty days before a reduction."""

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


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def product(*prices: tuple[float, int], compare_at: int | None = None) -> Product:
    marks = tuple(PriceMark(days_ago(days), usd(price)) for days, price in prices)
    list_price = usd(compare_at) if compare_at else None
    if list_price is not None:
        marks = (*marks[:-1], replace(marks[-1], list_price=list_price))
    variant = Variant(
        id="p.1",
        sku="S",
        title="Thing",
        price=marks[-1].price,
        list_price=list_price,
        price_marks=marks,
    )
    return Product(
        id="p",
        title="Thing",
        handle="p",
        variants=(variant,),
        created_at=days_ago(900),
        updated_at=days_ago(900),
        categories=(Category("shoes"),),
        status=ProductStatus.PUBLISHED,
    )


def sale(id_: str, begins: float, ends: float | None, hundredths: int, **fields: Any) -> Promotion:
    """Return a sale by some hundredths of a percent."""
    window = Window(days_ago(begins), None if ends is None else days_ago(ends))
    return Promotion(
        id_,
        id_,
        PercentOff(hundredths * 100),
        conditions=fields.pop("conditions", None) or Conditions(window=window),
        published=True,
        published_at=days_ago(begins + 1),
        **fields,
    )


def tag(displayed: Product, context: PriceContext = WORLD, **rules: Any) -> PriceTag | None:
    tags = price_tags_for_products(
        [displayed], rules=RuleSet("1", **rules), at=NOW, context=context
    )
    return tags.by_variant.get("p.1")


def test_article_without_a_public_rule_has_no_price_tag() -> None:
    elsewhere = sale("other", 1, None, 1000, goods=Selection(categories=("hats",)))
    order = Promotion("order", "Order", OrderPercent(100_000), published=True)
    coded = sale("coded", 1, None, 1000, code_required=True)
    assert tag(product((400, 1000)), promotions=(elsewhere, order, coded)) is None


def test_category_sale_shows_price_list_price_and_lowest_prior_price() -> None:
    displayed = tag(
        product((400, 1000), (20, 900), (10, 1000)), promotions=(sale("s", 5, None, 2000),)
    )
    assert displayed == PriceTag(usd(800), usd(1000), usd(900), 11)


def test_cards_read_only_promoted_products_in_one_batch() -> None:
    products = {
        id_: replace(product((400, 1000)), id=id_, categories=(Category(category),))
        for id_, category in (("a", "shoes"), ("b", "hats"), ("c", "shoes"))
    }
    catalog = Mock()
    catalog.get_many.side_effect = lambda ids: {id_: products[id_] for id_ in ids}
    shoes = sale("s", 5, None, 2000, goods=Selection(categories=("shoes",)))
    tags = price_tags_for_cards(
        [product_card(each) for each in products.values()],
        catalog=catalog,
        rules=RuleSet("1", promotions=(shoes,)),
        at=NOW,
        context=WORLD,
    )
    catalog.get_many.assert_called_once_with(["a", "c"])
    assert tags.by_variant["p.1"].price == usd(800)


def test_sale_that_ended_within_thirty_days_is_the_reference() -> None:
    before, now = sale("before", 25, 20, 5000), sale("now", 5, None, 2000)
    displayed = tag(product((400, 1000)), promotions=(now,), ended_promotions=(before,))
    assert displayed == PriceTag(usd(800), usd(1000), usd(500), 0)


def test_replay_uses_the_policy_of_its_time() -> None:
    halves = (sale("before", 25, 20, 5000), sale("beside", 25, 20, 5000))
    now = sale("now", 5, None, 2000)
    adding = PolicyRevision(
        days_ago(22), (StackingGroup("default", StackingMode.ALL),), RoundingPolicy()
    )
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
            policy_revisions=(adding,),
        )
        == both
    )


def test_successive_sales_keep_the_reference_of_the_first() -> None:
    first, second = sale("first", 25, 5, 1000), sale("second", 5, None, 3000)
    displayed = tag(product((400, 1000)), promotions=(second,), ended_promotions=(first,))
    assert displayed == PriceTag(usd(700), usd(1000), usd(1000), 30)


def test_replay_respects_publication_and_early_end_of_a_sale() -> None:
    ended = replace(sale("ended", 29, None, 5000), ended_at=days_ago(28))
    late = replace(sale("late", 200, None, 2000), published_at=days_ago(3))
    displayed = tag(product((400, 1000)), promotions=(late,), ended_promotions=(ended,))
    assert displayed == PriceTag(usd(800), usd(1000), usd(500), 0)
    long_past = replace(ended, ended_at=days_ago(40), published_at=days_ago(60))
    long_past = replace(long_past, conditions=Conditions(window=Window(days_ago(60))))
    displayed = tag(product((400, 1000)), promotions=(late,), ended_promotions=(long_past,))
    assert displayed == PriceTag(usd(800), usd(1000), usd(1000), 20)


def test_compare_at_price_is_a_reduction_with_a_reference_price() -> None:
    assert tag(product((100, 900), (3, 800), compare_at=1200)) == PriceTag(
        usd(800), usd(1200), usd(900), 11
    )
    assert tag(product((3, 800), compare_at=1200)) == PriceTag(usd(800), usd(1200), None, 0)


def test_public_price_list_sets_the_price_and_its_revisions_count() -> None:
    entries = (PriceEntry("p.1", 700),)
    before = PriceList("l", "USD", entries, created_at=days_ago(90))
    now = before.update(replace(before, entries=(PriceEntry("p.1", 950),)), days_ago(10))
    assert tag(product((400, 1000)), price_lists=(now,)) == PriceTag(usd(950))
    displayed = tag(
        product((400, 1000)), price_lists=(now,), promotions=(sale("s", 2, None, 1000),)
    )
    assert displayed == PriceTag(usd(855), usd(950), usd(700), 0)


def test_group_price_list_sets_no_public_price_tag() -> None:
    gold = PriceList("l", "USD", (PriceEntry("p.1", 700),), groups=("gold",))
    assert tag(product((400, 1000)), price_lists=(gold,)) is None


def test_price_tag_uses_the_requested_currency_if_it_has_a_price() -> None:
    euro = PriceList("l", "EUR", (PriceEntry("p", 777),), markets=("EU",))
    german = PriceContext("EU", "EUR")
    assert tag(product((400, 1000)), german, price_lists=(euro,)) == PriceTag(Money(777, "EUR"))
    assert tag(product((400, 1000)), PriceContext("EU", "SEK"), price_lists=(euro,)) == PriceTag(
        usd(1000)
    )


def test_happy_hours_of_the_month_before_are_replayed() -> None:
    happy = Promotion(
        "happy",
        "Happy",
        PercentOff(400_000),
        conditions=Conditions(window=Window(weekdays=(4,), hours=(time(22), time(2)))),
        published=True,
        published_at=days_ago(20),
    )
    now = sale("now", 1, None, 1000)
    displayed = tag(product((400, 1000)), promotions=(happy, now))
    assert displayed == PriceTag(usd(900), usd(1000), usd(600), 0)


def test_promotions_of_two_groups_add_up_in_the_price_tag() -> None:
    one = sale("one", 2, None, 1000)
    two = sale("two", 2, None, 1000, stacking=Stacking("second"))
    assert tag(product((400, 1000)), promotions=(one, two)) == PriceTag(
        usd(810), usd(1000), usd(1000), 19
    )


def test_replayed_history_is_cached_until_a_price_can_change() -> None:
    displayed = product((400, 1000))
    (variant,) = displayed.variants
    line = basket_line(displayed, variant, id="a", title="a", quantity=1)
    rules = RuleSet("1", promotions=(sale("soon", -1, None, 1000), sale("now", 1, -2, 500)))

    def points(at: datetime) -> list[int]:
        history = replay_price_history(
            variant, line, rules=rules, at=at, context=WORLD, currency="USD"
        )
        return [point.price.minor for point in history.points]

    assert points(NOW) == [1000, 950]
    (cached,) = rules.price_history_cache.values()
    assert points(days_ago(-0.9)) == [1000, 950]
    assert next(iter(rules.price_history_cache.values())) is cached
    assert points(days_ago(-1)) == [1000, 950, 900]
    assert points(days_ago(-2)) == [1000, 950, 900]


def test_flash_and_limited_prices_set_price_tags() -> None:
    flash = Promotion("f", "F", FlashSale(price=(usd(300),), quota=1), published=True)
    assert tag(product((400, 1000)), promotions=(flash,)) is not None
    limited = Promotion("l", "L", LimitedPrice(price=(usd(400),)), published=True)
    displayed = tag(product((400, 1000)), promotions=(limited,))
    assert displayed is not None
    assert displayed.price == usd(400)
