"""GET /catalog/products and /catalog/products/{id}: pages that a CDN may keep."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.catalog import get_product, get_product_by_id, list_products, search_catalog
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import DynamoStockRepository
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.targeting import Window
from shop.pricing.store.price_lists import DynamoPriceListRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp
from tests.unit.catalog.sample_products import THEN, shirt, simple

pytestmark = pytest.mark.usefixtures("cloud")

LIST, DETAIL = "GET /catalog/products", "GET /catalog/products/{id}"


@pytest.fixture(autouse=True)
def _public_route_and_fresh_rules(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ACCESS", "public")
    rule_set_cache(tax_table_cache()).clear()
    yield
    rule_set_cache(tax_table_cache()).clear()


@pytest.fixture(autouse=True)
def _products(cloud: None) -> None:
    for product in (shirt(), simple("mug", "Enamel Mug")):
        DynamoProductCatalog().save(product, expected_version=0)
        counts = {variant.sku: 5 for variant in product.variants}
        DynamoStockRepository().create_levels(counts, actor="test", reason="opening", at=THEN)


def detail(id_: str = "mug", query: str = "", **headers: str) -> ApiResponse:
    return call(get_product_by_id.handler, DETAIL, query=query, headers=headers, key="", id=id_)


def listed(query: str = "query=mug", **headers: str) -> ApiResponse:
    return call(list_products.handler, LIST, query=query, headers=headers, key="")


def save_list(id_: str, price: int, **fields: Any) -> None:
    price_list = PriceList(id_, "USD", (PriceEntry("mug", price),), version=1, **fields)
    DynamoPriceListRepository().save(None, price_list, [])
    rule_set_cache(tax_table_cache()).clear()


def price(response: ApiResponse) -> int:
    assert response.status == 200, response.text
    amount: int = response.json["product"]["variants"][0]["price"]["amount"]
    return amount


@pytest.mark.parametrize("read", [detail, listed])
def test_page_may_be_cached_and_is_validated_by_its_etag(read: Any) -> None:
    response = read()
    assert response.status == 200, response.text
    assert response.headers["Cache-Control"] == "public, max-age=5"
    assert response.headers["Vary"] == "Shop-Channel, UCP-Agent"
    again = read(**{"if-none-match": response.headers["ETag"]})
    assert (again.status, again.text) == (304, "")
    assert again.headers["Vary"] == "Shop-Channel, UCP-Agent"
    assert again.headers["Cache-Control"] == "public, max-age=5"


def test_page_is_the_one_of_the_post_route() -> None:
    posted = call(get_product.handler, "POST /catalog/product", {"id": "mug"}, key="").json
    assert detail().json == assert_valid_ucp("catalog_product", posted)
    body = {"query": "mug", "context": {"currency": "USD"}}
    posted = call(search_catalog.handler, "POST /catalog/search", body, key="").json
    assert listed("query=mug&currency=USD").json == assert_valid_ucp("catalog_search", posted)


def test_etag_changes_with_the_content_and_differs_by_channel() -> None:
    before = detail()
    assert detail().headers["ETag"] == before.headers["ETag"]
    app = detail(**{"shop-channel": "app"})
    assert app.headers["ETag"] != before.headers["ETag"]
    assert app.json == before.json
    save_list("cheap", 700)
    after = detail(**{"if-none-match": before.headers["ETag"]})
    assert (price(after), price(before)) == (700, price(before))


def test_price_follows_channel_and_market_which_are_in_the_key() -> None:
    save_list("app", 700, channels=("app",))
    save_list("eu", 600, markets=("EU",))
    regular = price(detail())
    assert price(detail(**{"shop-channel": "app"})) == 700
    assert price(detail(query="country=DE")) == 600
    assert regular not in (600, 700)


def test_no_caller_gets_a_price_of_a_customer_group() -> None:
    save_list("club", 500, groups=("club",))
    anonymous = detail()
    assert price(anonymous) != 500
    signed_in = detail(authorization="Bearer some.token.here")
    assert (signed_in.text, signed_in.headers["ETag"]) == (
        anonymous.text,
        anonymous.headers["ETag"],
    )


@pytest.mark.parametrize("edge", ["starts", "ends"])
def test_page_is_not_cached_over_a_price_change(edge: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=4)
    window = Window(starts=soon) if edge == "starts" else Window(ends=soon)
    save_list("soon", 700, window=window)
    assert detail().headers["Cache-Control"] == "public, max-age=0"


def test_price_change_beyond_the_time_does_not_matter() -> None:
    save_list("later", 700, window=Window(starts=datetime.now(UTC) + timedelta(minutes=5)))
    assert detail().headers["Cache-Control"] == "public, max-age=5"


def test_list_without_a_filter_has_all_products() -> None:
    assert {product["id"] for product in listed("").json["products"]} == {"shirt", "mug"}


def test_list_has_filters_and_pages() -> None:
    first = listed("min_price=1&currency=USD&limit=1").json
    assert first["pagination"]["has_next_page"]
    cursor = first["pagination"]["cursor"]
    second = listed(f"min_price=1&currency=USD&limit=1&cursor={cursor}").json
    assert {first["products"][0]["id"], second["products"][0]["id"]} == {"shirt", "mug"}
    assert listed("query=mug&category=Nothing").json["products"] == []
    shirts = listed("category=Apparel%20%3E%20Shirts").json["products"]
    assert [product["id"] for product in shirts] == ["shirt"]


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("query=%20", "search_empty", "query"),
        ("query=", "text_invalid", "query"),
        (f"query={'a' * 201}", "text_invalid", "query"),
        ("query=mug&country=Narnia", "country_unknown", "country"),
        ("query=mug&currency=XXQ", "currency_unknown", "currency"),
        ("min_price=1.5", "wrong_type", "min_price"),
        ("min_price=-1", "wrong_type", "min_price"),
        ("min_price=2&max_price=1", "value_contradiction", "min_price"),
        ("query=mug&limit=0", "limit_invalid", "limit"),
    ],
)
def test_invalid_query_is_rejected_and_not_cached(query: str, code: str, named: str) -> None:
    response = listed(query)
    assert response.status == 400, response.text
    (message,) = response.json["messages"]
    assert message["code"] == code
    assert named in message["content"].lower()
    assert response.headers["Cache-Control"] == "no-store"


def test_unknown_product_is_not_cached() -> None:
    response = detail("nothing")
    assert response.status == 404
    assert response.headers["Cache-Control"] == "no-store"
