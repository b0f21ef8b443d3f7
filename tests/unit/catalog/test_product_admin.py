"""What staff do with one product."""

from dataclasses import replace
from typing import Any

import pytest

from shop.catalog.actions.product_admin import (
    Draft,
    DraftVariant,
    create_product,
    set_product_status,
    update_product,
)
from shop.catalog.model import Option, OptionChoice, Product, ProductStatus, VariantStatus
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from shop.kernel.money import Money
from tests.doubles.catalog import MemoryProductCatalog
from tests.unit.catalog.sample_products import LATER, THEN

USD = "USD"


def said(size: str, *, price: int = 900, **more: Any) -> DraftVariant:
    return DraftVariant(price=Money(price, USD), choices=(OptionChoice("Size", size),), **more)


def draft(*variants: DraftVariant, title: str = "Cap", sizes: str = "") -> Draft:
    names = sizes.split() or [v.choices[0].value for v in variants if v.choices]
    options = (Option("Size", tuple(dict.fromkeys(names))),) if names else ()
    return Draft(title=title, variants=variants, options=options)


def made(*variants: DraftVariant) -> tuple[MemoryProductCatalog, Product]:
    catalog = MemoryProductCatalog()
    product = create_product("cap", draft(*variants), catalog=catalog, at=THEN)
    return catalog, product


def changed(catalog: MemoryProductCatalog, version: int, some: Draft) -> Product:
    return update_product("cap", some, expected_version=version, catalog=catalog, at=LATER)


def test_a_new_product_is_a_draft_with_what_was_left_out_filled_in() -> None:
    catalog = MemoryProductCatalog()
    some = Draft(title="Crème Brûlée Torch", variants=(DraftVariant(price=Money(1999, USD)),))
    product = create_product("torch", some, catalog=catalog, at=THEN)
    assert (product.status, product.version) == (ProductStatus.DRAFT, 1)
    assert product.handle == "creme-brulee-torch"
    (variant,) = product.variants
    assert (variant.id, variant.sku, variant.title) == ("torch.1", "torch", "Crème Brûlée Torch")
    assert (product.created_at, product.updated_at) == (THEN, THEN)


def test_several_variants_are_numbered_and_named_by_their_options() -> None:
    _, product = made(said("S"), said("M", sku="CAP-M"))
    assert [(v.id, v.sku, v.title) for v in product.variants] == [
        ("cap.1", "cap.1", "S"),
        ("cap.2", "CAP-M", "M"),
    ]


def test_a_title_in_chinese_makes_a_handle_too() -> None:
    some = Draft(title="青花 茶杯", variants=(DraftVariant(price=Money(1, USD)),))
    assert (
        create_product("cup", some, catalog=MemoryProductCatalog(), at=THEN).handle == "青花-茶杯"
    )
    marks = Draft(title="!!!", variants=(DraftVariant(price=Money(1, USD)),))
    assert create_product("x1", marks, catalog=MemoryProductCatalog(), at=THEN).handle == "x1"


def test_a_variant_keeps_its_number_however_the_others_come_and_go() -> None:
    catalog, _ = made(said("S", sku="A"), said("M", sku="B"), said("L", sku="C"))
    product = changed(catalog, 1, draft(said("L", sku="C"), said("XL", sku="D")))
    assert [(v.id, v.sku, v.status) for v in product.variants] == [
        ("cap.1", "A", VariantStatus.DISCONTINUED),
        ("cap.2", "B", VariantStatus.DISCONTINUED),
        ("cap.3", "C", VariantStatus.ACTIVE),
        ("cap.4", "D", VariantStatus.ACTIVE),
    ]
    again = changed(catalog, 2, draft(said("S", sku="A", price=950)))
    assert again.variants[0].status is VariantStatus.ACTIVE
    assert again.variants[0].price == Money(950, USD)
    assert len(again.variants) == 4


def test_a_variant_is_known_by_its_id_its_sku_or_its_options() -> None:
    catalog, _ = made(said("S", sku="A"), said("M", sku="B"))
    product = changed(catalog, 1, draft(said("Small", id="cap.1", sku="A2"), said("M", price=1000)))
    assert [(v.id, v.sku, v.choices[0].value) for v in product.variants] == [
        ("cap.1", "A2", "Small"),
        ("cap.2", "B", "M"),
    ]


def test_the_same_draft_twice_changes_nothing_but_the_version() -> None:
    catalog, product = made(said("S"), said("M"))
    again = changed(catalog, 1, draft(said("S"), said("M")))
    assert again == replace(product, version=2, updated_at=LATER)


def test_an_unknown_variant_id_is_refused() -> None:
    catalog, _ = made(said("S"))
    with pytest.raises(InvalidRequest) as refused:
        changed(catalog, 1, draft(said("S"), said("M", id="cap.9")))
    assert refused.value.problems[0].path == "$.variants[1].id"


def test_one_variant_cannot_be_meant_twice() -> None:
    catalog, _ = made(said("S"))
    with pytest.raises(InvalidRequest) as refused:
        changed(catalog, 1, draft(said("S", id="cap.1"), said("M", id="cap.1")))
    assert refused.value.code == "variant_twice"


def test_what_is_wrong_is_said_by_its_place_in_the_draft() -> None:
    catalog, _ = made(said("S", sku="A"), said("M", sku="B"))
    with pytest.raises(InvalidRequest) as refused:
        changed(catalog, 1, draft(said("XL", sku="ok"), said("XXL", sku="not ok ")))
    assert [p.path for p in refused.value.problems] == ["$.variants[1].sku"]


def test_a_change_from_an_old_version_is_refused() -> None:
    catalog, _ = made(said("S"))
    changed(catalog, 1, draft(said("S"), title="Hat"))
    with pytest.raises(VersionConflict):
        changed(catalog, 1, draft(said("S"), title="Cap again"))
    assert catalog.get("cap").title == "Hat"


def test_a_product_moves_along_its_life() -> None:
    catalog, _ = made(said("S"))

    def move(status: ProductStatus, version: int | None = None) -> Product:
        return set_product_status(
            "cap", status, expected_version=version, catalog=catalog, at=LATER
        )

    with pytest.raises(Conflict, match="draft cannot become published"):
        move(ProductStatus.PUBLISHED)
    assert not move(ProductStatus.IN_REVIEW, 1).on_sale
    assert move(ProductStatus.PUBLISHED, 2).on_sale
    with pytest.raises(VersionConflict):
        move(ProductStatus.ARCHIVED, 1)
    assert move(ProductStatus.ARCHIVED).version == 4
    with pytest.raises(Conflict) as refused:
        move(ProductStatus.PUBLISHED)
    assert refused.value.code == "status_not_allowed"


def test_what_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        changed(MemoryProductCatalog(), 1, draft(said("S")))
