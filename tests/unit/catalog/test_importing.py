"""Filling the catalogue from a file: everything good, once."""

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
    said: dict[str, Any] = {"draft": draft, "source": f"{title}-1", **more}
    return ImportEntry(product_id=product_id, line=line, **said)


def taken(catalog: Any, *entries: ImportEntry) -> ImportResult:
    return import_products(entries, catalog=catalog, at=LATER)


def test_what_is_new_is_created_and_goes_on_sale(catalog: Any) -> None:
    done = taken(catalog, entry("a"), entry("b", status=ProductStatus.DRAFT))
    assert done.created == ("a", "b")
    assert catalog.get("a").status is ProductStatus.PUBLISHED
    assert catalog.get("b").status is ProductStatus.DRAFT


def test_the_same_file_again_changes_nothing(catalog: Any) -> None:
    taken(catalog, entry("a"), entry("b"))
    before = catalog.get_many(["a", "b"])
    done = taken(catalog, entry("a"), entry("b"))
    assert (done.created, done.changed, done.unchanged) == ((), (), ("a", "b"))
    assert catalog.get_many(["a", "b"]) == before


def test_the_same_file_again_does_not_undo_what_staff_changed(catalog: Any) -> None:
    taken(catalog, entry("a"))
    by_staff = Draft(title="Better Mug", variants=(DraftVariant(price=Money(1000, "USD")),))
    update_product("a", by_staff, expected_version=1, catalog=catalog, at=LATER)
    assert taken(catalog, entry("a")).unchanged == ("a",)
    assert catalog.get("a").title == "Better Mug"


def test_what_the_file_says_anew_is_changed_and_keeps_its_status_and_past(catalog: Any) -> None:
    taken(catalog, entry("a"))
    catalog.save(catalog.get("a").with_status(ProductStatus.DRAFT, at=THEN), expected_version=1)
    done = taken(catalog, entry("a", "Cup"))
    assert done.changed == ("a",)
    product = catalog.get("a")
    assert (product.title, product.status, product.version) == ("Cup", ProductStatus.DRAFT, 3)


def test_a_status_in_the_file_counts(catalog: Any) -> None:
    taken(catalog, entry("a"))
    taken(catalog, entry("a", "Cup", status=ProductStatus.ARCHIVED))
    assert catalog.get("a").status is ProductStatus.ARCHIVED


def test_what_breaks_a_rule_is_rejected_with_its_line_and_the_rest_is_kept(catalog: Any) -> None:
    variants = tuple(
        DraftVariant(price=Money(1, "USD"), sku=sku, choices=(OptionChoice("Size", sku),))
        for sku in ("ok", "not ok ")
    )
    bad = entry("b", draft=Draft(title="x" * 300, variants=variants), line=4, variant_lines=(4, 5))
    done = taken(catalog, entry("a"), bad, entry("c", line=9))
    assert done.created == ("a", "c")
    assert {(r.line, r.product) for r in done.rejected} == {(4, "b"), (5, "b")}
    assert any(r.reason.startswith("title: ") for r in done.rejected)
    assert any(r.reason.startswith("variants[1].sku: ") for r in done.rejected)


def test_what_somebody_changed_meanwhile_is_told() -> None:
    class Busy(MemoryProductCatalog):
        def save_many(self, products: Any) -> dict[str, ShopError]:
            some: list[Product] = [p for p in products if p.id != "b"]
            return {**super().save_many(some), "b": VersionConflict("changed meanwhile")}

    done = taken(Busy(), entry("a"), entry("b", line=7))
    assert done.created == ("a",)
    assert [(r.line, r.product, r.reason) for r in done.rejected] == [(7, "b", "changed meanwhile")]
    assert done.accepted_ids == {"a"}


@pytest.mark.parametrize("count", [0, 1, 120])
def test_any_number_of_products_is_taken(catalog: Any, count: int) -> None:
    entries = [replace(entry(f"p{n}"), line=n) for n in range(count)]
    assert len(taken(catalog, *entries).created) == count
