"""A new condition of promotions has a text for its reason, and takes part in the random tests."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest

import shop.pricing.model
from shop.pricing.model.targeting import NOT_APPLIED_REASONS, Conditions
from tests.properties.pricing_strategies import conditions

MODEL = Path(shop.pricing.model.__path__[0])
SCENARIOS = 400


def reasons_in(source: str) -> Iterator[str]:
    """Yield the reasons that a module states: ``reason="…"``, and returns of ``…reason…()``."""
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.keyword) and node.arg == "reason":
            values = [node.value]
        elif isinstance(node, ast.FunctionDef) and "reason" in node.name:
            values = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
        for value in values:
            if isinstance(value, ast.Constant) and value.value:
                yield str(value.value)


def test_every_reason_has_a_text() -> None:
    stated = {
        (reason, file.name)
        for file in MODEL.rglob("*.py")
        for reason in reasons_in(file.read_text())
    }
    assert {"channel_mismatch", "not_first_order"} <= {reason for reason, _ in stated}
    assert [each for each in sorted(stated) if each[0] not in NOT_APPLIED_REASONS] == []


@pytest.mark.parametrize("field", [field.name for field in fields(Conditions)])
def test_random_baskets_meet_every_condition_field(field: str) -> None:
    default = getattr(Conditions(), field)
    drawn = (getattr(conditions(Random(seed), "USD"), field) for seed in range(SCENARIOS))
    assert any(value != default for value in drawn), (
        f"conditions() in tests/properties/pricing_strategies.py never sets {field}"
    )
