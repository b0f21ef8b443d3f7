"""The engine and the naive reading of docs/rules/pricing.md give the same amounts on 10,000 random
baskets.
"""

from random import Random, SystemRandom
from typing import Any

import pytest

from shop.pricing.actions.quotes import quote
from shop.pricing.model.quote import CodeOutcome, Quote
from tests.properties.pricing_strategies import world
from tests.properties.reference_pricing import naive_quote

BASKETS = 10_000
PARTS = 10


def amounts(q: Quote) -> dict[str, Any]:
    applied: dict[str, int] = {}
    for entry in q.trace:
        if entry.applied and entry.step.value not in ("price", "tax"):
            assert entry.rule not in applied
            applied[entry.rule] = entry.amount
    gifts: dict[str, int] = {}
    for gift in q.gifts:
        gifts[gift.sku] = gifts.get(gift.sku, 0) + gift.quantity
    return {
        "subtotal": q.subtotal.minor,
        "shipping": q.shipping.minor,
        "discount": q.discount.minor,
        "tax": q.tax.minor,
        "total": q.total.minor,
        "lines": {
            line.id: (
                line.unit_price.minor,
                line.price_list,
                line.total.minor,
                line.tax.amount.minor,
            )
            for line in q.lines
        },
        "applied": applied,
        "uses": {u.promotion_id: u.units for u in q.uses if u.units and u.gift_sku is None},
        "gifts": gifts,
        "units": {
            line.id: [(run.total, run.tax) for run in line.units for _ in range(run.units)]
            for line in q.lines
        },
        "codes": [_became_of(outcome) for outcome in q.codes],
    }


def _became_of(outcome: CodeOutcome) -> tuple[str, int] | str:
    """The page gives a code that stands its amount, and names one reason for one that does not."""
    if outcome.applied:
        assert outcome.amount is not None
        return ("applied", outcome.amount.minor)
    twice = outcome.reason == "discount_code_already_applied"
    return outcome.reason if twice else "refused"


def seeds(part: int) -> list[int]:
    """Four fifths are the same in every run; the others are drawn, and told where they fail."""
    same = list(range(part, BASKETS, PARTS))
    drawn = len(same) // 5
    return same[drawn:] + [SystemRandom().randrange(BASKETS, 2**48) for _ in range(drawn)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_two_readings_of_the_law_agree(part: int) -> None:
    applied = 0
    stood = 0
    for seed in seeds(part):
        it = world(Random(seed))
        engine = amounts(quote(it.basket, rules=it.rules, at=it.at, limits=it.standing))
        naive = naive_quote(it.basket, rules=it.rules, at=it.at, limits=it.standing)
        assert engine == naive, f"seed {seed}"
        applied += len(engine["applied"])
        stood += sum(isinstance(code, tuple) for code in engine["codes"])
    assert stood > BASKETS / PARTS / 20, "hardly a code stands: nothing was compared"
    assert applied > BASKETS / PARTS / 2, (
        "the baskets hardly meet a promotion: nothing was compared"
    )
