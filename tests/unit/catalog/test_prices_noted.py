"""Every price a variant was on sale at is noted with the change itself."""

from dataclasses import replace
from datetime import timedelta

from shop.catalog.model import Product, Status, with_prices_noted
from shop.kernel.money import Money
from tests.kit.goods import THEN, mug


def priced(product: Product, minor: int, days: float) -> Product:
    variants = tuple(replace(v, price=Money(minor, "USD")) for v in product.variants)
    return replace(product, variants=variants, updated_at=THEN + timedelta(days=days))


def noted(product: Product) -> list[tuple[float, int]]:
    past = product.variants[0].past
    return [((mark.since - THEN) / timedelta(days=1), mark.price.minor) for mark in past]


def test_prices_are_noted_from_the_first_sale_on_and_never_rewritten() -> None:
    draft = with_prices_noted(priced(mug(status=Status.DRAFT), 100, 0), None)
    assert noted(draft) == []
    first = with_prices_noted(replace(priced(draft, 200, 1), status=Status.PUBLISHED), draft)
    same = with_prices_noted(priced(first, 200, 2), first)
    second = with_prices_noted(priced(same, 150, 3), same)
    assert noted(second) == [(1, 200), (3, 150)]
    forged = replace(second, variants=tuple(replace(v, past=()) for v in second.variants))
    assert noted(with_prices_noted(priced(forged, 150, 4), second)) == [(1, 200), (3, 150)]


def test_what_is_off_sale_notes_nothing_and_goes_on_where_it_was() -> None:
    first = with_prices_noted(priced(mug(), 200, 1), None)
    away = replace(priced(first, 90, 2), status=Status.DRAFT)
    assert noted(with_prices_noted(away, first)) == [(1, 200)]


def test_a_clock_that_goes_back_does_not_turn_the_past_around() -> None:
    first = with_prices_noted(priced(mug(), 200, 5), None)
    second = with_prices_noted(priced(first, 150, 4), first)
    assert [price for _, price in noted(second)] == [200, 150]
    assert second.variants[0].past[1].since > second.variants[0].past[0].since
