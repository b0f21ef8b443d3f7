"""Creating, updating and publishing a product."""

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


def size_variant(size: str, *, price: int = 900, **more: Any) -> DraftVariant:
    return DraftVariant(price=Money(price, USD), choices=(OptionChoice("Size", size),), **more)


def draft(*variants: DraftVariant, title: str = "Cap", sizes: str = "") -> Draft:
    names = sizes.split() or [v.choices[0].value for v in variants if v.choices]
    options = (Option("Size", tuple(dict.fromkeys(names))),) if names else ()
    return Draft(title=title, variants=variants, options=options)


def created(*variants: DraftVariant) -> tuple[MemoryProductCatalog, Product]:
    catalog = MemoryProductCatalog()
    product = create_product("cap", draft(*variants), catalog=catalog, at=THEN)
    return catalog, product


def updated(catalog: MemoryProductCatalog, version: int, new_draft: Draft) -> Product:
    return update_product("cap", new_draft, expected_version=version, catalog=catalog, at=LATER)


def test_a_new_product_is_a_draft_with_default_fields() -> None:
    catalog = MemoryProductCatalog()
    new_draft = Draft(title="Crème Brûlée Torch", variants=(DraftVariant(price=Money(1999, USD)),))
    product = create_product("torch", new_draft, catalog=catalog, at=THEN)
    assert (product.status, product.version) == (ProductStatus.DRAFT, 1)
    assert product.handle == "creme-brulee-torch"
    (variant,) = product.variants
    assert (variant.id, variant.sku, variant.title) == ("torch.1", "torch", "Crème Brûlée Torch")
    assert (product.created_at, product.updated_at) == (THEN, THEN)


def test_several_variants_are_numbered_and_named_by_their_options() -> None:
    _, product = created(size_variant("S"), size_variant("M", sku="CAP-M"))
    assert [(v.id, v.sku, v.title) for v in product.variants] == [
        ("cap.1", "cap.1", "S"),
        ("cap.2", "CAP-M", "M"),
    ]


def test_a_chinese_title_makes_a_handle() -> None:
    new_draft = Draft(title="青花 茶杯", variants=(DraftVariant(price=Money(1, USD)),))
    assert (
        create_product("cup", new_draft, catalog=MemoryProductCatalog(), at=THEN).handle
        == "青花-茶杯"
    )
    marks = Draft(title="!!!", variants=(DraftVariant(price=Money(1, USD)),))
    assert create_product("x1", marks, catalog=MemoryProductCatalog(), at=THEN).handle == "x1"


def test_a_variant_keeps_its_number_when_others_change() -> None:
    catalog, _ = created(
        size_variant("S", sku="A"), size_variant("M", sku="B"), size_variant("L", sku="C")
    )
    product = updated(catalog, 1, draft(size_variant("L", sku="C"), size_variant("XL", sku="D")))
    assert [(v.id, v.sku, v.status) for v in product.variants] == [
        ("cap.1", "A", VariantStatus.DISCONTINUED),
        ("cap.2", "B", VariantStatus.DISCONTINUED),
        ("cap.3", "C", VariantStatus.ACTIVE),
        ("cap.4", "D", VariantStatus.ACTIVE),
    ]
    again = updated(catalog, 2, draft(size_variant("S", sku="A", price=950)))
    assert again.variants[0].status is VariantStatus.ACTIVE
    assert again.variants[0].price == Money(950, USD)
    assert len(again.variants) == 4


def test_a_variant_is_matched_by_id_sku_or_options() -> None:
    catalog, _ = created(size_variant("S", sku="A"), size_variant("M", sku="B"))
    product = updated(
        catalog,
        1,
        draft(size_variant("Small", id="cap.1", sku="A2"), size_variant("M", price=1000)),
    )
    assert [(v.id, v.sku, v.choices[0].value) for v in product.variants] == [
        ("cap.1", "A2", "Small"),
        ("cap.2", "B", "M"),
    ]


def test_the_same_draft_twice_changes_nothing_but_the_version() -> None:
    catalog, product = created(size_variant("S"), size_variant("M"))
    again = updated(catalog, 1, draft(size_variant("S"), size_variant("M")))
    assert again == replace(product, version=2, updated_at=LATER)


def test_an_unknown_variant_id_is_rejected() -> None:
    catalog, _ = created(size_variant("S"))
    with pytest.raises(InvalidRequest) as raised:
        updated(catalog, 1, draft(size_variant("S"), size_variant("M", id="cap.9")))
    assert raised.value.code == "variant_unknown"
    assert raised.value.problems[0].path == "$.variants[1].id"


def test_a_variant_cannot_occur_twice_in_a_draft() -> None:
    catalog, _ = created(size_variant("S"))
    with pytest.raises(InvalidRequest) as raised:
        updated(catalog, 1, draft(size_variant("S", id="cap.1"), size_variant("M", id="cap.1")))
    assert raised.value.code == "duplicate"


def test_errors_name_the_position_in_the_draft() -> None:
    catalog, _ = created(size_variant("S", sku="A"), size_variant("M", sku="B"))
    with pytest.raises(InvalidRequest) as raised:
        updated(catalog, 1, draft(size_variant("XL", sku="ok"), size_variant("XXL", sku="not ok ")))
    assert [p.path for p in raised.value.problems] == ["$.variants[1].sku"]


def test_an_update_from_an_old_version_is_rejected() -> None:
    catalog, _ = created(size_variant("S"))
    updated(catalog, 1, draft(size_variant("S"), title="Hat"))
    with pytest.raises(VersionConflict):
        updated(catalog, 1, draft(size_variant("S"), title="Cap again"))
    assert catalog.get("cap").title == "Hat"


def test_a_product_follows_its_status_transitions() -> None:
    catalog, _ = created(size_variant("S"))

    def move(status: ProductStatus, version: int | None = None) -> Product:
        return set_product_status(
            "cap", status, expected_version=version, catalog=catalog, at=LATER
        )

    with pytest.raises(Conflict, match="is draft and cannot become published"):
        move(ProductStatus.PUBLISHED)
    assert not move(ProductStatus.IN_REVIEW, 1).on_sale
    assert move(ProductStatus.PUBLISHED, 2).on_sale
    with pytest.raises(VersionConflict):
        move(ProductStatus.ARCHIVED, 1)
    assert move(ProductStatus.ARCHIVED).version == 4
    with pytest.raises(Conflict) as raised:
        move(ProductStatus.PUBLISHED)
    assert raised.value.code == "status_not_allowed"


def test_updating_an_unknown_product_raises_not_found() -> None:
    with pytest.raises(NotFound):
        updated(MemoryProductCatalog(), 1, draft(size_variant("S")))
