"""Names of products and promotions that look empty, from requests and from files."""

from dataclasses import replace

import pytest

from shop.catalog.model import Category, Product
from shop.catalog.model.validation import validate_product
from shop.kernel.errors import InvalidRequest
from tests.kit.products import mug

BLANKS = ("\u200b", "\u2060 \u00ad", "\u3164", "\u2800", "\ufeff")


def problem_paths(product: Product) -> list[str | None]:
    with pytest.raises(InvalidRequest) as error:
        validate_product(product)
    return [problem.path for problem in error.value.problems]


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_name_without_a_visible_character_is_rejected(blank: str) -> None:
    assert "$.title" in problem_paths(replace(mug(), title=blank))
    assert "$.brand" in problem_paths(replace(mug(), brand=blank))
    assert "$.tags[1]" in problem_paths(replace(mug(), tags=("red", blank)))
    category = Category(f"Kitchen > {blank}")
    assert "$.categories[0].value" in problem_paths(replace(mug(), categories=(category,)))
