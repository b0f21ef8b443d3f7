"""Status transitions and validation of a product."""

from dataclasses import replace
from typing import Any

import pytest

from shop.catalog.model import (
    MAY_BECOME,
    Category,
    Media,
    Option,
    OptionChoice,
    Product,
    ProductStatus,
    VariantStatus,
    product_id_from,
)
from shop.catalog.model.validation import validate_product
from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.money import Money
from tests.unit.catalog.sample_products import LATER, THEN, shirt, simple


def paths(product: Product) -> set[str | None]:
    with pytest.raises(InvalidRequest) as raised:
        validate_product(product)
    return {p.path for p in raised.value.problems}


def with_variant(n: int, **more: Any) -> Product:
    product = shirt()
    variants = list(product.variants)
    variants[n] = replace(variants[n], **more)
    return replace(product, variants=tuple(variants))


@pytest.mark.parametrize("before", ProductStatus)
@pytest.mark.parametrize("after", ProductStatus)
def test_only_allowed_status_transitions_succeed(
    before: ProductStatus, after: ProductStatus
) -> None:
    product = shirt(status=before)
    if after in MAY_BECOME[before]:
        moved = product.with_status(after, at=LATER)
        assert (moved.status, moved.updated_at, moved.created_at) == (after, LATER, THEN)
    else:
        with pytest.raises(Conflict) as raised:
            product.with_status(after, at=LATER)
        assert raised.value.code == "status_not_allowed"


def test_no_status_is_final() -> None:
    assert set(MAY_BECOME) == set(ProductStatus)
    assert all(MAY_BECOME.values())


@pytest.mark.parametrize(
    "status", [ProductStatus.DRAFT, ProductStatus.IN_REVIEW, ProductStatus.ARCHIVED]
)
def test_only_published_products_are_on_sale(status: ProductStatus) -> None:
    assert shirt(status=status).on_sale == ()
    assert len(shirt().on_sale) == 5


def test_a_discontinued_variant_is_not_on_sale_and_keeps_its_number() -> None:
    product = with_variant(1, status=VariantStatus.DISCONTINUED)
    assert [v.id for v in validate_product(product).on_sale] == [
        "shirt.1",
        "shirt.3",
        "shirt.4",
        "shirt.5",
    ]


def test_a_product_without_active_variants_cannot_be_published() -> None:
    product = shirt(status=ProductStatus.IN_REVIEW)
    discontinued = tuple(replace(v, status=VariantStatus.DISCONTINUED) for v in product.variants)
    with pytest.raises(Conflict) as raised:
        replace(product, variants=discontinued).with_status(ProductStatus.PUBLISHED, at=LATER)
    assert raised.value.code == "no_variant"


@pytest.mark.parametrize(
    ("some_id", "product_id"),
    [("mug", "mug"), ("mug.1", "mug"), ("mug.12", "mug"), ("a-b_c.3", "a-b_c"), ("v1.x", "v1.x")],
)
def test_the_product_id_is_derived_from_a_variant_id(some_id: str, product_id: str) -> None:
    assert product_id_from(some_id) == product_id


@pytest.mark.parametrize(
    ("product", "path"),
    [
        (shirt(id="a.b"), "$.id"),
        (shirt(id=""), "$.id"),
        (shirt(title="  "), "$.title"),
        (shirt(title="x" * 256), "$.title"),
        (shirt(title="a\x00b"), "$.title"),
        (shirt(handle="a b"), "$.handle"),
        (shirt(description="x" * 20_001), "$.description"),
        (shirt(brand=""), "$.brand"),
        (shirt(categories=(Category("Apparel >  > Shirts"),)), "$.categories[0].value"),
        (shirt(categories=tuple(Category(str(n)) for n in range(21))), "$.categories"),
        (shirt(tags=("",)), "$.tags[0]"),
        (shirt(media=(Media("/shirt.jpg"),)), "$.media[0].url"),
        (shirt(media=(Media("javascript:alert(1)"),)), "$.media[0].url"),
        (shirt(media=(Media("https://x.example/a", type="song"),)), "$.media[0].type"),
        (shirt(variants=()), "$.variants"),
        (shirt(options=()), "$.variants[0].options"),
        (shirt(options=(Option("Color", ("Blue",)), Option("Size", ()))), "$.options[1].values"),
        (with_variant(0, sku="BAD SKU "), "$.variants[0].sku"),
        (with_variant(0, sku="茶"), "$.variants[0].sku"),
        (with_variant(1, sku="SHIRT-BLUE-S"), "$.variants[1].sku"),
        (with_variant(0, id="shirt.9"), "$.variants[0].id"),
        (with_variant(0, price=Money(-1, "USD")), "$.variants[0].price"),
        (with_variant(0, price=Money(10**13, "USD")), "$.variants[0].price"),
        (with_variant(0, price=Money(100, "EUR")), "$.variants"),
        (with_variant(0, list_price=Money(0, "USD")), "$.variants[0].list_price"),
        (with_variant(0, weight_g=-1), "$.variants[0].weight_g"),
        (with_variant(0, choices=()), "$.variants[0].options"),
        (
            with_variant(0, choices=(OptionChoice("Color", "Blue"), OptionChoice("Size", "XL"))),
            "$.variants[0].options",
        ),
        (
            with_variant(0, choices=(OptionChoice("Color", "Blue"), OptionChoice("Size", "M"))),
            "$.variants[1].options",
        ),
    ],
)
def test_an_invalid_field_is_reported_with_its_path(product: Product, path: str) -> None:
    assert path in paths(product)


def test_all_invalid_fields_are_reported_together() -> None:
    assert paths(with_variant(4, sku="", price=Money(-5, "USD"))) == {
        "$.variants[4].sku",
        "$.variants[4].price",
    }


def test_101_active_variants_exceed_one_read_of_the_stock() -> None:
    one = simple("pin", "Pin").variants[0]
    option = Option("No", tuple(str(n) for n in range(1, 102)))
    variants = tuple(
        replace(one, id=f"pin.{n}", sku=f"PIN-{n}", choices=(OptionChoice("No", str(n)),))
        for n in range(1, 102)
    )
    product = simple("pin", "Pin", options=(option,), variants=variants)
    assert "$.variants" in paths(product)
