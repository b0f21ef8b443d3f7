"""Import of product entries: valid ones are stored once, others rejected with a reason."""

from dataclasses import replace
from typing import Any

import pytest

from shop.catalog.actions.importing import ImportEntry, ImportResult, import_products
from shop.catalog.actions.product_admin import Draft, DraftVariant, update_product
from shop.catalog.model import OptionChoice, Product, ProductStatus
from shop.kernel.errors import ShopError, VersionConflict
from shop.kernel.money import Money
from tests.doubles.catalog import MemoryProductCatalog
from tests.unit.catalog.sample_products import LATER, THEN


def entry(product_id: str, title: str = "Mug", *, line: int = 1, **more: Any) -> ImportEntry:
    draft = Draft(title=title, variants=(DraftVariant(price=Money(900, "USD"), sku=product_id),))
    fields: dict[str, Any] = {"draft": draft, "source": f"{title}-1", **more}
    return ImportEntry(product_id=product_id, line=line, **fields)


def run_import(catalog: Any, *entries: ImportEntry) -> ImportResult:
    return import_products(entries, catalog=catalog, at=LATER)


def test_new_products_are_created_and_published(catalog: Any) -> None:
    result = run_import(catalog, entry("a"), entry("b", status=ProductStatus.DRAFT))
    assert result.created == ("a", "b")
    assert catalog.get("a").status is ProductStatus.PUBLISHED
    assert catalog.get("b").status is ProductStatus.DRAFT


def test_the_same_file_again_changes_nothing(catalog: Any) -> None:
    run_import(catalog, entry("a"), entry("b"))
    before = catalog.get_many(["a", "b"])
    result = run_import(catalog, entry("a"), entry("b"))
    assert (result.created, result.changed, result.unchanged) == ((), (), ("a", "b"))
    assert catalog.get_many(["a", "b"]) == before


def test_the_same_file_again_does_not_undo_changes_by_staff(catalog: Any) -> None:
    run_import(catalog, entry("a"))
    by_staff = Draft(title="Better Mug", variants=(DraftVariant(price=Money(1000, "USD")),))
    update_product("a", by_staff, expected_version=1, catalog=catalog, at=LATER)
    assert run_import(catalog, entry("a")).unchanged == ("a",)
    assert catalog.get("a").title == "Better Mug"


def test_changed_data_updates_the_product_and_keeps_its_status(catalog: Any) -> None:
    run_import(catalog, entry("a"))
    catalog.save(catalog.get("a").with_status(ProductStatus.DRAFT, at=THEN), expected_version=1)
    result = run_import(catalog, entry("a", "Cup"))
    assert result.changed == ("a",)
    product = catalog.get("a")
    assert (product.title, product.status, product.version) == ("Cup", ProductStatus.DRAFT, 3)


def test_a_status_in_the_file_is_applied(catalog: Any) -> None:
    run_import(catalog, entry("a"))
    run_import(catalog, entry("a", "Cup", status=ProductStatus.ARCHIVED))
    assert catalog.get("a").status is ProductStatus.ARCHIVED


def test_an_invalid_product_is_rejected_with_its_lines_and_others_imported(catalog: Any) -> None:
    variants = tuple(
        DraftVariant(price=Money(1, "USD"), sku=sku, choices=(OptionChoice("Size", sku),))
        for sku in ("ok", "not ok ")
    )
    bad = entry("b", draft=Draft(title="x" * 300, variants=variants), line=4, variant_lines=(4, 5))
    result = run_import(catalog, entry("a"), bad, entry("c", line=9))
    assert result.created == ("a", "c")
    assert {(r.line, r.product) for r in result.rejected} == {(4, "b"), (5, "b")}
    assert any(r.reason.startswith("title: ") for r in result.rejected)
    assert any(r.reason.startswith("sku: ") for r in result.rejected)


@pytest.mark.parametrize("variants", [1, 3])
def test_a_problem_of_product_and_variant_alike_is_listed_once_for_a_line(
    catalog: Any, variants: int
) -> None:
    # Variants without a title of their own get that of the product.
    drafts = tuple(DraftVariant(price=Money(1, "USD"), sku=f"s{n}") for n in range(variants))
    draft = Draft(title="x" * 300, variants=drafts)
    result = run_import(catalog, entry("b", draft=draft, line=4, variant_lines=(4, 5, 6)))
    listed = [(r.line, r.reason) for r in result.rejected]
    assert len(listed) == len(set(listed))
    assert [line for line, reason in listed if reason.startswith("title: ")].count(4) == 1


def test_a_concurrent_change_is_reported_as_rejection() -> None:
    class ConcurrentlyChangedCatalog(MemoryProductCatalog):
        def save_many(self, products: Any) -> dict[str, ShopError]:
            others: list[Product] = [p for p in products if p.id != "b"]
            return {**super().save_many(others), "b": VersionConflict("changed meanwhile")}

    result = run_import(ConcurrentlyChangedCatalog(), entry("a"), entry("b", line=7))
    assert result.created == ("a",)
    assert [(r.line, r.product, r.reason) for r in result.rejected] == [
        (7, "b", "changed meanwhile")
    ]
    assert result.accepted_ids == {"a"}


@pytest.mark.parametrize("count", [0, 1, 120])
def test_any_number_of_products_is_imported(catalog: Any, count: int) -> None:
    entries = [replace(entry(f"p{n}"), line=n) for n in range(count)]
    assert len(run_import(catalog, *entries).created) == count
