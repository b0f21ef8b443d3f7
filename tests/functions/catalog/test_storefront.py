"""Search, lookup and detail through the handlers, validated by UCP's package and schemas."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.catalog import get_product, lookup_catalog, search_catalog
from shop.catalog.model import Category, ProductStatus
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.actions import AuditInfo, set_on_hand
from shop.inventory.store import DynamoStockRepository, level_cache, locations
from shop.pricing.store import rule_set_cache
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp
from tests.unit.catalog.sample_products import LATER, THEN, shirt, simple

pytestmark = pytest.mark.usefixtures("cloud")


def publish(*products: Any, pieces: Mapping[str, int] | None = None) -> None:
    """Publish products with ``pieces`` in stock by SKU, 5 by default."""
    for product in products:
        DynamoProductCatalog().save(product, expected_version=0)
        counts = {v.sku: (pieces or {}).get(v.sku, 5) for v in product.variants}
        DynamoStockRepository().create_levels(counts, actor="test", reason="opening", at=THEN)


def search(body: Any, **more: Any) -> ApiResponse:
    return call(search_catalog.handler, "POST /catalog/search", body, key="", **more)


def lookup(body: Any, **more: Any) -> ApiResponse:
    return call(lookup_catalog.handler, "POST /catalog/lookup", body, key="", **more)


def detail(body: Any, **more: Any) -> ApiResponse:
    return call(get_product.handler, "POST /catalog/product", body, key="", **more)


def found(response: ApiResponse) -> list[str]:
    assert response.status == 200, response.text
    return [p["id"] for p in assert_valid_ucp("catalog_search", response.json)["products"]]


def looked_up(response: ApiResponse) -> dict[str, list[tuple[str, str]]]:
    assert response.status == 200, response.text
    products = assert_valid_ucp("catalog_lookup", response.json)["products"]
    return {
        v["id"]: [(i["id"], i["match"]) for i in v["inputs"]]
        for p in products
        for v in p["variants"]
    }


def product(response: ApiResponse) -> dict[str, Any]:
    assert response.status == 200, response.text
    shown: dict[str, Any] = assert_valid_ucp("catalog_product", response.json)["product"]
    return shown


# ------------------------------------------------------------------------------------- search


def test_a_shopper_finds_a_product_by_its_words() -> None:
    publish(shirt(), simple("mug", "Enamel Mug"))
    response = search({"query": "shirts"})
    assert found(response) == ["shirt"]
    (shown,) = response.json["products"]
    assert shown["title"] == "Linen Shirt"
    assert shown["price_range"] == {
        "min": {"amount": 3500, "currency": "USD"},
        "max": {"amount": 4000, "currency": "USD"},
    }
    assert shown["list_price_range"]["max"]["amount"] == 5000
    assert shown["categories"] == [{"value": "Apparel > Shirts", "taxonomy": "merchant"}]
    assert shown["media"] == [
        {"type": "image", "url": "https://cdn.example/shirt.jpg", "alt_text": "A shirt"}
    ]
    (variant,) = shown["variants"]
    assert (variant["id"], variant["sku"]) == ("shirt.1", "SHIRT-BLUE-S")
    assert variant["availability"] == {"available": True, "status": "in_stock"}
    assert response.headers["Cache-Control"] == "no-store"


def test_each_card_shows_whether_its_featured_variant_is_available() -> None:
    publish(shirt(), simple("mug", "Mug"), pieces={"SHIRT-BLUE-S": 0})
    DynamoProductCatalog().save(simple("new", "New mug"), expected_version=0)  # never in stock
    statuses = {}
    for body in ({"query": "shirt"}, {"query": "mug"}):
        for shown in search(body).json["products"]:
            (variant,) = shown["variants"]
            statuses[shown["id"]] = variant["availability"]
    assert statuses == {
        "shirt": {"available": False, "status": "out_of_stock"},
        "mug": {"available": True, "status": "in_stock"},
        "new": {"available": False, "status": "out_of_stock"},
    }


def test_nothing_found_is_an_empty_list_without_messages() -> None:
    response = search({"query": "nothing"})
    assert found(response) == []
    assert response.json["pagination"] == {"has_next_page": False}
    assert "messages" not in response.json


def test_a_query_of_nothing_but_stop_words_finds_nothing() -> None:
    publish(shirt())
    assert found(search({"query": "the !"})) == []


def test_a_shopper_browses_a_category_without_a_query() -> None:
    publish(shirt(), simple("mug", "Mug", categories=(Category("Kitchen"),)))
    assert found(search({"filters": {"categories": ["apparel"]}})) == ["shirt"]
    assert found(search({"query": "  ", "filters": {"categories": ["Kitchen"]}})) == ["mug"]


def test_a_shopper_limits_the_price() -> None:
    publish(shirt(), simple("mug", "Mug", price=800))
    context = {"currency": "USD"}
    assert found(search({"filters": {"price": {"max": 1000}}, "context": context})) == ["mug"]
    assert found(search({"filters": {"price": {"min": 801}}})) == ["shirt"]
    both = {"query": "mug", "filters": {"price": {"min": 0, "max": 799}}, "context": context}
    assert found(search(both)) == []


def test_a_price_filter_in_another_currency_is_skipped_with_a_message() -> None:
    publish(simple("mug", "Mug", price=800))
    response = search(
        {"query": "mug", "filters": {"price": {"max": 10}}, "context": {"currency": "EUR"}}
    )
    assert found(response) == ["mug"]
    (message,) = response.json["messages"]
    assert (message["type"], message["code"]) == ("info", "price_filter_not_applied")


def test_pages_hold_ten_products_by_default_and_fifty_at_most() -> None:
    DynamoProductCatalog().save_many([simple(f"p{n:03}", "Mug") for n in range(52)])
    first = search({"query": "mug"})
    assert len(found(first)) == 10
    assert first.json["pagination"]["has_next_page"] is True
    assert len(found(search({"query": "mug", "pagination": {"limit": 1_000_000}}))) == 50
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        page = {"limit": 25, **({"cursor": cursor} if cursor else {})}
        response = search({"query": "mug", "pagination": page})
        seen += found(response)
        cursor = response.json["pagination"].get("cursor")
        if cursor is None:
            break
    assert sorted(seen) == [f"p{n:03}" for n in range(52)]


def test_unpublished_products_are_not_found() -> None:
    publish(
        *(
            shirt(s.value.replace("_", "-"), status=s)
            for s in ProductStatus
            if s is not ProductStatus.PUBLISHED
        )
    )
    assert found(search({"query": "shirt"})) == []
    assert found(search({"filters": {"price": {"min": 0}}})) == []


def test_unknown_extensions_and_open_ucp_fields_are_ignored() -> None:
    publish(shirt())
    response = search(
        {
            "query": "linen",
            "com.example.visual": {"image": "x"},
            "context": {
                "address_country": "US",
                "intent": "a gift",
                "com.example.x": 1,
                "other": 2,
            },
            "signals": {"dev.ucp.buyer_ip": "203.0.113.7"},
            "attribution": {"utm_source": "x"},
            "filters": {"org.example.colour": ["blue"]},
        }
    )
    assert found(response) == ["shirt"]


# ------------------------------------------------------------------------------------- lookup


def test_products_and_variants_are_looked_up_with_availability() -> None:
    publish(shirt(), simple("mug", "Mug"), pieces={"SHIRT-RED-S": 0})
    response = lookup({"ids": ["shirt", "shirt.4", "mug.1", "shirt"]})
    assert looked_up(response) == {
        "shirt.1": [("shirt", "featured")],
        "shirt.4": [("shirt.4", "exact")],
        "mug.1": [("mug.1", "exact")],
    }
    available = {
        v["id"]: v["availability"]["status"]
        for p in response.json["products"]
        for v in p["variants"]
    }
    assert available == {"shirt.1": "in_stock", "shirt.4": "out_of_stock", "mug.1": "in_stock"}
    red = next(v for p in response.json["products"] for v in p["variants"] if v["id"] == "shirt.4")
    assert red["list_price"] == {"amount": 5000, "currency": "USD"}


def test_an_unknown_id_is_a_message_beside_the_products_found() -> None:
    publish(simple("mug", "Mug"), shirt("old", status=ProductStatus.ARCHIVED))
    response = lookup({"ids": ["mug", "nothing", "old", "mug.7"]})
    assert looked_up(response).keys() == {"mug.1"}
    assert response.json["messages"] == [
        {"type": "info", "code": "not_found", "content": i} for i in ("nothing", "old", "mug.7")
    ]
    none = lookup({"ids": ["nothing"]})
    assert looked_up(none) == {}


def test_a_lookup_is_filtered() -> None:
    publish(shirt(), simple("mug", "Mug", price=800))
    assert looked_up(lookup({"ids": ["shirt", "mug"], "filters": {"price": {"max": 900}}})) == {
        "mug.1": [("mug", "featured")]
    }
    filters = {"categories": ["Apparel"]}
    assert looked_up(lookup({"ids": ["shirt", "mug"], "filters": filters})).keys() == {"shirt.1"}


# ------------------------------------------------------------------------------------- detail


def test_a_product_is_shown_in_full() -> None:
    publish(replace(shirt(), html="<p>Light</p>"))
    shown = product(detail({"id": "shirt"}))
    assert shown["description"] == {"plain": "A light shirt for warm days.", "html": "<p>Light</p>"}
    assert shown["tags"] == ["summer"]
    assert shown["metadata"] == {"brand": "Fabrikam"}
    assert [v["id"] for v in shown["variants"]] == ["shirt.1"]
    assert shown["selected"] == [
        {"name": "Color", "label": "Blue"},
        {"name": "Size", "label": "S"},
    ]


def test_a_choice_shows_the_remaining_choices() -> None:
    publish(shirt(), pieces={"SHIRT-RED-S": 0})
    shown = product(detail({"id": "shirt", "selected": [{"name": "Color", "label": "Red"}]}))
    assert [v["id"] for v in shown["variants"]] == ["shirt.5", "shirt.4"]
    assert [v["availability"]["available"] for v in shown["variants"]] == [True, False]
    sizes = next(o for o in shown["options"] if o["name"] == "Size")["values"]
    assert sizes == [
        {"label": "S", "available": False, "exists": True},
        {"label": "M", "available": True, "exists": True},
        {"label": "L", "available": False, "exists": False},
    ]


def test_incompatible_choices_are_relaxed_by_preference() -> None:
    publish(shirt())
    body = {
        "id": "shirt",
        "selected": [{"name": "Color", "label": "Red"}, {"name": "Size", "label": "L"}],
        "preferences": ["Size", "Color"],
    }
    assert product(detail(body))["selected"] == [{"name": "Size", "label": "L"}]
    assert product(detail({**body, "preferences": ["Color", "Size"]}))["selected"] == [
        {"name": "Color", "label": "Red"}
    ]


def test_a_variants_id_shows_that_variant_first() -> None:
    publish(shirt())
    shown = product(detail({"id": "shirt.3", "selected": [{"name": "Color", "label": "Red"}]}))
    assert shown["variants"][0]["id"] == "shirt.3"
    assert shown["selected"] == [{"name": "Color", "label": "Blue"}, {"name": "Size", "label": "L"}]


def test_a_product_without_options_is_shown() -> None:
    publish(simple("mug", "Mug"))
    shown = product(detail({"id": "mug"}))
    assert "options" not in shown
    assert [v["id"] for v in shown["variants"]] == ["mug.1"]


def test_a_stock_change_is_shown_after_the_cache_expires() -> None:
    publish(simple("mug", "Mug"), pieces={"mug": 0})
    assert product(detail({"id": "mug"}))["variants"][0]["availability"]["available"] is False
    set_on_hand(
        "mug",
        3,
        AuditInfo("me", LATER, "found"),
        expected_version=1,
        stock_writer=DynamoStockRepository(),
    )
    level_cache().clear()  # as after two seconds
    assert product(detail({"id": "mug"}))["variants"][0]["availability"]["available"] is True


@pytest.mark.parametrize("some_id", ["nothing", "nothing.1", "shirt.9", "old", "old.1", "x" * 128])
def test_ids_of_products_not_on_sale_are_not_found(some_id: str) -> None:
    publish(shirt(), shirt("old", status=ProductStatus.DRAFT))
    response = detail({"id": some_id})
    assert response.status == 404
    (message,) = assert_valid_ucp("error", response.json)["messages"]
    assert (message["code"], message["path"], message["severity"]) == (
        "not_found",
        "$.id",
        "unrecoverable",
    )


def test_a_filter_that_excludes_the_product_is_reported() -> None:
    publish(shirt())
    response = detail({"id": "shirt", "filters": {"price": {"max": 1}}})
    assert response.status == 404
    (message,) = assert_valid_ucp("error", response.json)["messages"]
    assert (message["code"], message["path"]) == ("filtered_out", "$.filters")
    narrowed = product(detail({"id": "shirt", "filters": {"price": {"min": 4000}}}))
    assert [v["id"] for v in narrowed["variants"]] == ["shirt.3"]


# ------------------------------------------------------------------------------------- cost


def test_dynamodb_calls_of_each_operation_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # No cache expires during the test, however slow the machine is.
    monkeypatch.setattr(rule_set_cache, "RULES_CACHE_TTL", timedelta(hours=1))
    monkeypatch.setattr(locations, "LOCATIONS_CACHE_SECONDS", 3600.0)
    DynamoProductCatalog().save_many(
        [simple(f"p{n:03}", "Mug", categories=(Category("Kitchen"),)) for n in range(24)]
    )
    publish(shirt())
    # Create the client and cache the locations before counting.
    lookup({"ids": ["p000"]})
    with count_calls() as calls:
        search({"query": "mugs", "pagination": {"limit": 20}})
    assert calls.names == ["dynamodb.Query catalog", "dynamodb.BatchGetItem inventory"]
    level_cache().clear()
    with count_calls() as calls:
        search({"filters": {"categories": ["Kitchen"]}, "pagination": {"limit": 20}})
    assert calls.names == ["dynamodb.Query catalog", "dynamodb.BatchGetItem inventory"]
    level_cache().clear()
    with count_calls() as calls:
        lookup({"ids": [f"p{n:03}" for n in range(100)]})
    assert calls.names == ["dynamodb.BatchGetItem catalog", "dynamodb.BatchGetItem inventory"]
    with count_calls() as calls:
        detail({"id": "shirt"})
    assert calls.names == ["dynamodb.BatchGetItem catalog", "dynamodb.BatchGetItem inventory"]


def test_a_page_of_cards_reads_the_stock_of_all_cards_in_one_call() -> None:
    DynamoProductCatalog().save_many([simple(f"p{n:03}", "Mug") for n in range(50)])
    body = {"query": "mug", "pagination": {"limit": 50}}
    search(body)
    level_cache().clear()
    with count_calls() as calls:
        search(body)
    assert calls.names == ["dynamodb.Query catalog", "dynamodb.BatchGetItem inventory"]
    # A card costs half a read unit, and within two seconds nothing.
    (request,) = calls.made[1].parameters["RequestItems"].values()
    assert (len(request["Keys"]), request.get("ConsistentRead")) == (50, None)
    with count_calls() as calls:
        search(body)
    assert calls.names == ["dynamodb.Query catalog"]


def test_rejected_requests_make_no_dynamodb_calls() -> None:
    with count_calls() as calls:
        search({"query": "x" * 201})
        lookup({"ids": []})
        detail({"id": 7})
    assert calls.names == []
