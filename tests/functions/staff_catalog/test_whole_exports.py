"""Whole exports of shops through the handler: what is sold, taxed and reported afterwards."""

from pathlib import Path
from typing import Any

import pytest

from functions.checkout import create_checkout
from functions.staff_catalog import import_products
from shop.catalog.model import Product, ProductStatus
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import DynamoStockRepository
from tests.kit.products import ADDRESS, checkout_body
from tests.kit.shop import call

DATA = Path(__file__).parents[2] / "data"
DEMO_STORE = Path(__file__).parents[4] / "shared" / "data" / "retail-demo-store-products.yaml"
PARIS = {
    **{name: text for name, text in ADDRESS.items() if name != "address_region"},
    "address_locality": "Paris",
    "postal_code": "75001",
    "address_country": "FR",
}

pytestmark = pytest.mark.usefixtures("cloud")


def send(raw: bytes, query: str, kind: str = "text/csv") -> Any:
    response = call(
        import_products.handler,
        "POST /staff/imports",
        raw=raw.decode(),
        headers={"content-type": kind},
        query=query,
    )
    assert response.status == 200, response.text
    return response.json


def send_file(name: str, query: str) -> Any:
    return send((DATA / name).read_bytes(), query)


def products(*ids: str) -> dict[str, Product]:
    return DynamoProductCatalog().get_many(ids)


def product_notices(report: Any) -> dict[str, list[tuple[list[int], str]]]:
    found: dict[str, list[tuple[list[int], str]]] = {}
    for row in report["product_notices"]:
        found.setdefault(row["product"], []).append((row["lines"], row["notice"]))
    return found


def checkout_of(variant_id: str, vat_number: str | None = None) -> Any:
    """Return a checkout in France, where prices include the tax."""
    body = checkout_body((variant_id, 1))
    body["fulfillment"]["methods"][0]["destinations"] = [PARIS]
    if vat_number:
        body["buyer"]["tax_id"] = vat_number
    response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    return response.json


GOOGLE = (
    "Columns ignored, because the shop has no such field: google shopping / google product"
    " category, google shopping / gender, google shopping / mpn, google shopping / condition."
)
UNCOUNTED = (
    "It has no inventory tracker, so Shopify sells it uncounted. The shop sells counted units"
)
UNSET = f"{UNCOUNTED} only: set its stock before it can be sold."
COST = "The cost per item is not imported: the shop has no such field."
COMPARE = "The compare-at price is not above the price: it is omitted."
COMMA = "price: '12,50' is not a price: it has a decimal comma. Write 12.50, or send decimal=comma."
QUOTE = (
    "The quote opened on line 15 is closed on line 15 before ' tall</p>\",Acme,Home', inside the"
    " cell. Close it at the end of the cell; double a quote that is text. Nothing was read from"
    " line 15 on."
)
SURPLUS = "Must have 22 cells, as the header, not 23. Put a cell that contains a ',' into quotes."
SHIPS = (
    "It requires no shipping at Shopify. The shop ships every article, also a download or a"
    " service: a buyer enters an address and may pay for shipping."
)


def test_an_export_with_old_columns_is_imported_as_it_states() -> None:
    report = send_file("shopify-old-columns.csv", "currency=USD")

    assert (report["created"], report["rejected"], report["stock_created"]) == (6, [], 11)
    assert report["notices"] == [
        "40 columns of metafields ignored: the shop has none.",
        GOOGLE,
    ]
    assert product_notices(report) == {
        "harbour-tee": [
            ([2], "Not imported: price / europe. Create price lists for markets."),
            ([2, 4, 5, 6, 7, 8], COST),
            ([6, 7, 8], COMPARE),
        ],
        "tide-tables": [([11], SHIPS), ([11], UNSET)],
        "clay-mug": [
            ([12], "Overselling is not imported: sales stop at zero stock."),
            ([12], COMPARE),
            ([12], "The count is below zero: it is imported as zero."),
            ([13], f"{UNCOUNTED} only: those of the file."),
        ],
        "old-lamp": [([15], "The tax code is not imported: set the tax class.")],
    }


def test_goods_of_an_export_are_sold_and_taxed() -> None:
    send_file("shopify-old-columns.csv", "currency=USD")
    ids = ("harbour-tee", "coast-poems", "tide-tables", "clay-mug", "winter-scarf", "old-lamp")
    tee, poems, tables, mug, scarf, lamp = (products(*ids)[product_id] for product_id in ids)

    assert [v.sku for v in tee.on_sale][:2] == ["HT-NAVY-S", "HT-NAVY-M"]
    assert [v.list_price is not None for v in tee.on_sale] == [True] * 3 + [False] * 3
    assert [m.alt for m in tee.media] == ["Front", "Side", "Back", "Label"]
    assert tee.description == (
        "A heavy cotton tee, cut straight.\nSize Chest\nS 52\nM 55\nWashed once."
    )
    assert "onclick" not in (tee.html or "")
    assert mug.html == '<p dir="rtl">כוס חרס</p><p>Clay mug</p>'
    assert [v.tax_class for p in (tee, poems, tables) for v in p.variants] == [
        *(["standard"] * 6),
        *("zero", "zero"),
    ]
    assert (tee.variants[0].weight_g, poems.variants[0].weight_g) == (227, None)
    assert (scarf.status, lamp.status) == (ProductStatus.DRAFT, ProductStatus.ARCHIVED)

    levels = DynamoStockRepository()
    assert levels.level("HT-NAVY-L").available == 7
    assert levels.level("MUG-SEA").available == 12
    assert levels.level("MUG-SAND").available == 0
    assert (levels.level("MUG-SAND").version, levels.level("TIDES-PDF").version) == (1, 0)


