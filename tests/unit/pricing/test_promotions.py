"""Promotions as data: what is refused, how they live, and what a draft would change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.kernel.errors import Conflict, InvalidRequest, NotFound
from shop.kernel.money import Money
from shop.pricing.actions.promotions import (
    create_promotion,
    end_promotion,
    publish_promotion,
    update_promotion,
)
from shop.pricing.model.effects import FlashSale, LimitedPrice, PercentOff
from shop.pricing.model.promotions import Promotion, PromotionStatus
from shop.pricing.model.targeting import Conditions, Selection, Window
from shop.pricing.model.validation import validate_promotion
from tests.doubles.pricing import MemoryPromotions, MemoryReferenceChecker

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def usd(minor: int) -> dict[str, Any]:
    return {"amount": minor, "currency": "USD"}


def told(effect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "p", "title": "P", "effect": effect, **more}


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "an end before its start",
        told(
            {"kind": "percent_off", "basis_points": 1000},
            conditions={
                "window": {"starts": "2026-11-22T00:00:00Z", "ends": "2026-11-21T00:00:00Z"}
            },
        ),
        "ends_before_start",
        "$.conditions.window.ends",
    ),
    (
        "a percentage over 100",
        told({"kind": "percent_off", "basis_points": 10_001}),
        "percent_invalid",
        "$.effect.basis_points",
    ),
    (
        "no percentage at all",
        told({"kind": "order_percent", "basis_points": 0}),
        "percent_invalid",
        "$.effect.basis_points",
    ),
    (
        "a currency that does not exist",
        told({"kind": "order_amount", "amount": [{"amount": 5, "currency": "XYZ"}]}),
        "currency_unknown",
        "$.effect.amount[0].currency",
    ),
    (
        "an amount twice in one currency",
        told({"kind": "order_amount", "amount": [usd(5), usd(6)]}),
        "currency_repeated",
        "$.effect.amount[1]",
    ),
    (
        "every nothing",
        told({"kind": "every_spend", "every": [{"spend": usd(0), "save": usd(0)}]}),
        "amount_invalid",
        "$.effect.every[0].spend.amount",
    ),
    (
        "a tier in no currency",
        told(
            {
                "kind": "spend_save",
                "tiers": [{"spend": {"amount": 5, "currency": "XYZ"}, "basis_points": 100}],
            }
        ),
        "currency_unknown",
        "$.effect.tiers[0].spend.currency",
    ),
    (
        "an amount of nothing",
        told({"kind": "amount_off", "amount": [usd(0)]}),
        "amount_invalid",
        "$.effect.amount[0].amount",
    ),
    (
        "an amount in fractions",
        told({"kind": "order_amount", "amount": [{"amount": 5.5, "currency": "USD"}]}),
        "amount_invalid",
        "$.effect.amount[0].amount",
    ),
    (
        "goods that are both in and out",
        told(
            {"kind": "percent_off", "basis_points": 1000},
            goods={"categories": ["shoes"], "not_categories": ["shoes"]},
        ),
        "selection_contradiction",
        "$.goods.not_categories",
    ),
    (
        "one customer may have more than there is",
        told({"kind": "flash_sale", "price": [usd(5)], "quota": 2, "per_customer": 3}),
        "limit_contradiction",
        "$.effect.per_customer",
    ),
    (
        "a flash sale with a price and a percentage",
        told({"kind": "flash_sale", "price": [usd(5)], "basis_points": 10}),
        "effect_contradiction",
        "$.effect",
    ),
    (
        "tiers in the wrong order",
        told(
            {
                "kind": "spend_save",
                "tiers": [
                    {"spend": usd(500), "save": usd(100)},
                    {"spend": usd(300), "save": usd(50)},
                ],
            }
        ),
        "tiers_order",
        "$.effect.tiers[1].spend",
    ),
    (
        "a higher tier that saves less",
        told(
            {
                "kind": "spend_save",
                "tiers": [
                    {"spend": usd(300), "save": usd(100)},
                    {"spend": usd(500), "save": usd(50)},
                ],
            }
        ),
        "tiers_order",
        "$.effect.tiers[1]",
    ),
    (
        "saving more than is spent",
        told({"kind": "every_spend", "every": [{"spend": usd(300), "save": usd(301)}]}),
        "tier_invalid",
        "$.effect.every[0].save",
    ),
    (
        "a bundle without parts",
        told({"kind": "bundle", "parts": [], "price": [usd(5)]}),
        "parts_missing",
        "$.effect.parts",
    ),
    (
        "shipping reduced in two ways",
        told({"kind": "shipping_off", "basis_points": 10, "price": [usd(5)]}),
        "effect_contradiction",
        "$.effect",
    ),
    (
        "goods to count, and nothing to reach",
        told(
            {"kind": "percent_off", "basis_points": 1000},
            conditions={"of": {"categories": ["shoes"]}},
        ),
        "condition_contradiction",
        "$.conditions.of",
    ),
    (
        "a time zone that does not exist",
        told(
            {"kind": "percent_off", "basis_points": 1000},
            conditions={"window": {"zone": "Europe/Atlantis"}},
        ),
        "zone_unknown",
        "$.conditions.window.zone",
    ),
    (
        "an instant without its offset",
        told(
            {"kind": "percent_off", "basis_points": 1000},
            conditions={"window": {"starts": "2026-11-22T00:00:00"}},
        ),
        "time_invalid",
        "$.conditions.window.starts",
    ),
    ("an unknown kind", told({"kind": "lottery"}), "kind_unknown", "$.effect.kind"),
    (
        "a misspelt field",
        told({"kind": "percent_off", "basis_point": 1000}),
        "field_unknown",
        "$.effect.basis_point",
    ),
    (
        "true for a number",
        told({"kind": "percent_off", "basis_points": True}),
        "type_wrong",
        "$.effect.basis_points",
    ),
]


@pytest.mark.parametrize(
    ("what", "data", "code", "path"), REFUSED, ids=[refused[0] for refused in REFUSED]
)
def test_a_promotion_is_refused_with_field_and_reason(
    what: str, data: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Promotion.from_dict(data)
    assert (code, path) in {(p.code, p.path) for p in refusal.value.problems}, what


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Promotion.from_dict(
            {
                "id": "no spaces",
                "title": " ",
                "effect": {"kind": "buy_get", "buy_quantity": 0, "get_quantity": -1},
            }
        )
    assert len(refusal.value.problems) == 4


def test_a_promotion_that_is_no_object_is_refused() -> None:
    nothings: tuple[object, ...] = (None, [], "x", 3)
    for data in nothings:
        with pytest.raises(InvalidRequest):
            Promotion.from_dict(data)


def sale(
    id: str = "sale",
    starts: datetime | None = None,
    ends: datetime | None = None,
    points: int = 1000,
) -> Promotion:
    return Promotion(
        id, "Sale", PercentOff(points), conditions=Conditions(Window(starts=starts, ends=ends))
    )


def test_a_promotion_is_drafted_scheduled_runs_and_ends() -> None:
    shelf, world = MemoryPromotions(), MemoryReferenceChecker()
    create_promotion(
        sale(starts=NOW + DAY, ends=NOW + 2 * DAY), promotions=shelf, assortment=world, at=NOW
    )
    assert shelf.get("sale").status(NOW) is PromotionStatus.DRAFT
    assert shelf.get("sale").status(NOW + DAY) is PromotionStatus.DRAFT
    published = publish_promotion("sale", promotions=shelf, at=NOW)
    assert published.status(NOW) is PromotionStatus.SCHEDULED
    assert published.status(NOW + DAY) is PromotionStatus.RUNNING
    assert published.status(NOW + 2 * DAY) is PromotionStatus.ENDED
    assert [event.type for event in shelf.events] == ["PromotionDrafted", "PromotionPublished"]
    assert len({event.id for event in shelf.events}) == 2


def test_a_draft_is_published_once_and_not_after_its_end() -> None:
    shelf = MemoryPromotions({"sale": sale(ends=NOW)})
    with pytest.raises(Conflict, match="passed"):
        publish_promotion("sale", promotions=shelf, at=NOW)
    publish_promotion("sale", promotions=shelf, at=NOW - DAY)
    with pytest.raises(Conflict, match="Only a draft"):
        publish_promotion("sale", promotions=shelf, at=NOW - DAY)
    with pytest.raises(NotFound):
        publish_promotion("other", promotions=shelf, at=NOW)


def test_a_running_promotion_keeps_its_terms() -> None:
    shelf = MemoryPromotions({"sale": replace(sale(), published=True)})
    to = sale(points=2000)
    with pytest.raises(Conflict, match="only its title, end and capacity"):
        update_promotion("sale", to, promotions=shelf, assortment=MemoryReferenceChecker(), at=NOW)
    longer = replace(sale(ends=NOW + DAY), title="Longer sale")
    changed = update_promotion(
        "sale", longer, promotions=shelf, assortment=MemoryReferenceChecker(), at=NOW
    )
    assert (changed.title, changed.version, changed.published) == ("Longer sale", 2, True)


def test_a_scheduled_promotion_may_change_altogether() -> None:
    shelf = MemoryPromotions({"sale": replace(sale(starts=NOW + DAY), published=True)})
    to = sale(starts=NOW + 2 * DAY, points=2000)
    changed = update_promotion(
        "sale", to, promotions=shelf, assortment=MemoryReferenceChecker(), at=NOW
    )
    assert changed.effect == PercentOff(2000)
    assert changed.status(NOW) is PromotionStatus.SCHEDULED


def test_a_promotion_called_off_is_over_for_good() -> None:
    shelf = MemoryPromotions({"sale": replace(sale(), published=True)})
    assert end_promotion("sale", promotions=shelf, at=NOW).status(NOW) is PromotionStatus.ENDED
    with pytest.raises(Conflict):
        end_promotion("sale", promotions=shelf, at=NOW)
    with pytest.raises(Conflict):
        update_promotion(
            "sale", sale(), promotions=shelf, assortment=MemoryReferenceChecker(), at=NOW
        )


def test_goods_the_shop_does_not_have_are_refused() -> None:
    world = MemoryReferenceChecker(frozenset({("product", "p1")}), everything=False)
    promotion = replace(sale(), goods=Selection(products=("p1", "p2"), categories=("c",)))
    with pytest.raises(InvalidRequest) as refusal:
        create_promotion(promotion, promotions=MemoryPromotions(), assortment=world, at=NOW)
    assert [(p.code, p.path) for p in refusal.value.problems] == [
        ("product_unknown", "$.goods.products[1]"),
        ("category_unknown", "$.goods.categories[0]"),
    ]


def flash(id: str, starts: datetime, ends: datetime, **more: Any) -> Promotion:
    return Promotion(
        id,
        "Flash",
        FlashSale(price=(Money(500, "USD"),), quota=10),
        goods=Selection(products=("p1",)),
        conditions=Conditions(Window(starts=starts, ends=ends), **more),
    )


def test_an_article_has_no_two_advertised_prices_at_once() -> None:
    first = replace(flash("one", NOW, NOW + 2 * DAY), published=True)
    shelf = MemoryPromotions({"one": first, "two": flash("two", NOW + DAY, NOW + 3 * DAY)})
    with pytest.raises(InvalidRequest) as refusal:
        publish_promotion("two", promotions=shelf, at=NOW)
    assert refusal.value.code == "price_overlaps"
    shelf = MemoryPromotions({"one": first, "two": flash("two", NOW, NOW + DAY, groups=("gold",))})
    with pytest.raises(InvalidRequest):
        publish_promotion("two", promotions=shelf, at=NOW)


def test_one_price_may_follow_another() -> None:
    first = replace(flash("one", NOW, NOW + DAY), published=True)
    shelf = MemoryPromotions({"one": first, "two": flash("two", NOW + DAY, NOW + 2 * DAY)})
    assert publish_promotion("two", promotions=shelf, at=NOW).published


def test_two_markets_may_have_two_prices() -> None:
    first = replace(flash("one", NOW, NOW + DAY, markets=("US",)), published=True)
    shelf = MemoryPromotions({"one": first, "two": flash("two", NOW, NOW + DAY, markets=("EU",))})
    assert publish_promotion("two", promotions=shelf, at=NOW).published


def test_what_staff_wrote_is_what_is_read_back() -> None:
    promotion = Promotion(
        "p",
        "P",
        LimitedPrice((Money(5, "USD"),)),
        goods=Selection(variants=("v",)),
        conditions=Conditions(
            Window(starts=NOW, zone="Asia/Shanghai", weekdays=(0, 6)), markets=("CN",)
        ),
    )
    assert not validate_promotion(promotion)
    assert Promotion.from_dict(promotion.to_dict()) == promotion


def test_a_running_promotion_cannot_be_said_to_have_ended_before_now() -> None:
    shelf = MemoryPromotions()
    sale = Promotion("p", "P", PercentOff(1000), conditions=Conditions(window=Window(NOW - DAY)))
    create_promotion(sale, promotions=shelf, assortment=MemoryReferenceChecker(), at=NOW)
    published = publish_promotion("p", promotions=shelf, at=NOW)
    assert published.published_at == NOW
    assert published.reason_not_running(NOW - timedelta(seconds=1)) == "not_started"

    def ends(at: datetime) -> Promotion:
        to = replace(sale, conditions=Conditions(window=Window(NOW - DAY, at)))
        everything, later = MemoryReferenceChecker(), NOW + DAY
        return update_promotion("p", to, promotions=shelf, assortment=everything, at=later)

    with pytest.raises(Conflict) as refused:
        ends(NOW + DAY / 2)
    assert refused.value.code == "end_has_passed"
    assert ends(NOW + 2 * DAY).conditions.window.ends == NOW + 2 * DAY
