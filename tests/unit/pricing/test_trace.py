"""The trace of a quote: every evaluated rule in order, with its amount or the reason."""

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
from shop.pricing.model.price_snapshot import PriceSnapshot
from shop.pricing.model.promotions import Promotion, Stacking
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import NOT_APPLIED_REASONS, Conditions, Selection, Window
from shop.pricing.model.trace import TAX_REASONS
from shop.pricing.model.usage_limits import UsageLimits
from tests.properties.pricing_strategies import random_scenario

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(id: str = "a", price: int = 10_000, quantity: int = 1) -> BasketLine:
    return BasketLine(id, f"p-{id}", f"p-{id}.1", "S", "Thing", Money(price, "USD"), quantity)


def quote_of(*promotions: Promotion, explain: bool = False, **fields: object) -> Quote:
    basket = Basket((line(),), "USD", market="WORLD", shipping=Money(599, "USD"), **fields)  # type: ignore[arg-type]
    return quote(basket, rules=RuleSet("v7", promotions=promotions), at=NOW, explain=explain)


def running(id: str, **fields: object) -> Promotion:
    return Promotion(id, id, published=True, **{"effect": PercentOff(100_000), **fields})  # type: ignore[arg-type]


def test_trace_lists_rules_in_evaluation_order() -> None:
    q = quote_of(
        running("free", effect=ShippingOff(off_ppm=1_000_000)),
        running("gift", effect=FreeGift("TOTE", "Tote bag")),
        running("voucher", effect=OrderAmount((Money(500, "USD"),))),
        running("sale"),
        running("small", effect=PercentOff(10_000)),
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


def test_explain_adds_promotions_that_were_not_evaluated() -> None:
    promotions = (
        running("other-goods", goods=Selection(products=("p9",))),
        running("tomorrow", conditions=Conditions(Window(starts=NOW + timedelta(days=1)))),
        running("secret", code_required=True),
        Promotion("draft", "Draft", PercentOff(100_000)),
    )
    assert quote_of(*promotions).trace == ()
    reasons = {e.rule: e.reason for e in quote_of(*promotions, explain=True).trace}
    assert reasons == {
        "other-goods": "no_matching_goods",
        "tomorrow": "not_started",
        "secret": "code_missing",
        "draft": "not_published",
    }


def test_missed_threshold_is_traced_with_both_amounts() -> None:
    q = quote_of(running("big", conditions=Conditions(min_amount=(Money(20_000, "USD"),))))
    assert (q.trace[0].reason, q.trace[0].detail) == ("amount_too_low", "10000 of 20000")


@pytest.mark.slow
def test_every_traced_reason_is_documented() -> None:
    reasons = set()
    for seed in range(400):
        case = random_scenario(Random(seed))
        q = quote(case.basket, rules=case.rules, at=case.at, limits=case.limits, explain=True)
        reasons |= {entry.reason for entry in q.trace if entry.reason}
    assert reasons <= set(NOT_APPLIED_REASONS) | TAX_REASONS
    assert len(reasons) > 20


def test_quote_lists_the_limited_uses_of_its_order() -> None:
    q = quote_of(
        running("flash", effect=FlashSale(off_ppm=200_000, quota=5, per_customer=1)),
        running("gift", effect=FreeGift("TOTE", "Tote bag", quantity=2)),
        customer=CustomerFacts("c"),
    )
    assert [(u.promotion_id, u.units, u.gift_sku) for u in q.uses] == [
        ("flash", 1, None),
        ("gift", 2, "TOTE"),
    ]


def test_flash_sale_without_limits_counts_no_uses() -> None:
    assert quote_of(running("flash", effect=FlashSale(off_ppm=200_000))).uses == ()


def test_total_that_differs_from_the_displayed_one_is_reported() -> None:
    q, rules = quote_of(), RuleSet("v7")
    lower, equal = (PriceSnapshot("USD", total=total) for total in (9_999, 10_599))
    assert [notice.code for notice in lower.notices(q, rules, {})] == ["total_changed"]
    assert equal.notices(q, rules, {}) == ()


def test_stop_promotion_locks_its_own_step_only() -> None:
    q = quote_of(
        running("sale", stacking=Stacking("a", stop=True)),
        running("more", stacking=Stacking("b")),
        running("voucher", effect=OrderAmount((Money(500, "USD"),))),
    )
    assert {e.rule: e.reason or e.amount for e in q.trace} == {
        "sale": 1000,
        "more": "locked_by_stop",
        "voucher": 500,
    }


def test_empty_basket_costs_nothing() -> None:
    q = quote(Basket((), "USD"), rules=RuleSet("1", promotions=(running("sale"),)), at=NOW)
    assert q.total.minor == 0
    assert q.lines == ()


def test_a_million_units_are_two_runs_of_unit_prices() -> None:
    basket = Basket((line(quantity=1_000_000),), "USD", market="WORLD")
    promotions = (running("sale"), running("voucher", effect=OrderAmount((Money(7, "USD"),))))
    q = quote(basket, rules=RuleSet("1", promotions=promotions), at=NOW)
    assert q.total.minor == 9_000 * 1_000_000 - 7
    assert len(q.lines[0].units) == 2


def test_of_two_gifts_without_value_the_first_is_given() -> None:
    q = quote_of(
        running("a", effect=FreeGift("TOTE", "Tote bag")),
        running("b", effect=FreeGift("CUP", "Cup")),
    )
    assert [gift.sku for gift in q.gifts] == ["TOTE"]
    assert {e.rule: e.reason for e in q.trace} == {"a": "", "b": "better_discount"}


def test_gift_of_higher_value_is_the_better_discount() -> None:
    q = quote_of(
        running("a", effect=FreeGift("TOTE", "Tote bag", value=(Money(500, "USD"),))),
        running("b", effect=FreeGift("CUP", "Cup", quantity=2, value=(Money(300, "USD"),))),
    )
    assert [(gift.sku, gift.quantity) for gift in q.gifts] == [("CUP", 2)]


def test_reason_for_locked_goods_is_traced() -> None:
    exclusive = running("sale", stacking=Stacking("a", exclusive=True))
    q = quote_of(exclusive, running("more", stacking=Stacking("b")))
    assert q.trace[1].reason == "locked_by_exclusive"
    stopped = running("sale", stacking=Stacking("a", stop=True))
    q = quote_of(stopped, running("more", stacking=Stacking("b", exclusive=True)))
    assert q.trace[1].reason == "locked_by_stop"
    q = quote_of(running("sale", stacking=Stacking("a")), running("more", stacking=Stacking("b")))
    assert q.trace[1].amount == 900


def test_exhausted_quota_and_customer_limit_are_traced() -> None:
    flash = running("flash", effect=FlashSale(off_ppm=200_000, quota=5, per_customer=5))
    for limits, reason in (
        (UsageLimits(quota_remaining={"flash": 0}), "quota_exhausted"),
        (UsageLimits(customer_used={"flash": 5}), "customer_limit_reached"),
    ):
        basket = Basket((line(),), "USD", market="WORLD")
        rules = RuleSet("1", promotions=(flash,))
        q = quote(basket, rules=rules, at=NOW, limits=limits)
        assert (q.trace[0].reason, q.total.minor) == (reason, 10_000)
