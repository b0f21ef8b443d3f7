"""Tax classes of imported products: stated by the file, or set by staff."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from functions.staff_catalog import export_products, import_products, set_products_tax_class
from shop.catalog.actions import tax_classes
from shop.catalog.store import DynamoProductCatalog
from tests.kit.shop import call

pytestmark = pytest.mark.usefixtures("cloud")

HEADER = (
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Taxable,Tax Class\n"
)


def send(text: str, kind: str = "text/csv") -> Any:
    response = call(
        import_products.handler,
        "POST /staff/imports",
        raw=text,
        headers={"content-type": kind},
        query="currency=EUR",
    )
    assert response.status == 200, response.text
    return response.json


def classes(product_id: str) -> list[str]:
    return [v.tax_class for v in DynamoProductCatalog().get(product_id).on_sale]


@pytest.mark.parametrize(
    ("taxable", "cell", "expected"),
    [
        ("", "reduced", "reduced"),
        ("TRUE", " Reduced ", "reduced"),
        ("TRUE", "SUPER_REDUCED", "super_reduced"),
        ("TRUE", "", "standard"),
        ("FALSE", "", "zero"),
        ("FALSE", "Zero", "zero"),
        ("TRUE", "zero", "zero"),
    ],
)
def test_a_file_states_the_tax_class(taxable: str, cell: str, expected: str) -> None:
    report = send(HEADER + f"book,Book,,,B,9,{taxable},{cell}\n")
    assert report["rejected"] == []
    assert classes("book") == [expected]


def test_an_unknown_class_is_rejected_at_its_cell_with_the_list_of_classes() -> None:
    report = send(
        HEADER + "book,Book,Size,S,B,9,,reduced\nbook,,,L,C,9,,ermäßigt\nmug,Mug,,,M,9,,\n"
    )
    (rejected,) = report["rejected"]
    assert (rejected["row"], rejected["column"], rejected["line"]) == (3, "H", 3)
    assert rejected["reason"] == (
        "tax class: Must be one of reduced, standard, super_reduced, zero, not 'ermäßigt'."
        " Correct it, or add rates of this class."
    )
    assert report["created"] == 1


def test_a_class_that_contradicts_an_untaxed_article_is_rejected() -> None:
    (rejected,) = send(HEADER + "book,Book,,,B,9,FALSE,reduced\n")["rejected"]
    assert rejected["column"] == "H"
    assert rejected["reason"].startswith("tax class: Must be zero or empty, not 'reduced'")


def test_a_stated_class_replaces_the_stored_one_and_an_empty_cell_keeps_it() -> None:
    send(HEADER + "book,Book,,,B,9,,\n")
    assert send(HEADER + "book,Book,,,B,9,,reduced\n")["changed"] == 1
    assert send(HEADER + "book,Book,,,B,9,TRUE,\n")["changed"] == 0
    assert classes("book") == ["reduced"]
    assert send(HEADER + "book,Book,,,B,9,,standard\n")["changed"] == 1
    assert classes("book") == ["standard"]


def test_a_yaml_item_states_its_class() -> None:
    item = "- {id: book, name: Book, price: 9, tax_class: Reduced}\n"
    bad = "- {id: pen, name: Pen, price: 9, tax_class: cheap}\n"
    report = send(item + bad, "application/yaml")
    assert classes("book") == ["reduced"]
    (rejected,) = report["rejected"]
    assert (rejected["line"], rejected["product"]) == (2, "pen")
    assert rejected["reason"].startswith("tax class: Must be one of reduced, standard")


def test_an_export_states_the_class_so_that_an_empty_shop_gets_it() -> None:
    send(HEADER + "book,Book,,,B,9,,reduced\ncard,Card,,,C,9,FALSE,\nmug,Mug,,,M,9,,\n")
    page = call(export_products.handler, "GET /staff/exports/products", query="currency=EUR").json
    rows = [next(csv.DictReader(io.StringIO(p["csv"]))) for p in page["products"]]
    found = {row["Handle"]: (row["Variant Taxable"], row["Tax Class"]) for row in rows}
    assert found == {
        "book": ("TRUE", "reduced"),
        "card": ("FALSE", "zero"),
        "mug": ("TRUE", "standard"),
    }


HEAD = (
    "Handle,Title,Product Category,Option1 Name,Option1 Value,SKU,Price,Barcode,Tax Class,Status\n"
)
BOOKS = (
    HEAD
    + """\
