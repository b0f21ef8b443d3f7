"""Promotions: validation, life cycle and references."""

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


def promotion_json(effect: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "p", "title": "P", "effect": effect, **fields}


INVALID: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "an end before its start",
        promotion_json(
            {"kind": "percent_off", "off_ppm": 100_000},
            conditions={
                "window": {"starts": "2026-11-22T00:00:00Z", "ends": "2026-11-21T00:00:00Z"}
            },
        ),
        "ends_before_start",
        "$.conditions.window.ends",
    ),
    (
        "a percentage over 100",
        promotion_json({"kind": "percent_off", "off_ppm": 1_000_001}),
        "percent_invalid",
        "$.effect.off_ppm",
    ),
    (
        "a percentage of zero",
        promotion_json({"kind": "order_percent", "off_ppm": 0}),
        "percent_invalid",
        "$.effect.off_ppm",
    ),
    (
        "a currency that does not exist",
        promotion_json({"kind": "order_amount", "amount": [{"amount": 5, "currency": "XYZ"}]}),
        "currency_unknown",
        "$.effect.amount[0].currency",
    ),
    (
        "an amount twice in one currency",
        promotion_json({"kind": "order_amount", "amount": [usd(5), usd(6)]}),
        "duplicate",
        "$.effect.amount[1]",
    ),
    (
        "a step of zero",
        promotion_json({"kind": "every_spend", "every": [{"spend": usd(0), "save": usd(0)}]}),
        "amount_invalid",
        "$.effect.every[0].spend.amount",
    ),
    (
        "a tier in no currency",
        promotion_json(
            {
                "kind": "spend_save",
                "tiers": [{"spend": {"amount": 5, "currency": "XYZ"}, "off_ppm": 10_000}],
            }
        ),
        "currency_unknown",
        "$.effect.tiers[0].spend.currency",
    ),
    (
        "an amount of zero",
        promotion_json({"kind": "amount_off", "amount": [usd(0)]}),
        "amount_invalid",
        "$.effect.amount[0].amount",
    ),
    (
        "an amount in fractions",
        promotion_json({"kind": "order_amount", "amount": [{"amount": 5.5, "currency": "USD"}]}),
        "amount_invalid",
        "$.effect.amount[0].amount",
    ),
    (
        "goods both included and excluded",
        promotion_json(
            {"kind": "percent_off", "off_ppm": 100_000},
            goods={"categories": ["shoes"], "not_categories": ["shoes"]},
        ),
        "value_contradiction",
        "$.goods.not_categories",
    ),
    (
        "a customer limit above the quota",
        promotion_json({"kind": "flash_sale", "price": [usd(5)], "quota": 2, "per_customer": 3}),
        "value_contradiction",
        "$.effect.per_customer",
    ),
    (
        "a flash sale with a price and a percentage",
        promotion_json({"kind": "flash_sale", "price": [usd(5)], "off_ppm": 1_000}),
        "value_contradiction",
        "$.effect",
    ),
    (
        "tiers in the wrong order",
        promotion_json(
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
        promotion_json(
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
        promotion_json({"kind": "every_spend", "every": [{"spend": usd(300), "save": usd(301)}]}),
        "value_contradiction",
        "$.effect.every[0].save",
    ),
    (
        "a bundle without parts",
        promotion_json({"kind": "bundle", "parts": [], "price": [usd(5)]}),
        "missing",
        "$.effect.parts",
    ),
    (
        "shipping reduced in two ways",
        promotion_json({"kind": "shipping_off", "off_ppm": 1_000, "price": [usd(5)]}),
        "value_contradiction",
        "$.effect",
    ),
    (
        "goods to count without a threshold",
        promotion_json(
            {"kind": "percent_off", "off_ppm": 100_000},
            conditions={"of": {"categories": ["shoes"]}},
        ),
        "value_contradiction",
        "$.conditions.of",
    ),
    (
        "a time zone that does not exist",
        promotion_json(
            {"kind": "percent_off", "off_ppm": 100_000},
            conditions={"window": {"zone": "Europe/Atlantis"}},
        ),
        "time_zone_unknown",
        "$.conditions.window.zone",
    ),
    (
        "an instant without its offset",
        promotion_json(
            {"kind": "percent_off", "off_ppm": 100_000},
            conditions={"window": {"starts": "2026-11-22T00:00:00"}},
        ),
        "time_invalid",
        "$.conditions.window.starts",
    ),
    ("an unknown kind", promotion_json({"kind": "lottery"}), "value_unknown", "$.effect.kind"),
    (
        "a misspelt field",
        promotion_json({"kind": "percent_off", "basis_point": 1000}),
        "unknown_field",
        "$.effect.basis_point",
    ),
    (
        "a boolean instead of a number",
        promotion_json({"kind": "percent_off", "off_ppm": True}),
        "wrong_type",
        "$.effect.off_ppm",
    ),
]


@pytest.mark.parametrize(
    ("case", "data", "code", "path"), INVALID, ids=[invalid[0] for invalid in INVALID]
)
def test_invalid_promotion_is_rejected_with_code_and_field(
    case: str, data: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        Promotion.from_dict(data)
    assert (code, path) in {(p.code, p.path) for p in error.value.problems}, case


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("sales channels", {"channels": ["web", "agent"]}),
    ("markets", {"markets": ["US", "EU"]}),
    ("customer groups", {"groups": ["staff"]}),
    ("customer segments", {"segments": ["young"]}),
    ("signed-in customers", {"signed_in": True}),
    ("a first order", {"first_order": True}),
    ("one unit of some goods", {"min_quantity": 1, "of": {"categories": ["shoes"]}}),
    ("amounts in two currencies", {"min_amount": [usd(1), {**usd(1), "currency": "EUR"}]}),
    ("a window of hours", {"window": {"zone": "Europe/Berlin", "hours": ["18:00", "06:00"]}}),
]


@pytest.mark.parametrize(
    ("case", "conditions"), ACCEPTED, ids=[accepted[0] for accepted in ACCEPTED]
)
def test_accepted_conditions_are_stored_and_read_again(
    case: str, conditions: dict[str, Any]
) -> None:
    effect = {"kind": "percent_off", "off_ppm": 100_000}
    promotion = Promotion.from_dict(promotion_json(effect, conditions=conditions))
    assert promotion.conditions != Conditions(), case
    stored = promotion.to_dict()
    assert stored["conditions"].keys() == conditions.keys()
    assert Promotion.from_dict(stored) == promotion


@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028"])
def test_titles_of_promotion_and_gift_are_one_line(end: str) -> None:
    gift = {"kind": "gift", "sku": "GIFT", "title": f"Free{end}mug"}
    with pytest.raises(InvalidRequest) as error:
        Promotion.from_dict(promotion_json(gift, title=f"Summer{end}sale"))
    found = {(p.code, p.path) for p in error.value.problems}
    assert {("text_invalid", "$.title"), ("text_invalid", "$.effect.title")} <= found


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidRequest) as error:
        Promotion.from_dict(
            {
                "id": "no spaces",
                "title": " ",
                "effect": {"kind": "buy_get", "buy_quantity": 0, "get_quantity": -1},
            }
        )
    assert len(error.value.problems) == 4


