"""Import of product files through the handler."""

from typing import Any

import pytest

from functions.catalog import search_catalog
from functions.staff_catalog import import_products, repair_search_index
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import DynamoStockRepository
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

CSV = """\
Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty
tee,Tee,Size,S,TEE-S,19.99,5
tee,,,M,TEE-M,19.99,7
mug,Mug,,,MUG,x,1
cup,Cup,,,CUP,4.50,0
"""
YAML = "- {id: a1, name: Rugged Backpack, category: bags, price: 129.99, current_stock: 15}\n"


def send(
    text: str | bytes, kind: str = "text/csv", query: str = "currency=USD", **more: Any
) -> ApiResponse:
    raw = text if isinstance(text, str) else text.decode()
    return call(
        import_products.handler,
        "POST /staff/imports",
        raw=raw,
        headers={"content-type": kind},
        query=query,
        **more,
    )


def test_a_shopify_file_is_imported_and_invalid_rows_reported() -> None:
    response = send(CSV)
    assert response.status == 200, response.text
    assert response.json == {
        "created": 2,
        "changed": 0,
        "unchanged": 0,
        "rejected": [
            {
                "line": 4,
                "reason": "price: 'x' is not a price. Write digits only, as in 129.99.",
                "product": "mug",
                "row": 4,
                "column": "F",
            }
        ],
        "stock_created": 3,
        "stock_unchanged": 0,
        "statuses": [{"status": "published", "products": 2}],
        "tax_classes": [{"tax_class": "standard", "products": 2, "variants": 3}],
        "notices": [],
        "product_notices": [],
    }
    assert [v.sku for v in DynamoProductCatalog().get("tee").on_sale] == ["TEE-S", "TEE-M"]
    assert DynamoStockRepository().level("TEE-M").available == 7


def test_the_same_file_again_changes_nothing_not_even_the_stock() -> None:
    send(CSV)
    before = DynamoProductCatalog().get_many(["tee", "cup"])
    again = send(CSV).json
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 2)
    assert (again["stock_created"], again["stock_unchanged"]) == (0, 3)
    assert DynamoProductCatalog().get_many(["tee", "cup"]) == before
    assert DynamoStockRepository().level("TEE-S").version == 1


def test_a_row_with_the_sku_of_another_product_is_rejected() -> None:
    send(CSV)
    rows = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
    rows += "polo,Polo,Size,S,POLO-S,9\npolo,,,M,TEE-M,9\nbowl,Bowl,,,BOWL,3\n"
    first, again = send(rows).json, send(rows).json
    for response in (first, again):
        assert response["rejected"] == [
            {
                "line": 3,
                "reason": "Product tee already sells SKU TEE-M. Choose another SKU.",
                "product": "polo",
                "row": 3,
                "column": "E",
            }
        ]
    assert (first["created"], again["created"], again["unchanged"]) == (1, 0, 1)
    assert DynamoProductCatalog().get_many(["polo", "bowl"]).keys() == {"bowl"}


def test_markup_in_a_file_is_cleaned_and_the_second_run_changes_nothing() -> None:
    rows = (
        "Handle,Title,Body (HTML),Price\n"
        'tee,Tee,"<p onclick=""x()"">Fine<script>alert(1)</script></p><iframe src=x></iframe>",9\n'
        "bad,<b>Bad</b>,,9\n"
    )
    first, again = send(rows).json, send(rows).json
    assert (first["created"], again["created"], again["unchanged"]) == (1, 0, 1)
    assert {(r["line"], r["product"]) for r in first["rejected"]} == {(3, "bad")}
    tee = DynamoProductCatalog().get("tee")
    assert (tee.html, tee.description) == ("<p>Fine</p>", "Fine")
    yaml = "- {id: y1, name: Y, price: 1, description: '<b onclick=x>bold</b> text'}\n"
    assert send(yaml, "application/yaml").json["created"] == 1
    y1 = DynamoProductCatalog().get("y1")
    assert (y1.html, y1.description) == ("<b>bold</b> text", "bold text")


def test_a_yaml_file_is_imported_and_its_products_are_found() -> None:
    assert send(YAML, "application/yaml; charset=utf-8").json["created"] == 1
    found = call(search_catalog.handler, "POST /catalog/search", {"query": "backpacks"}, key="")
    (product,) = assert_valid_ucp("catalog_search", found.json)["products"]
    assert (product["id"], product["variants"][0]["sku"]) == ("a1", "a1")
    assert product["price_range"]["min"] == {"amount": 12999, "currency": "USD"}


def test_currency_and_first_line_come_from_the_query() -> None:
    response = send("Handle,Title,Price\na,A,800\nb,B,x\n", query="currency=JPY&first_line=41")
    assert response.json["rejected"][0]["line"] == 43
    assert DynamoProductCatalog().get("a").currency == "JPY"


def test_a_file_larger_than_the_usual_body_limit_is_imported() -> None:
    padding = "x" * 10_000
    rows = "".join(f"h{n},T{n},{n}.00,{padding}\n" for n in range(40))
    response = send(f"Handle,Title,Price,Body\n{rows}")
    assert (response.status, response.json["created"]) == (200, 40)
    assert send("Handle,Title,Price\n" + "#" * 4_100_000).status == 413


@pytest.mark.parametrize(
    ("text", "kind", "query", "status", "code"),
    [
        ("", "text/csv", "currency=USD", 422, "file_empty"),
        ("nonsense", "text/csv", "currency=USD", 422, "columns_missing"),
        ("nonsense", "application/yaml", "currency=USD", 422, "not_a_list"),
        ("{}", "application/json", "currency=USD", 400, "content_type_unsupported"),
        (CSV, "text/csv", "", 400, "missing"),
        (CSV, "text/csv", "currency=dollars", 400, "currency_unknown"),
        (CSV, "text/csv", "currency=USD&decimal=komma", 400, "value_unknown"),
        (CSV, "text/csv", "currency=USD&first_line=-1", 400, "out_of_range"),
    ],
)
def test_an_invalid_product_file_is_rejected(
    text: str, kind: str, query: str, status: int, code: str
) -> None:
    response = send(text, kind, query)
    assert (response.status, response.json["code"]) == (status, code)


def test_the_scheduled_repair_finds_nothing_after_a_clean_import() -> None:
    send(CSV)
    assert repair_search_index.handler({}, Context()) == {
        "products_repaired": 0,
        "products_reindexed": 0,
    }
