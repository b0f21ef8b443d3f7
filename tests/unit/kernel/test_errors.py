"""The texts of errors."""

import pytest

from shop.kernel.errors import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 pieces"), (1, "1 piece"), (2, "2 pieces"), (1_200, "1,200 pieces")]
)
def test_noun_agrees_with_its_number(count: int, text: str) -> None:
    assert counted(count, "piece") == text
