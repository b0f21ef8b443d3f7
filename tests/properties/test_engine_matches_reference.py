"""Engine and reference implementation give the same amounts on 10,000 random baskets."""

from random import Random, SystemRandom
from typing import Any

import pytest

from shop.pricing.actions.quotes import quote
from shop.pricing.model.quote import CodeOutcome, Quote
from tests.properties.pricing_strategies import random_scenario
from tests.properties.reference_pricing import reference_quote

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
        "codes": [_outcome_of(outcome) for outcome in q.codes],
    }


def _outcome_of(outcome: CodeOutcome) -> tuple[str, int] | str:
    """An amount for an applied code; of the reasons, the page defines only one."""
    if outcome.applied:
        assert outcome.amount is not None
        return ("applied", outcome.amount.minor)
    is_repeated = outcome.reason == "discount_code_already_applied"
    return outcome.reason if is_repeated else "rejected"


def seeds(part: int) -> list[int]:
    """Four fifths are the same in every run; the others are random, and reported on failure."""
    fixed = list(range(part, BASKETS, PARTS))
    random_count = len(fixed) // 5
    return fixed[random_count:] + [
        SystemRandom().randrange(BASKETS, 2**48) for _ in range(random_count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_engine_and_reference_give_the_same_amounts(part: int) -> None:
    applied = 0
    applied_codes = 0
    for seed in seeds(part):
        scenario = random_scenario(Random(seed))
        engine = amounts(
            quote(scenario.basket, rules=scenario.rules, at=scenario.at, limits=scenario.limits)
        )
        reference = reference_quote(
            scenario.basket, rules=scenario.rules, at=scenario.at, limits=scenario.limits
        )
        assert engine == reference, f"seed {seed}"
        applied += len(engine["applied"])
        applied_codes += sum(isinstance(code, tuple) for code in engine["codes"])
    # The comparison is worth nothing if the random baskets meet no rules.
    assert applied_codes > BASKETS / PARTS / 20, "too few codes applied"
    assert applied > BASKETS / PARTS / 2, "too few promotions applied"
