"""The laws that hold for every basket, on thousands of random ones: sums, refunds, order,
independence.
"""

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
from tests.properties.pricing_strategies import World, world

pytestmark = pytest.mark.slow

BASKETS = 2_000
worlds = st.integers(0, 2**48).map(lambda seed: world(Random(seed)))
"""By seed: thousands of whole shops in seconds. A failing one is named by its seed and needs no
shrinking.
"""

randoms = st.integers(0, 2**48).map(Random)

many = settings(
    max_examples=BASKETS,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
some = settings(many, max_examples=BASKETS // 4)


def priced(it: World) -> Quote:
    return quote(it.basket, rules=it.rules, at=it.at, limits=it.standing)


@many
@given(worlds)
def test_the_parts_sum_to_the_whole(it: World) -> None:
    q = priced(it)
    for line in q.lines:
        assert line.subtotal.minor == line.unit_price.minor * line.quantity
        assert line.total.minor == line.subtotal.minor - sum(d.amount.minor for d in line.discounts)
        assert sum(run.units for run in line.units) == line.quantity
        assert sum(run.units * run.total for run in line.units) == line.total.minor
        assert sum(run.units * run.tax for run in line.units) == line.tax.amount.minor
    shipping = q.delivery.total.minor if q.delivery else 0
    if q.delivery:
        off = sum(d.amount.minor for d in q.delivery.discounts)
        assert q.delivery.total.minor == q.delivery.price.minor - off
    assert q.subtotal.minor == sum(line.subtotal.minor for line in q.lines)
    assert q.tax.minor == sum(line.tax.amount.minor for line in q.lines) + (
        q.delivery.tax.amount.minor if q.delivery else 0
    )
    assert q.total == q.subtotal + q.shipping - q.discount + q.tax_added
    assert q.total.minor == sum(line.payable.minor for line in q.lines) + shipping + (
        0 if q.tax_included or not q.delivery else q.delivery.tax.amount.minor
    )


@many
@given(worlds)
def test_nothing_is_negative_and_no_discount_exceeds_what_it_reduces(it: World) -> None:
    q = priced(it)
    for line in q.lines:
        assert 0 <= line.total.minor <= line.subtotal.minor
        assert line.tax.amount.minor >= 0
        assert all(discount.amount.minor > 0 for discount in line.discounts)
        assert all(run.total >= 0 and run.tax >= 0 for run in line.units)
        left = line.subtotal.minor
        for discount in line.discounts:
            assert discount.amount.minor <= left
            left -= discount.amount.minor
    if q.delivery:
        assert 0 <= q.delivery.total.minor <= q.delivery.price.minor
    assert min(q.total.minor, q.discount.minor, q.tax.minor, q.shipping.minor) >= 0
    if q.tax_included:
        assert q.tax.minor <= q.total.minor


@many
@given(worlds, randoms)
def test_any_units_refund_exactly_in_any_number_of_steps(it: World, rng: Random) -> None:
    for line in priced(it).lines:
        units = list(range(line.quantity))
        rng.shuffle(units)
        back = 0
        while units:
            part = [units.pop() for _ in range(rng.randint(1, len(units)))]
            share = line.refund(part)
            assert share.minor >= 0
            back += share.minor
        assert back == line.payable.minor
        first = rng.randint(0, line.quantity)
        assert (
            line.refund_next(0, first) + line.refund_next(first, line.quantity - first)
            == line.payable
        )


@many
@given(worlds, randoms)
def test_the_order_of_lines_changes_no_total(it: World, rng: Random) -> None:
    lines = list(it.basket.lines)
    rng.shuffle(lines)
    # The lines are also numbered anew, as a client would that sends them in another order.
    renamed = tuple(replace(line, id=f"l{place}") for place, line in enumerate(lines))
    one, other = priced(it), priced(replace(it, basket=replace(it.basket, lines=renamed)))
    for name in ("subtotal", "discount", "shipping", "tax", "total"):
        assert getattr(one, name) == getattr(other, name)
    assert sorted(e.amount for e in one.trace) == sorted(e.amount for e in other.trace)


@some
@given(worlds)
def test_the_trace_accounts_for_every_minor_unit(it: World) -> None:
    q = priced(it)
    by_promotion: Counter[str] = Counter()
    for line in q.lines:
        for discount in line.discounts:
            by_promotion[discount.promotion_id] += discount.amount.minor
    if q.delivery:
        for discount in q.delivery.discounts:
            by_promotion[discount.promotion_id] += discount.amount.minor
    told = {
        entry.rule: entry.amount
        for entry in q.trace
        if entry.step.value not in ("price", "tax") and entry.applied and entry.amount
    }
    assert told == dict(by_promotion)
    assert sum(told.values()) == q.discount.minor
    assert all(entry.applied or entry.reason or entry.detail for entry in q.trace)


@many
@given(worlds)
def test_what_did_not_apply_did_not_matter(it: World) -> None:
    q = priced(it)
    applied = {entry.rule for entry in q.trace if entry.applied}
    refused = {outcome.code for outcome in q.codes if not outcome.applied}
    rules = replace(it.rules, promotions=tuple(p for p in it.rules.promotions if p.id in applied))
    basket = replace(
        it.basket, codes=tuple(code for code in it.basket.codes if code not in refused)
    )
    again = priced(replace(it, rules=rules, basket=basket))
    assert again.lines == q.lines
    assert (again.total, again.gifts, again.uses) == (q.total, q.gifts, q.uses)


@some
@given(worlds)
def test_a_quote_survives_its_way_through_json(it: World) -> None:
    q = priced(it)
    assert Quote.from_dict(json.loads(json.dumps(q.to_dict()))) == q


@some
@given(worlds)
def test_explaining_changes_nothing_but_the_trace(it: World) -> None:
    q = priced(it)
    explained = quote(it.basket, rules=it.rules, at=it.at, limits=it.standing, explain=True)
    assert replace(explained, trace=q.trace) == q
    told = {entry.rule for entry in explained.trace}
    assert {promotion.id for promotion in it.rules.promotions} <= told


@some
@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_a_split_sums_to_its_whole_and_is_fair(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    shares = weights if any(weights) else [1] * len(weights)
    whole = sum(shares)
    for part, share in zip(parts, shares, strict=True):
        assert total * share // whole <= part <= -(-total * share // whole)


@some
@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_rounding_is_within_half_a_unit(numerator: int, denominator: int) -> None:
    for rounding in Rounding:
        found = ratio(numerator, denominator, rounding)
        assert abs(2 * (found * denominator - numerator)) <= denominator