@pytest.mark.parametrize(
    ("variant_id", "price", "net_price"),
    [("teekanne-elbe.1", 4990, 4158), ("gedichtband.1", 1250, 1250)],
)
def test_imported_goods_are_bought_with_the_tax_of_their_class(
    variant_id: str, price: int, net_price: int
) -> None:
    # A business in France is charged the price without its VAT of 20 %, if it includes any
    send_file("shopify-new-columns.csv", "currency=EUR&decimal=comma")
    private, business = checkout_of(variant_id), checkout_of(variant_id, "FR 40 303 265 045")
    for checkout, amount in ((private, price), (business, net_price)):
        assert (checkout["status"], checkout["currency"]) == ("ready_for_complete", "EUR")
        amounts = {total["type"]: total["amount"] for total in checkout["totals"]}
        assert amounts["subtotal"] == amount


def test_an_export_with_new_columns_and_decimal_commas_is_imported() -> None:
    report = send_file("shopify-new-columns.csv", "currency=EUR&decimal=comma")

    assert (report["created"], report["rejected"], report["stock_created"]) == (3, [], 3)
    assert report["notices"] == ["1 column of metafields ignored: the shop has none."]
    assert product_notices(report) == {
        "teekanne-elbe": [([2, 4], COST)],
        "kurs": [
            ([7], SHIPS),
            ([7], UNSET),
            ([7], "It is unlisted at Shopify, and sold by its link. Here it is a draft."),
        ],
    }
    pot = products("teekanne-elbe")["teekanne-elbe"]
    assert [str(v.price) for v in pot.on_sale] == ["49.90 EUR", "64.00 EUR"]
    assert [str(v.list_price) for v in pot.on_sale] == ["59.90 EUR", "None"]
    assert [v.weight_g for v in pot.on_sale] == [850, 1200]
    assert [v.choices[0].value for v in pot.on_sale] == ["1,2 l", "2,0 l"]
    assert len(pot.media) == 2


@pytest.mark.parametrize("name", ["shopify-old-columns.csv", "shopify-new-columns.csv"])
def test_the_same_export_again_changes_nothing(name: str) -> None:
    query = "currency=EUR&decimal=comma" if "new" in name else "currency=USD"
    first = send_file(name, query)
    again = send_file(name, query)
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, first["created"])
    assert (again["stock_created"], again["stock_unchanged"]) == (0, first["stock_created"])
    assert again["product_notices"] == first["product_notices"]


def test_a_damaged_export_rejects_whole_products_only() -> None:
    # Given an undamaged product on sale
    whole = (DATA / "shopify-damaged.csv").read_text("utf-8").replace("deny,19,00,", "deny,19.00,")
    send(whole.split("lost-handle")[0].encode(), "currency=USD")
    before = products("surplus-tee")

    # When the damaged export is imported
    report = send_file("shopify-damaged.csv", "currency=USD")

    # Then every damage is reported with line and product, and nothing is discontinued
    assert [(r["line"], r["product"], r["reason"]) for r in report["rejected"]] == [
        (
            4,
            "surplus-tee",
            SURPLUS,
        ),
        (7, "lost-handle", "Must have a handle or a title."),
        (
            10,
            "dear-lamp",
            "price: '1,299.00' is not a price: it has thousands separators. Write 1299.00.",
        ),
        (11, "dollar-pen", "price: '$12' is not a price: it has a currency sign. Write 12."),
        (12, "comma-pen", COMMA),
        (13, "wahr-pen", "taxable: Must be TRUE or FALSE, not 'WAHR'."),
        (14, "split-sock", "Line 15 may belong to this product. Correct that line."),
        (15, "open-quote", QUOTE),
    ]
    assert (report["created"], report["changed"], report["unchanged"]) == (1, 0, 1)
    assert products("surplus-tee") == before
    assert [v.title for v in before["surplus-tee"].on_sale] == ["S", "M", "L"]
    hat = products("case-hat")["case-hat"]
    assert [v.sku for v in hat.on_sale] == ["CH-R", "CH-B"]


@pytest.mark.slow
def test_the_demo_store_is_sold_and_taxed_as_its_file_states() -> None:
    if not DEMO_STORE.exists():
        pytest.skip(f"{DEMO_STORE} does not exist; it comes with the project's shared data only")
    items = DEMO_STORE.read_text("utf-8").split("\n- id: ")[:201]
    report = send("\n- id: ".join(items).encode(), "currency=USD", "application/yaml")
    assert (report["rejected"], report["product_notices"]) == ([], [])
    assert report["created"] == report["stock_created"] == 201
    ids = [item.removeprefix("- id: ").split("\n")[0].strip("'\"") for item in items]
    imported = products(*ids).values()
    assert len(imported) == 201
    assert {v.tax_class for p in imported for v in p.on_sale} == {"standard"}
    levels = DynamoStockRepository()
    assert all(levels.level(p.on_sale[0].sku).available > 0 for p in list(imported)[:20])
