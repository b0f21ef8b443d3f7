"""Filling the catalogue from a file: everything good, once."""

from dataclasses import replace
from typing import Any

import pytest

from shop.catalog.actions.importing import Entry, Imported, import_entries
from shop.catalog.actions.keeping import Draft, DraftVariant, change_product
from shop.catalog.model import OptionChoice, Product, Status
from shop.kernel.errors import Refusal, Stale
from shop.kernel.money import Money
from tests.doubles.catalog import MemoryCatalogue
from tests.unit.catalog.goods import LATER, THEN


def entry(product_id: str, title: str = "Mug", *, line: int = 1, **more: Any) -> Entry:
    draft = Draft(title=title, variants=(DraftVariant(price=Money(900, "USD"), sku=product_id),))
    said: dict[str, Any] = {"draft": draft, "source": f"{title}-1", **more}
    return Entry(product_id=product_id, line=line, **said)


def taken(catalogue: Any, *entries: Entry) -> Imported:
    return import_entries(entries, catalogue=catalogue, at=LATER)


def test_what_is_new_is_created_and_goes_on_sale(catalogue: Any) -> None:
    done = taken(catalogue, entry("a"), entry("b", status=Status.DRAFT))
    assert done.created == ("a", "b")
    assert catalogue.product("a").status is Status.PUBLISHED
    assert catalogue.product("b").status is Status.DRAFT


def test_the_same_file_again_changes_nothing(catalogue: Any) -> None:
    taken(catalogue, entry("a"), entry("b"))
    before = catalogue.products(["a", "b"])
    done = taken(catalogue, entry("a"), entry("b"))
    assert (done.created, done.changed, done.unchanged) == ((), (), ("a", "b"))
    assert catalogue.products(["a", "b"]) == before


def test_the_same_file_again_does_not_undo_what_staff_changed(catalogue: Any) -> None:
    taken(catalogue, entry("a"))
    by_staff = Draft(title="Better Mug", variants=(DraftVariant(price=Money(1000, "USD")),))
    change_product("a", by_staff, expected_version=1, catalogue=catalogue, at=LATER)
    assert taken(catalogue, entry("a")).unchanged == ("a",)
    assert catalogue.product("a").title == "Better Mug"


def test_what_the_file_says_anew_is_changed_and_keeps_its_status_and_past(catalogue: Any) -> None:
    taken(catalogue, entry("a"))
    catalogue.save(catalogue.product("a").became(Status.DRAFT, at=THEN), expected_version=1)
    done = taken(catalogue, entry("a", "Cup"))
    assert done.changed == ("a",)
    product = catalogue.product("a")
    assert (product.title, product.status, product.version) == ("Cup", Status.DRAFT, 3)


def test_a_status_in_the_file_counts(catalogue: Any) -> None:
    taken(catalogue, entry("a"))
    taken(catalogue, entry("a", "Cup", status=Status.ARCHIVED))
    assert catalogue.product("a").status is Status.ARCHIVED


def test_what_breaks_a_rule_is_rejected_with_its_line_and_the_rest_is_kept(catalogue: Any) -> None:
    variants = tuple(
        DraftVariant(price=Money(1, "USD"), sku=sku, choices=(OptionChoice("Size", sku),))
        for sku in ("ok", "not ok ")
    )
    bad = entry("b", draft=Draft(title="x" * 300, variants=variants), line=4, variant_lines=(4, 5))
    done = taken(catalogue, entry("a"), bad, entry("c", line=9))
    assert done.created == ("a", "c")
    assert {(r.line, r.product) for r in done.rejected} == {(4, "b"), (5, "b")}
    assert any(r.reason.startswith("title: ") for r in done.rejected)
    assert any(r.reason.startswith("variants[1].sku: ") for r in done.rejected)


def test_what_somebody_changed_meanwhile_is_told() -> None:
    class Busy(MemoryCatalogue):
        def save_many(self, products: Any) -> dict[str, Refusal]:
            some: list[Product] = [p for p in products if p.id != "b"]
            return {**super().save_many(some), "b": Stale("changed meanwhile")}

    done = taken(Busy(), entry("a"), entry("b", line=7))
    assert done.created == ("a",)
    assert [(r.line, r.product, r.reason) for r in done.rejected] == [(7, "b", "changed meanwhile")]
    assert done.kept == {"a"}


@pytest.mark.parametrize("count", [0, 1, 120])
def test_any_number_of_products_is_taken(catalogue: Any, count: int) -> None:
    entries = [replace(entry(f"p{n}"), line=n) for n in range(count)]
    assert len(taken(catalogue, *entries).created) == count
