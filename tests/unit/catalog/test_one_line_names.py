"""Names that are displayed on one line have no line break, from requests and from files."""

from dataclasses import replace

import pytest

from shop.catalog.model import Category, Media, Option, Product
from shop.catalog.model.validation import validate_product
from shop.kernel.errors import InvalidRequest
from shop.kernel.text_validation import LINE_MESSAGE
from tests.kit.products import mug
from tests.unit.catalog.sample_products import simple
from tests.unit.catalog.test_places import HEADER, large, small

BREAKS = ("\n", "\r\n", "\r", "\u2028", "\u2029")


def line_problems(product: Product) -> list[str | None]:
    with pytest.raises(InvalidRequest) as error:
        validate_product(product)
    return [problem.path for problem in error.value.problems if problem.detail == LINE_MESSAGE]


@pytest.mark.parametrize("end", BREAKS, ids=ascii)
def test_names_of_a_product_are_one_line(end: str) -> None:
    text = f"Blue{end}Mug"
    product = mug()
    assert line_problems(replace(product, title=text)) == ["$.title"]
    assert line_problems(replace(product, brand=text)) == ["$.brand"]
    assert line_problems(replace(product, tags=("red", text))) == ["$.tags[1]"]
    category = Category(f"Kitchen > {text}")
    assert line_problems(replace(product, categories=(category,))) == ["$.categories[0].value"]
    variants = (replace(product.variants[0], title=text), *product.variants[1:])
    assert line_problems(replace(product, variants=variants)) == ["$.variants[0].title"]
    options = (Option("Co\nlor", ("red", text)),)
    found = line_problems(replace(product, options=options))
    assert found == ["$.options[0].name", "$.options[0].values[1]"]


@pytest.mark.parametrize("end", BREAKS, ids=ascii)
def test_a_description_and_the_text_of_an_image_may_have_lines(end: str) -> None:
    text = f"Blue{end}Mug"
    medium = Media("https://x.example/1.jpg", alt=text)
    product = replace(simple("mug", "Mug"), description=text, html=text, media=(medium,))
    assert validate_product(product) == product


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ('a,"A\nB",,,,A,1,,,,,,,,,', "B"),
        ('a,"A\r\nB",,,,A,1,,,,,,,,,', "B"),
        ('a,A,,,,A,1,,,,,,"t\nu",,,', "M"),
        ('a,A,,,,A,1,,,,,,,,,"V\nW"', "P"),
        ('a,A,,Size,"S\nM",A,1,,,,,,,,,', "E"),
        ('a,A,,"Si\nze",S,A,1,,,,,,,,,', "D"),
    ],
)
def test_an_import_names_the_cell_with_a_line_break(row: str, column: str) -> None:
    raw = (HEADER + row + "\n").encode()
    for found in (small(raw), large(raw)):
        assert {(row, column) for _, row, column, _ in found} == {(2, column)}
        assert all(LINE_MESSAGE in reason for *_, reason in found)


def test_a_line_break_at_the_end_of_a_cell_is_none() -> None:
    raw = (HEADER + 'a,"A\n",,,,A,1,,,,,,"t,\nu",,,"V\r\n"\n').encode()
    assert (small(raw), large(raw)) == ([], [])
