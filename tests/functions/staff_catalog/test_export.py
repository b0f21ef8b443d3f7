"""GET /staff/exports/products: what is exported is what an import reads back."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from functions.staff_catalog import export_products, import_products
from local.exporter import download
from local.http_actors import HttpClient, HttpResponse
from shop.catalog.model import Category, Media, OptionChoice, Product, ProductStatus
from shop.catalog.store import DynamoProductCatalog
from shop.composition.product_exports import units_on_hand
from shop.inventory.model import StockLevel
from shop.inventory.ports import StockRepository
from shop.inventory.store import DynamoStockRepository
from tests.kit.products import FIXED_NOW, mug
from tests.kit.shop import ApiResponse, call, create_tables, mock_aws

DATA = Path(__file__).parents[2] / "data"
ROUTE = "GET /staff/exports/products"

pytestmark = pytest.mark.usefixtures("cloud")


def get_page(query: str) -> ApiResponse:
    return call(export_products.handler, ROUTE, query=query)


def export(currency: str = "USD") -> tuple[str, dict[str, str]]:
    """Return the file of all products, and the reasons of the omitted ones."""
    text, products, omitted = download(Shop(limit=50), currency)
    ids = {row["Doorbuster Id"] for row in csv.DictReader(io.StringIO(text))}
    assert len(ids) == products
    return text, omitted


def send(text: str, query: str = "currency=USD") -> Any:
    response = call(
        import_products.handler,
        "POST /staff/imports",
        raw=text,
        headers={"content-type": "text/csv"},
        query=query,
    )
    assert response.status == 200, response.text
    return response.json


def save(product: Product) -> Product:
    return DynamoProductCatalog().save(product, expected_version=product.version)


def single(product_id: str, **changes: Any) -> Product:
    """Return a product without options that an import can make."""
    variant = replace(
        mug(product_id).variants[0], title="Enamel Mug", price=mug().variants[0].price
    )
    return replace(mug(product_id), variants=(variant,), **changes)


class Shop(HttpClient):
    """A client of the handler itself."""

    def __init__(self, limit: int) -> None:
        super().__init__("http://shop.test")
        self.limit = limit
        self.pages = 0

    def request(self, route: str, body: Any = None, **options: Any) -> HttpResponse:
        self.pages += 1
        response = get_page(f"{route.partition('?')[2]}&limit={self.limit}")
        return HttpResponse(response.status, {}, response.text)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("shopify-old-columns.csv", "currency=USD"),
        ("shopify-new-columns.csv", "currency=EUR&decimal=comma"),
    ],
)
def test_an_import_of_the_export_changes_nothing(name: str, query: str) -> None:
    # Given imported products
    first = send((DATA / name).read_text("utf-8"), query)
    currency = query.partition("&")[0].removeprefix("currency=")
    text, omitted = export(currency)
    assert omitted == {}
    ids = {row["Doorbuster Id"] for row in csv.DictReader(io.StringIO(text))}
    before = DynamoProductCatalog().get_many(ids)

    # When the export is imported into the same shop
    again = send(text, f"currency={currency}")

    # Then nothing is written
    assert (again["created"], again["changed"], again["rejected"]) == (0, 0, [])
    assert again["unchanged"] == len(before) == first["created"]
    assert DynamoProductCatalog().get_many(ids) == before
    assert export(currency) == (text, {})


def test_a_changed_cell_of_an_export_changes_its_product_only() -> None:
    save(single("a"))
    save(single("b"))
    text, _ = export()
    report = send(text.replace("12.99,", "13.99,", 1))
    assert (report["changed"], report["unchanged"]) == (1, 1)


TITLES = (
    *('=LINK("http://x")', "+1 mug", "-5 %", "@mug"),
    *("'=1", "''-1", "'a", "a=b", 'a "b", c'),
)


@pytest.mark.parametrize("title", TITLES)
def test_no_cell_is_a_formula_and_each_is_read_back(title: str) -> None:
    variant = replace(single("formula").variants[0], title=title, sku="-X")
    before = save(single("formula", title=title, brand="@acme", tags=("-a", "=b")))
    before = save(replace(before, variants=(variant,)))
    text, omitted = export()
    assert omitted == {}
    for row in csv.reader(io.StringIO(text)):
        assert not [cell for cell in row if cell[:1] in tuple("=+-@\t\r")]
    assert send(text)["unchanged"] == 1
    assert DynamoProductCatalog().get("formula") == before


def test_a_product_with_another_handle_than_its_id_is_read_back() -> None:
    save(single("prod_1", handle="enamel-mug"))
    save(single("Prod_2", handle="enamel-mug-2"))
    text, omitted = export()
    assert omitted == {}
    assert send(text)["unchanged"] == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": ProductStatus.IN_REVIEW}, "status"),
        ({"categories": (Category("A"), Category("B"))}, "categories"),
        ({"tags": ("a, b",)}, "tags"),
        ({"media": (Media("https://x.example/v.mp4", "video"),)}, "media"),
        ({"handle": "Enamel-Mug"}, "handle"),
    ],
)
def test_a_product_that_the_format_cannot_hold_is_omitted(
    changes: dict[str, Any], field: str
) -> None:
    save(single("kettle", **changes))
    save(single("cup"))
    text, omitted = export()
    reason = f"Shopify's format cannot hold its {field}. Read it by the API."
    assert omitted == {"kettle": reason}
    assert "kettle" not in text
    assert "cup" in text


def test_variants_that_are_not_sold_stay_as_they_are() -> None:
    send(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
        "tee,Tee,Size,S,TS,9\ntee,,,M,TM,9\n"
    )
    send("Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\ntee,Tee,Size,S,TS,9\n")
    text, _ = export()
    assert ",TM," not in text
    assert send(text)["unchanged"] == 1
    assert [v.choices for v in DynamoProductCatalog().get("tee").on_sale] == [
        (OptionChoice("Size", "S"),)
    ]


def test_prices_in_another_currency_are_omitted() -> None:
    save(single("kettle"))
    reason = "Its prices are in USD. Export that currency."
    assert export("EUR") == ("", {"kettle": reason})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing"),
        ("currency=usd", "currency_unknown"),
        ("currency=USD&cursor=x", "cursor_invalid"),
    ],
)
def test_an_invalid_export_is_rejected(query: str, code: str) -> None:
    response = get_page(query)
    assert (response.status, response.json["code"]) == (400, code)


def test_the_pages_of_an_export_are_one_file() -> None:
    for n in range(7):
        save(single(f"p{n}", created_at=FIXED_NOW))
    shop = Shop(limit=3)
    text, products, omitted = download(shop, "USD")
    assert (products, omitted, shop.pages) == (7, {}, 3)
    ids = {row["Doorbuster Id"] for row in csv.DictReader(io.StringIO(text))}
    assert ids == {f"p{n}" for n in range(7)}
    assert send(text)["unchanged"] == 7


def test_an_export_opens_the_same_stock_in_an_empty_shop_and_changes_none_in_its_own() -> None:
    # Given a product with stock, one with none left, and one that was never counted
    for name in ("full", "none", "new"):
        save(single(name))
    skus = {name: single(name).variants[0].sku for name in ("full", "none", "new")}
    stock = DynamoStockRepository()
    counts = {skus["full"]: 7, skus["none"]: 0}
    stock.create_levels(counts, actor="wanda", reason="count", at=FIXED_NOW)
    text, _ = export()
    rows = {row["Handle"]: row for row in csv.DictReader(io.StringIO(text))}
    assert {name: rows[name]["Variant Inventory Qty"] for name in skus} == {
        "full": "7",
        "none": "0",
        "new": "",
    }
    assert {row["Variant Inventory Tracker"] for row in rows.values()} == {"shopify"}

    # When the file is imported into the same shop, and into an empty one
    again = send(text.replace(",7,", ",9,"))
    with mock_aws():
        create_tables()
        elsewhere = send(text)
        found = {name: DynamoStockRepository().level(sku) for name, sku in skus.items()}

    # Then the first has its stock as before, and the other the stock of the file
    assert (again["stock_created"], again["stock_unchanged"]) == (0, 2)
    assert stock.level(skus["full"]).on_hand == 7
    assert (elsewhere["created"], elsewhere["stock_created"]) == (3, 2)
    assert {name: level.on_hand for name, level in found.items()} == {
        "full": 7,
        "none": 0,
        "new": 0,
    }
    assert found["new"].version == 0


def test_a_kit_has_no_stock_of_its_own_in_an_export() -> None:
    set_ = StockLevel("SET", on_hand=3, version=1, parts={"CUP": 2})
    levels = {"SET": set_, "CUP": StockLevel("CUP", on_hand=6, version=4), "NEW": StockLevel("NEW")}
    stock = cast(
        "StockRepository", SimpleNamespace(levels=lambda skus: {s: levels[s] for s in skus})
    )
    assert units_on_hand(["SET", "CUP", "NEW"], stock) == {"CUP": 6}
