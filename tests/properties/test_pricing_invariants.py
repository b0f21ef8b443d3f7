"""Invariants of every quote, checked on thousands of random baskets."""

import json
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shop.kernel.money import Rounding, apportion, ratio
from shop.pricing.actions.quotes import quote
from shop.pricing.model.quote import Quote
from tests.properties.pricing_strategies import PricingScenario, random_scenario

pytestmark = pytest.mark.slow

BASKETS = 2_000
scenarios = st.integers(0, 2**48).map(lambda seed: random_scenario(Random(seed)))
"""By seed: thousands of shops in seconds. The seed names a failing one, without shrinking."""

randoms = st.integers(0, 2**48).map(Random)

all_baskets = settings(
    max_examples=BASKETS,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
fewer_baskets = settings(all_baskets, max_examples=BASKETS // 4)


def quote_of(scenario: PricingScenario, explain: bool = False) -> Quote:
    return quote(
        scenario.basket,
        rules=scenario.rules,
        at=scenario.at,
        limits=scenario.limits,
        explain=explain,
    )


@all_baskets
@given(scenarios)
def test_sums_and_units_add_up_to_the_total(scenario: PricingScenario) -> None:
    q = quote_of(scenario)
    for line in q.lines:
        assert line.subtotal.minor == line.unit_price.minor * line.quantity
        assert line.total.minor == line.subtotal.minor - sum(d.amount.minor for d in line.discounts)
        assert sum(run.units for run in line.units) == line.quantity
        assert sum(run.units * run.total for run in line.units) == line.total.minor
        assert sum(run.units * run.tax for run in line.units) == line.tax.amount.minor
    shipping = q.delivery.total.minor if q.delivery else 0
    if q.delivery:
        discount = sum(d.amount.minor for d in q.delivery.discounts)
        assert q.delivery.total.minor == q.delivery.price.minor - discount
        assert sum(part.base.minor for part in q.delivery.taxes) == shipping
        assert all(part.base.minor >= part.tax.amount.minor >= 0 for part in q.delivery.taxes)
    assert q.subtotal.minor == sum(line.subtotal.minor for line in q.lines)
    assert q.tax.minor == sum(line.tax.amount.minor for line in q.lines) + (
        q.delivery.tax.minor if q.delivery else 0
    )
    assert q.total == q.subtotal + q.shipping - q.discount + q.tax_added
    assert q.total.minor == sum(line.payable.minor for line in q.lines) + shipping + (
        0 if q.tax_included or not q.delivery else q.delivery.tax.minor
    )


@all_baskets
@given(scenarios)
def test_no_amount_is_negative_and_no_discount_exceeds_its_cost(scenario: PricingScenario) -> None:
    q = quote_of(scenario)
    for line in q.lines:
        assert 0 <= line.total.minor <= line.subtotal.minor
        assert line.tax.amount.minor >= 0
        assert all(discount.amount.minor > 0 for discount in line.discounts)
        assert all(run.total >= 0 and run.tax >= 0 for run in line.units)
        remaining = line.subtotal.minor
        for discount in line.discounts:
            assert discount.amount.minor <= remaining
            remaining -= discount.amount.minor
    if q.delivery:
        assert 0 <= q.delivery.total.minor <= q.delivery.price.minor
    assert min(q.total.minor, q.discount.minor, q.tax.minor, q.shipping.minor) >= 0
    if q.tax_included:
        assert q.tax.minor <= q.total.minor


@all_baskets
@given(scenarios, randoms)
def test_refunds_of_any_units_in_any_steps_are_exact(
    scenario: PricingScenario, rng: Random
) -> None:
    for line in quote_of(scenario).lines:
        units = list(range(line.quantity))
        rng.shuffle(units)
        refunded = 0
        while units:
            part = [units.pop() for _ in range(rng.randint(1, len(units)))]
            share = line.refund(part)
            assert share.minor >= 0
            refunded += share.minor
        assert refunded == line.payable.minor
        first = rng.randint(0, line.quantity)
        assert (
            line.refund_next(0, first) + line.refund_next(first, line.quantity - first)
            == line.payable
        )


@all_baskets
@given(scenarios, randoms)
def test_order_of_lines_changes_no_total(scenario: PricingScenario, rng: Random) -> None:
    lines = list(scenario.basket.lines)
    rng.shuffle(lines)
    # The lines also get new ids, as from a client that sends them in another order.
    renamed = tuple(replace(line, id=f"l{place}") for place, line in enumerate(lines))
    reordered = replace(scenario, basket=replace(scenario.basket, lines=renamed))
    one, other = quote_of(scenario), quote_of(reordered)
    for name in ("subtotal", "discount", "shipping", "tax", "total"):
        assert getattr(one, name) == getattr(other, name)
    assert sorted(e.amount for e in one.trace) == sorted(e.amount for e in other.trace)


@fewer_baskets
@given(scenarios)
def test_trace_accounts_for_every_minor_unit(scenario: PricingScenario) -> None:
    q = quote_of(scenario)
    by_promotion: Counter[str] = Counter()
    for line in q.lines:
        for discount in line.discounts:
            by_promotion[discount.promotion_id] += discount.amount.minor
    if q.delivery:
        for discount in q.delivery.discounts:
            by_promotion[discount.promotion_id] += discount.amount.minor
    traced = {
        entry.rule: entry.amount
        for entry in q.trace
        if entry.step.value not in ("price", "tax") and entry.applied and entry.amount
    }
    assert traced == dict(by_promotion)
    assert sum(traced.values()) == q.discount.minor
    assert all(entry.applied or entry.reason or entry.detail for entry in q.trace)


@all_baskets
@given(scenarios)
def test_rules_that_do_not_apply_change_nothing(scenario: PricingScenario) -> None:
    q = quote_of(scenario)
    applied = {entry.rule for entry in q.trace if entry.applied}
    rejected = {outcome.code for outcome in q.codes if not outcome.applied}
    rules = replace(
        scenario.rules, promotions=tuple(p for p in scenario.rules.promotions if p.id in applied)
    )
    basket = replace(
        scenario.basket, codes=tuple(code for code in scenario.basket.codes if code not in rejected)
    )
    repeated = quote_of(replace(scenario, rules=rules, basket=basket))
    assert repeated.lines == q.lines
    assert (repeated.total, repeated.gifts, repeated.uses) == (q.total, q.gifts, q.uses)


@fewer_baskets
@given(scenarios)
def test_quote_round_trips_through_json(scenario: PricingScenario) -> None:
    q = quote_of(scenario)
    assert Quote.from_dict(json.loads(json.dumps(q.to_dict()))) == q


@fewer_baskets
@given(scenarios)
def test_explain_changes_only_the_trace(scenario: PricingScenario) -> None:
    q = quote_of(scenario)
    explained = quote_of(scenario, explain=True)
    assert replace(explained, trace=q.trace) == q
    traced = {entry.rule for entry in explained.trace}
    assert {promotion.id for promotion in scenario.rules.promotions} <= traced


@fewer_baskets
@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_split_sums_to_its_whole_and_is_fair(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    shares = weights if any(weights) else [1] * len(weights)
    whole = sum(shares)
    for part, share in zip(parts, shares, strict=True):
        assert total * share // whole <= part <= -(-total * share // whole)


@fewer_baskets
@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_rounding_is_within_half_a_unit(numerator: int, denominator: int) -> None:
    for rounding in Rounding:
        rounded = ratio(numerator, denominator, rounding)
        assert abs(2 * (rounded * denominator - numerator)) <= denominator
