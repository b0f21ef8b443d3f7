"""Every answer is explained: what was tried, in order, with the effect or the reason why not."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from shop.kernel.money import Money
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.effects import (
    FlashSale,
    FreeGift,
    OrderAmount,
    PercentOff,
    ShippingOff,
)
from shop.pricing.model.promotions import Promotion, Stacking
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions, Selection, Window
from shop.pricing.model.trace import NOT_APPLIED_REASONS
from shop.pricing.model.usage_limits import UsageLimits
from tests.properties.pricing_strategies import world

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(id: str = "a", price: int = 10_000, quantity: int = 1) -> BasketLine:
    return BasketLine(id, f"p-{id}", f"p-{id}.1", "S", "Thing", Money(price, "USD"), quantity)


def ask(*promotions: Promotion, explain: bool = False, **more: object) -> Quote:
    basket = Basket((line(),), "USD", market="WORLD", shipping=Money(599, "USD"), **more)  # type: ignore[arg-type]
    return quote(basket, rules=RuleSet("v7", promotions=promotions), at=NOW, explain=explain)


def running(id: str, **more: object) -> Promotion:
    return Promotion(id, id, published=True, **{"effect": PercentOff(1000), **more})  # type: ignore[arg-type]


def test_rules_are_told_in_the_order_in_which_they_were_tried() -> None:
    q = ask(
        running("free", effect=ShippingOff(basis_points=10_000)),
        running("gift", effect=FreeGift("TOTE", "Tote bag")),
        running("voucher", effect=OrderAmount((Money(500, "USD"),))),
        running("sale"),
        running("small", effect=PercentOff(100)),
    )
    assert [(e.step.value, e.rule, e.applied, e.amount, e.reason) for e in q.trace] == [
        ("lines", "sale", True, 1000, ""),
        ("lines", "small", False, 0, "better_discount"),
        ("order", "voucher", True, 500, ""),
        ("gifts", "gift", True, 0, ""),
        ("shipping", "free", True, 599, ""),
    ]
    assert q.trace[1].detail == "sale"
    assert q.total.minor == 8500
    assert q.rules_version == "v7"


def test_what_was_not_tried_is_told_when_it_is_asked_for() -> None:
    promotions = (
        running("other-goods", goods=Selection(products=("p9",))),
        running("tomorrow", conditions=Conditions(Window(starts=NOW + timedelta(days=1)))),
        running("secret", code_required=True),
        Promotion("draft", "Draft", PercentOff(1000)),
    )
    assert ask(*promotions).trace == ()
    told = {e.rule: e.reason for e in ask(*promotions, explain=True).trace}
    assert told == {
        "other-goods": "no_matching_goods",
        "tomorrow": "not_started",
        "secret": "code_missing",
        "draft": "not_published",
    }


def test_how_much_is_missing_is_told() -> None:
    q = ask(running("big", conditions=Conditions(min_amount=(Money(20_000, "USD"),))))
    assert (q.trace[0].reason, q.trace[0].detail) == ("amount_too_low", "10000 of 20000")


@pytest.mark.slow
def test_every_reason_given_is_one_that_is_documented() -> None:
    given = set()
    for seed in range(400):
        it = world(Random(seed))
        q = quote(it.basket, rules=it.rules, at=it.at, limits=it.standing, explain=True)
        given |= {entry.reason for entry in q.trace if entry.reason}
    assert given <= set(NOT_APPLIED_REASONS)
    assert len(given) > 20


def test_what_an_order_uses_up_stands_in_the_quote() -> None:
    q = ask(
        running("flash", effect=FlashSale(basis_points=2000, quota=5, per_customer=1)),
        running("gift", effect=FreeGift("TOTE", "Tote bag", quantity=2)),
        customer=CustomerFacts("c"),
    )
    assert [(u.promotion_id, u.units, u.gift_sku) for u in q.uses] == [
        ("flash", 1, None),
        ("gift", 2, "TOTE"),
    ]


def test_a_flash_sale_without_limits_uses_nothing_up() -> None:
    assert ask(running("flash", effect=FlashSale(basis_points=2000))).uses == ()


def test_a_total_that_is_not_the_one_the_client_showed_is_said() -> None:
    q = ask(displayed_total=Money(9_999, "USD"))
    assert [notice.code for notice in q.notices] == ["total_changed"]
    assert ask(displayed_total=Money(10_599, "USD")).notices == ()


def test_stop_ends_its_step_and_no_more() -> None:
    q = ask(
        running("sale", stacking=Stacking("a", stop=True)),
        running("more", stacking=Stacking("b")),
        running("voucher", effect=OrderAmount((Money(500, "USD"),))),
    )
    assert {e.rule: e.reason or e.amount for e in q.trace} == {
        "sale": 1000,
        "more": "locked_by_stop",
        "voucher": 500,
    }


def test_an_empty_basket_costs_nothing() -> None:
    q = quote(Basket((), "USD"), rules=RuleSet("1", promotions=(running("sale"),)), at=NOW)
    assert q.total.minor == 0
    assert q.lines == ()


def test_a_million_units_are_priced_at_once() -> None:
    basket = Basket((line(quantity=1_000_000),), "USD", market="WORLD")
    promotions = (running("sale"), running("voucher", effect=OrderAmount((Money(7, "USD"),))))
    q = quote(basket, rules=RuleSet("1", promotions=promotions), at=NOW)
    assert q.total.minor == 9_000 * 1_000_000 - 7
    assert len(q.lines[0].units) == 2


def test_of_two_gifts_worth_nothing_one_is_given() -> None:
    q = ask(
        running("a", effect=FreeGift("TOTE", "Tote bag")),
        running("b", effect=FreeGift("CUP", "Cup")),
    )
    assert [gift.sku for gift in q.gifts] == ["TOTE"]
    assert {e.rule: e.reason for e in q.trace} == {"a": "", "b": "better_discount"}


def test_the_dearer_gift_is_the_better_deal() -> None:
    q = ask(
        running("a", effect=FreeGift("TOTE", "Tote bag", value=(Money(500, "USD"),))),
        running("b", effect=FreeGift("CUP", "Cup", quantity=2, value=(Money(300, "USD"),))),
    )
    assert [(gift.sku, gift.quantity) for gift in q.gifts] == [("CUP", 2)]


def test_why_goods_are_out_of_sight_is_told() -> None:
    closed = running("sale", stacking=Stacking("a", exclusive=True))
    q = ask(closed, running("more", stacking=Stacking("b")))
    assert q.trace[1].reason == "locked_by_exclusive"
    stopped = running("sale", stacking=Stacking("a", stop=True))
    q = ask(stopped, running("more", stacking=Stacking("b", exclusive=True)))
    assert q.trace[1].reason == "locked_by_stop"
    q = ask(running("sale", stacking=Stacking("a")), running("more", stacking=Stacking("b")))
    assert q.trace[1].amount == 900


def test_a_quota_that_is_spent_is_told() -> None:
    flash = running("flash", effect=FlashSale(basis_points=2000, quota=5, per_customer=5))
    for standing, reason in (
        (UsageLimits(quota_remaining={"flash": 0}), "quota_exhausted"),
        (UsageLimits(customer_used={"flash": 5}), "customer_limit_reached"),
    ):
        basket = Basket((line(),), "USD", market="WORLD")
        rules = RuleSet("1", promotions=(flash,))
        q = quote(basket, rules=rules, at=NOW, limits=standing)
        assert (q.trace[0].reason, q.total.minor) == (reason, 10_000)