def test_promotion_must_be_a_json_object() -> None:
    non_objects: tuple[object, ...] = (None, [], "x", 3)
    for data in non_objects:
        with pytest.raises(InvalidRequest):
            Promotion.from_dict(data)


def sale(
    id: str = "sale",
    starts: datetime | None = None,
    ends: datetime | None = None,
    points: int = 100_000,
) -> Promotion:
    return Promotion(
        id, "Sale", PercentOff(points), conditions=Conditions(Window(starts=starts, ends=ends))
    )


def test_promotion_is_drafted_scheduled_running_and_ended() -> None:
    repository, assortment = MemoryPromotions(), MemoryReferenceChecker()
    create_promotion(
        sale(starts=NOW + DAY, ends=NOW + 2 * DAY),
        promotions=repository,
        assortment=assortment,
        at=NOW,
    )
    assert repository.get("sale").status(NOW) is PromotionStatus.DRAFT
    assert repository.get("sale").status(NOW + DAY) is PromotionStatus.DRAFT
    published = publish_promotion("sale", promotions=repository, at=NOW)
    assert published.status(NOW) is PromotionStatus.SCHEDULED
    assert published.status(NOW + DAY) is PromotionStatus.RUNNING
    assert published.status(NOW + 2 * DAY) is PromotionStatus.ENDED
    assert [event.type for event in repository.events] == ["PromotionDrafted", "PromotionPublished"]
    assert len({event.id for event in repository.events}) == 2


def test_draft_is_published_once_and_before_its_end() -> None:
    repository = MemoryPromotions({"sale": sale(ends=NOW)})
    with pytest.raises(Conflict, match="in the future"):
        publish_promotion("sale", promotions=repository, at=NOW)
    publish_promotion("sale", promotions=repository, at=NOW - DAY)
    with pytest.raises(Conflict, match="Only a draft"):
        publish_promotion("sale", promotions=repository, at=NOW - DAY)
    with pytest.raises(NotFound):
        publish_promotion("other", promotions=repository, at=NOW)


