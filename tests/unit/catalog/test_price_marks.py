"""Saving a product marks every new price of a variant on sale."""

from dataclasses import replace
from datetime import timedelta

from shop.catalog.model import Product, ProductStatus, with_price_marks
from shop.kernel.money import Money
from tests.kit.products import FIXED_NOW, mug


def priced(product: Product, minor: int, days: float) -> Product:
    variants = tuple(replace(v, price=Money(minor, "USD")) for v in product.variants)
    return replace(product, variants=variants, updated_at=FIXED_NOW + timedelta(days=days))


def marked_prices(product: Product) -> list[tuple[float, int]]:
    past = product.variants[0].price_marks
    return [((mark.since - FIXED_NOW) / timedelta(days=1), mark.price.minor) for mark in past]


def test_prices_are_marked_from_the_first_sale_and_never_rewritten() -> None:
    draft = with_price_marks(priced(mug(status=ProductStatus.DRAFT), 100, 0), None)
    assert marked_prices(draft) == []
    first = with_price_marks(replace(priced(draft, 200, 1), status=ProductStatus.PUBLISHED), draft)
    same = with_price_marks(priced(first, 200, 2), first)
    second = with_price_marks(priced(same, 150, 3), same)
    assert marked_prices(second) == [(1, 200), (3, 150)]
    forged = replace(second, variants=tuple(replace(v, price_marks=()) for v in second.variants))
    assert marked_prices(with_price_marks(priced(forged, 150, 4), second)) == [(1, 200), (3, 150)]


def test_an_unpublished_product_adds_no_marks_and_keeps_earlier_ones() -> None:
    first = with_price_marks(priced(mug(), 200, 1), None)
    away = replace(priced(first, 90, 2), status=ProductStatus.DRAFT)
    assert marked_prices(with_price_marks(away, first)) == [(1, 200)]


def test_marks_stay_in_order_when_the_clock_goes_back() -> None:
    first = with_price_marks(priced(mug(), 200, 5), None)
    second = with_price_marks(priced(first, 150, 4), first)
    assert [price for _, price in marked_prices(second)] == [200, 150]
    assert second.variants[0].price_marks[1].since > second.variants[0].price_marks[0].since
