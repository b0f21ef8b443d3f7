"""`make export`: what it prints about the products that the file omits."""

from local.exporter import omitted_texts
from shop.kernel.errors import counted

CURRENCY = "Its prices are in USD. Export that currency."
STATUS = "Shopify's format cannot hold its status. Read it by the API."


def test_products_that_are_omitted_for_one_reason_have_one_line() -> None:
    omitted = {**{f"sample-{n}": CURRENCY for n in range(17)}, "kettle": STATUS}
    assert omitted_texts(omitted) == [
        f"17 products (sample-0, sample-1, sample-2 and 14 more): {CURRENCY}",
        f"kettle: {STATUS}",
    ]
    assert omitted_texts({"a": CURRENCY, "b": CURRENCY}) == [f"2 products (a, b): {CURRENCY}"]
    assert omitted_texts({}) == []


def test_one_thing_has_no_plural() -> None:
    assert [counted(n, "product") for n in (0, 1, 2, 1500)] == [
        "0 products",
        "1 product",
        "2 products",
        "1,500 products",
    ]