def test_running_promotion_keeps_its_terms() -> None:
    repository = MemoryPromotions({"sale": replace(sale(), published=True)})
    to = sale(points=200_000)
    with pytest.raises(Conflict, match="only its title, end and capacity"):
        update_promotion(
            "sale", to, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW
        )
    longer = replace(sale(ends=NOW + DAY), title="Longer sale")
    changed = update_promotion(
        "sale", longer, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW
    )
    assert (changed.title, changed.version, changed.published) == ("Longer sale", 2, True)


def test_every_field_of_a_scheduled_promotion_may_change() -> None:
    repository = MemoryPromotions({"sale": replace(sale(starts=NOW + DAY), published=True)})
    to = sale(starts=NOW + 2 * DAY, points=200_000)
    changed = update_promotion(
        "sale", to, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW
    )
    assert changed.effect == PercentOff(200_000)
    assert changed.status(NOW) is PromotionStatus.SCHEDULED


def test_ended_promotion_stays_ended() -> None:
    repository = MemoryPromotions({"sale": replace(sale(), published=True)})
    assert end_promotion("sale", promotions=repository, at=NOW).status(NOW) is PromotionStatus.ENDED
    with pytest.raises(Conflict):
        end_promotion("sale", promotions=repository, at=NOW)
    with pytest.raises(Conflict):
        update_promotion(
            "sale", sale(), promotions=repository, assortment=MemoryReferenceChecker(), at=NOW
        )


def test_references_to_unknown_goods_are_rejected() -> None:
    assortment = MemoryReferenceChecker(frozenset({("product", "p1")}), everything=False)
    promotion = replace(sale(), goods=Selection(products=("p1", "p2"), categories=("c",)))
    with pytest.raises(InvalidRequest) as error:
        create_promotion(promotion, promotions=MemoryPromotions(), assortment=assortment, at=NOW)
    assert [(p.code, p.path) for p in error.value.problems] == [
        ("product_unknown", "$.goods.products[1]"),
        ("category_unknown", "$.goods.categories[0]"),
    ]


def flash(id: str, starts: datetime, ends: datetime, **conditions: Any) -> Promotion:
    return Promotion(
        id,
        "Flash",
        FlashSale(price=(Money(500, "USD"),), quota=10),
        goods=Selection(products=("p1",)),
        conditions=Conditions(Window(starts=starts, ends=ends), **conditions),
    )


def test_article_has_one_advertised_price_at_a_time() -> None:
    first = replace(flash("one", NOW, NOW + 2 * DAY), published=True)
    repository = MemoryPromotions({"one": first, "two": flash("two", NOW + DAY, NOW + 3 * DAY)})
    with pytest.raises(InvalidRequest) as error:
        publish_promotion("two", promotions=repository, at=NOW)
    assert error.value.code == "price_overlaps"
    repository = MemoryPromotions(
        {"one": first, "two": flash("two", NOW, NOW + DAY, groups=("gold",))}
    )
    with pytest.raises(InvalidRequest):
        publish_promotion("two", promotions=repository, at=NOW)


def test_advertised_price_may_follow_another() -> None:
    first = replace(flash("one", NOW, NOW + DAY), published=True)
    repository = MemoryPromotions({"one": first, "two": flash("two", NOW + DAY, NOW + 2 * DAY)})
    assert publish_promotion("two", promotions=repository, at=NOW).published


def test_two_markets_may_have_two_advertised_prices() -> None:
    first = replace(flash("one", NOW, NOW + DAY, markets=("US",)), published=True)
    repository = MemoryPromotions(
        {"one": first, "two": flash("two", NOW, NOW + DAY, markets=("EU",))}
    )
    assert publish_promotion("two", promotions=repository, at=NOW).published


def test_promotion_round_trips_through_json() -> None:
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


def test_end_of_a_running_promotion_cannot_be_in_the_past() -> None:
    repository = MemoryPromotions()
    sale = Promotion("p", "P", PercentOff(100_000), conditions=Conditions(window=Window(NOW - DAY)))
    create_promotion(sale, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW)
    published = publish_promotion("p", promotions=repository, at=NOW)
    assert published.published_at == NOW
    assert published.reason_not_running(NOW - timedelta(seconds=1)) == "not_started"

    def update_end(at: datetime) -> Promotion:
        to = replace(sale, conditions=Conditions(window=Window(NOW - DAY, at)))
        everything, later = MemoryReferenceChecker(), NOW + DAY
        return update_promotion("p", to, promotions=repository, assortment=everything, at=later)

    with pytest.raises(Conflict) as error:
        update_end(NOW + DAY / 2)
    assert error.value.code == "time_past"
    assert update_end(NOW + 2 * DAY).conditions.window.ends == NOW + 2 * DAY
