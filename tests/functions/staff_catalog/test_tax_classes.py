"""Tax classes of imported products: stated by the file, or set by staff."""

import csv
import io
from typing import Any

import pytest

from functions.staff_catalog import export_products, import_products
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
        " Food, Beverages & Tobacco > Food Items > Bread (1 product), Media > Books > Print Books"
        " (1 product). Check their rates. Set another class by POST /staff/products/tax-class, or"
        " in a column Tax Class of the file."
    )
    assert barcodes == (
        "1 barcode (GTIN) of this file is used by several variants: 4012345000030 (lines 2, 3)."
        " A barcode names one article: correct the file."
    )
    again = send(BOOKS)
    names = ("statuses", "tax_classes", "notices")
    assert [again[name] for name in names] == [report[name] for name in names]