novel,Novel,Media > Books > Print Books,Format,Hard,N-H,9,'4012345000030,,active
novel,,,,Soft,N-S,9,4012345000030,,
atlas,Atlas,Media > Books > Print Books,,,A,9,,reduced,draft
bread,Bread,"Food, Beverages & Tobacco > Food Items > Bread",,,B,9,,,active
mug,Mug,Home > Mugs,,,M,9,,zero,archived
"""
)


def test_the_answer_counts_statuses_and_classes_and_names_what_may_be_reduced() -> None:
    report = send(BOOKS)
    assert report["statuses"] == [
        {"status": "archived", "products": 1},
        {"status": "draft", "products": 1},
        {"status": "published", "products": 2},
    ]
    assert report["tax_classes"] == [
        {"tax_class": "reduced", "products": 1, "variants": 1},
        {"tax_class": "standard", "products": 2, "variants": 3},
        {"tax_class": "zero", "products": 1, "variants": 1},
    ]
    reducible, barcodes = report["notices"]
    assert reducible == (
        "Goods of these categories often have a reduced tax rate, and are in the class standard:"
        " Food, Beverages & Tobacco > Food Items (1 product), Media > Books (1 product). Check"
        " their rates. Set another class by POST /staff/products/tax-class, or in a column Tax"
        " Class of the file."
    )
    assert barcodes == (
        "1 barcode (GTIN) of this file is used by several variants: 4012345000030 (lines 2, 3)."
        " A barcode names one article: correct the file."
    )
    again = send(BOOKS)
    names = ("statuses", "tax_classes", "notices")
    assert [again[name] for name in names] == [report[name] for name in names]


def set_class(**body: Any) -> Any:
    return call(
        set_products_tax_class.handler,
        "POST /staff/products/tax-class",
        {"tax_class": "reduced", **body},
    )


@pytest.mark.parametrize(
    ("selection", "changed", "unchanged"),
    [
        ({"category": "media > BOOKS"}, ["novel"], 1),
        ({"category": "Print Books"}, [], 0),
        ({"tag": "Ermässigt"}, ["bread"], 0),
        ({"products": [{"id": "novel"}, {"id": "atlas", "version": 1}]}, ["novel"], 1),
        ({"products": [{"id": "mug"}], "from_class": "standard"}, [], 1),
        ({"products": [{"id": "mug"}], "from_class": "ZERO"}, ["mug"], 0),
    ],
)
def test_staff_set_the_class_of_many_products_once(
    selection: dict[str, Any], changed: list[str], unchanged: int
) -> None:
    send(
        BOOKS.replace("Tax Class,Status", "Tax Class,Status,Tags").replace(
            "B,9,,,active", "B,9,,,active,ermäßigt"
        )
    )
    body = set_class(**selection).json
    assert (body["changed"], body["unchanged"], "cursor" in body) == (changed, unchanged, False)
    assert all(set(classes_of(id_)) == {"reduced"} for id_ in changed)
    versions = {id_: DynamoProductCatalog().get(id_).version for id_ in changed}

    # The same request again changes nothing, except that a version is now outdated
    if "version" not in str(selection):
        again = set_class(**selection).json
        assert (again["changed"], again["unchanged"]) == ([], len(changed) + unchanged)
    assert {id_: DynamoProductCatalog().get(id_).version for id_ in changed} == versions


def classes_of(product_id: str) -> list[str]:
    return [v.tax_class for v in DynamoProductCatalog().get(product_id).variants]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"tax_class": "cheap", "tag": "a"}, 400, "tax_class_unknown"),
        ({"products": [{"id": "novel"}, {"id": "gone"}]}, 404, "not_found"),
        ({"products": [{"id": "novel"}, {"id": "atlas", "version": 9}]}, 409, "stale"),
        ({}, 400, "missing"),
        ({"tag": "a", "category": "b"}, 400, "too_many"),
        ({"products": []}, 400, None),
        ({"tag": "a", "cursor": "x"}, 400, "cursor_invalid"),
    ],
)
def test_an_invalid_change_of_classes_changes_nothing(
    body: dict[str, Any], status: int, code: str | None
) -> None:
    send(BOOKS)
    response = set_class(**body)
    assert response.status == status, response.text
    assert code in (None, response.json["code"])
    assert classes("novel") == ["standard", "standard"]


def test_an_import_after_the_change_keeps_the_class() -> None:
    send(BOOKS)
    set_class(category="Media > Books")
    assert send(BOOKS)["unchanged"] == 4
    assert send(BOOKS.replace("N-H,9", "N-H,8"))["changed"] == 1
    assert classes("novel") == ["reduced", "reduced"]


def test_a_large_category_is_continued_by_a_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tax_classes, "MAX_PRODUCTS_READ", 2)
    monkeypatch.setattr(tax_classes, "_PRODUCTS_PER_READ", 2)
    send("Handle,Title,Type,Price\n" + "".join(f"b{n},B,Books,1\n" for n in range(5)))
    found, cursor = list[str](), None
    while True:
        body = set_class(category="Books", **({"cursor": cursor} if cursor else {})).json
        found += body["changed"]
        cursor = body.get("cursor")
        if cursor is None:
            break
    assert sorted(found) == [f"b{n}" for n in range(5)]


def test_a_change_by_others_in_between_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given another staff user who renames the product between the read and the write
    send(BOOKS)
    catalog = set_products_tax_class.catalog
    original, calls = catalog.save_many, list[int]()

    def save_many(products: Any) -> Any:
        if not calls:
            stored = catalog.get("novel")
            catalog.save(replace(stored, title="Renamed"), expected_version=stored.version)
        calls.append(len(products))
        return original(products)

    monkeypatch.setattr(catalog, "save_many", save_many)
    assert set_class(products=[{"id": "novel"}]).json["changed"] == ["novel"]
    stored = catalog.get("novel")
    assert (stored.title, calls) == ("Renamed", [1, 1])
    assert {v.tax_class for v in stored.variants} == {"reduced"}
