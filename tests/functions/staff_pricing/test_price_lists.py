"""Price lists through the staff endpoints, and the prices that shoppers then see."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.cart import create_cart, get_cart
from functions.catalog import get_product, lookup_catalog, search_catalog
from functions.checkout import create_checkout
from functions.staff_pricing import (
    create_price_list,
    get_price_history,
    get_price_list,
    list_price_lists,
    update_price_list,
)
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.kernel.money import Money
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.functions.staff_pricing.test_promotions import CLAIMS
from tests.kit.aws_call_counter import count_calls
from tests.kit.products import checkout_body, lines, mug, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

LIST: dict[str, Any] = {
    "id": "winter",
    "title": "Winter prices",
    "currency": "USD",
    "entries": [
        {"article": "mug.1", "price": 1000},
        {"article": "mug.1", "price": 900, "min_quantity": 10},
    ],
}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def as_staff(function: Any, route: str, body: Any = None, **options: Any) -> ApiResponse:
    """Call a staff endpoint, and drop the cached rules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalog")
        response = call(function.handler, route, body, claims=CLAIMS, **options)
    rule_set_cache(tax_table_cache()).clear()
    return response


def create(**fields: Any) -> ApiResponse:
    return as_staff(create_price_list, "POST /staff/price-lists", {**LIST, **fields})


def update(**fields: Any) -> ApiResponse:
    body = {name: value for name, value in {**LIST, **fields}.items() if name != "id"}
    return as_staff(update_price_list, "PUT /staff/price-lists/{id}", body, id="winter")


def new_cart(*items: tuple[str, int], **context: str) -> ApiResponse:
    body = {"line_items": lines(*items), **({"context": context} if context else {})}
    return call(create_cart.handler, "POST /carts", body)


def test_price_list_for_some_channels_warns_staff() -> None:
    created = create(channels=["app"], groups=["club"])
    assert created.status == 201
    (warning,) = created.json["warnings"]
    assert (warning["code"], warning["path"]) == ("channel_unproved", "$.channels")
    read = as_staff(get_price_list, "GET /staff/price-lists/{id}", id="winter").json
    assert read["warnings"] == [warning]
    changed = as_staff(update_price_list, "PUT /staff/price-lists/{id}", read, id="winter")
    assert (changed.status, changed.json["warnings"]) == (200, [warning])
    assert update(channels=["web", "agent", "app"], version=2).json["warnings"] == []


def displayed_variant(**context: str) -> dict[str, Any]:
    body = {"ids": ["mug.1"], **({"context": context} if context else {})}
    response = call(lookup_catalog.handler, "POST /catalog/lookup", body)
    assert response.status == 200, response.text
    assert_valid_ucp("catalog_lookup", response.json)
    variant: dict[str, Any] = response.json["products"][0]["variants"][0]
    return variant


def test_change_of_a_price_list_keeps_its_id() -> None:
    create()
    route, body = "PUT /staff/price-lists/{id}", {**LIST, "version": 1}
    rejected = as_staff(update_price_list, route, {**body, "id": "summer"}, id="winter")
    (error,) = rejected.json["errors"]
    assert (rejected.status, error["code"], error["path"]) == (400, "id_differs", "$.id")
    assert as_staff(update_price_list, route, body, id="winter").status == 200


def test_price_list_is_created_updated_listed_and_read() -> None:
    created = create()
    assert (created.status, created.json["status"], created.json["version"]) == (201, "running", 1)
    assert create().json["code"] == "id_taken"
    changed = update(entries=[{"article": "mug", "price": 1100}], version=1)
    assert (changed.status, changed.json["version"]) == (200, 2), changed.text
    assert update(version=1).json["code"] == "stale"
    without_version = update()
    assert (without_version.status, without_version.json["code"]) == (400, "version_missing")
    found = as_staff(get_price_list, "GET /staff/price-lists/{id}", id="winter").json
    assert found["entries"] == [{"article": "mug", "price": 1100}]
    assert "revisions" not in found
    create(id="spring", priority=50)
    route = "GET /staff/price-lists"
    listed = as_staff(list_price_lists, route, query="limit=1").json
    assert [n["id"] for n in listed["price_lists"]] == ["spring"]
    rest = as_staff(
        list_price_lists, "GET /staff/price-lists", query=f"cursor={listed['cursor']}"
    ).json
    assert [(n["id"], n["entries"]) for n in rest["price_lists"]] == [("winter", 1)]
    assert "cursor" not in rest or rest["cursor"] is None


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"currency": "XYZ"}, "currency_unknown", "$.currency"),
        ({"entries": [{"article": "no.1", "price": 1}]}, "article_unknown", "$.entries[0].article"),
        (
            {"entries": [{"article": "n" * 3000, "price": 1}]},
            "article_unknown",
            "$.entries[0].article",
        ),
        (
            {"entries": [{"article": "mug.9", "price": 1}]},
            "article_unknown",
            "$.entries[0].article",
        ),
        (
            {"window": {"starts": "0001-01-01T00:00:00+14:00"}},
            "time_invalid",
            "$.window.starts",
        ),
        ({"title": "<img src=x>"}, "markup_not_allowed", "$.title"),
        ({"entries": []}, "missing", "$.entries"),
        ({"window": {"weekdays": [7]}}, "out_of_range", "$.window.weekdays"),
        ({"markets": ["MARS"]}, "market_unknown", "$.markets[0]"),
        ({"channels": ["fax"]}, "channel_unknown", "$.channels[0]"),
        ({"groups": ["gold", "no group!"]}, "id_invalid", "$.groups[1]"),
        (
            {"window": {"starts": "2026-12-02T00:00:00Z", "ends": "2026-12-01T00:00:00Z"}},
            "ends_before_start",
            "$.window.ends",
        ),
        ({"window": {"zone": "Atlantis/Capital"}}, "time_zone_unknown", "$.window.zone"),
        ({"prices": []}, "unknown_field", "$.prices"),
        ({"entries": [{"article": "mug.1", "price": -1}]}, "price_invalid", "$.entries[0].price"),
    ],
)
def test_invalid_price_list_is_rejected_with_code_and_field(
    fields: dict[str, Any], code: str, path: str
) -> None:
    rejected = create(**fields)
    assert rejected.status == 400
    assert (rejected.json["errors"][0]["code"], rejected.json["errors"][0]["path"]) == (code, path)


def test_overlapping_price_lists_are_rejected() -> None:
    create()
    rejected = create(id="other", entries=[{"article": "mug.1", "price": 1}])
    assert (rejected.status, rejected.json["errors"][0]["code"]) == (400, "price_overlaps")
    assert create(id="other", entries=[{"article": "mug.1", "price": 1}], priority=1).status == 201
    rejected = update(priority=1, version=1)
    assert (rejected.status, rejected.json["errors"][0]["code"]) == (400, "price_overlaps")


def test_displayed_price_equals_charged_price_and_tiers_count_in_the_cart() -> None:
    create()
    assert displayed_variant()["price"] == {"amount": 1000, "currency": "USD"}
    detail = call(get_product.handler, "POST /catalog/product", {"id": "mug"})
    assert_valid_ucp("catalog_product", detail.json)
    assert detail.json["product"]["price_range"]["min"]["amount"] == 1000
    found = call(search_catalog.handler, "POST /catalog/search", {"query": "mug"})
    assert_valid_ucp("catalog_search", found.json)
    (product,) = found.json["products"]
    assert product["variants"][0]["price"]["amount"] == 1000
    assert product["price_range"] == {
        "min": {"amount": 1000, "currency": "USD"},
        "max": {"amount": 1399, "currency": "USD"},
    }
    (line,) = new_cart(("mug.1", 1)).json["line_items"]
    assert line["item"]["price"] == 1000
    (line,) = new_cart(("mug.1", 10)).json["line_items"]
    assert line["item"]["price"] == 900


def test_price_list_applies_to_its_market_and_currency() -> None:
    create(currency="EUR", markets=["EU"], entries=[{"article": "mug", "price": 1190}])
    assert displayed_variant()["price"] == {"amount": 1299, "currency": "USD"}
    germany = {"address_country": "DE", "currency": "EUR"}
    assert displayed_variant(**germany)["price"] == {"amount": 1190, "currency": "EUR"}
    created = new_cart(("mug.1", 2), **germany)
    assert created.json["currency"] == "EUR"
    assert created.json["totals"][-1]["amount"] == 2380
    again = call(get_cart.handler, "GET /carts/{id}", id=created.json["id"])
    assert (again.json["currency"], again.json["totals"][-1]["amount"]) == ("EUR", 2380)
    assert_valid_ucp("cart", again.json)
    swedish = new_cart(("mug.1", 1), address_country="SE", currency="SEK").json
    assert swedish["currency"] == "USD"
    assert [m["code"] for m in swedish["messages"]] == ["currency_not_offered"]


def test_changed_price_is_reported_to_a_cart_that_displayed_another() -> None:
    created = new_cart(("mug.1", 1)).json
    create()
    again = call(get_cart.handler, "GET /carts/{id}", id=created["id"]).json
    assert [m["code"] for m in again["messages"]] == ["price_changed", "total_changed"]


def test_reduction_shows_the_lowest_price_of_thirty_days() -> None:
    # Given: a running sale of 20 %
    now = datetime.now(UTC)
    repository = DynamoPromotionRepository()
    fields = {
        "id": "flash",
        "title": "Flash",
        "goods": {"variants": ["mug.1"]},
        "effect": {"kind": "percent_off", "off_ppm": 200_000},
        "conditions": {"window": {"starts": (now - timedelta(hours=1)).isoformat()}},
    }
    flash = Promotion.from_dict(fields)
    create_promotion(flash, promotions=repository, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion("flash", promotions=repository, at=now)
    rule_set_cache(tax_table_cache()).clear()

    # Then: the product shows the reduced price with its reference
    variant = displayed_variant()
    assert variant["price"]["amount"] == 1039
    assert variant["list_price"]["amount"] == 1299
    assert variant["metadata"] == {
        "lowest_price_30_days": {"amount": 1299, "currency": "USD"},
        "reduction_ppm": 200_000,
    }

    # Then: staff see the replayed history
    history = as_staff(get_price_history, "GET /staff/price-history/{id}", id="mug.1").json
    assert [(p["price"], p.get("regular")) for p in history["points"]] == [
        (1299, None),
        (1039, 1299),
    ]
    assert (history["reduction"]["lowest_30_days"], history["reduction"]["reduction_ppm"]) == (
        1299,
        200_000,
    )

    # Then: a checkout stores the reference in its quote and trace
    body = checkout_body(("mug.1", 1))
    created = call(create_checkout.handler, "POST /checkout-sessions", body).json
    quote = (
        DynamoCheckoutSessionRepository().get("guest", created["id"], datetime.now(UTC)).offer.quote
    )
    assert quote.lines[0].lowest_30_days == Money(1299, "USD")
    assert quote.trace[0].to_dict() == {
        "step": "price",
        "rule": "lowest_30_days",
        "amount": 1299,
        "detail": f"before {now:%Y-%m-%d}",
        "lines": ["li_1"],
    }

    # Then: a search reads the affected products in one batch
    with count_calls() as calls:
        call(search_catalog.handler, "POST /catalog/search", {"query": "mug"})
    assert calls.names == ["dynamodb.Query catalog", "dynamodb.BatchGetItem catalog"]


@pytest.mark.parametrize(
    ("query", "path"),
    [("country=ZZ", "country"), ("currency=ZZZ", "currency"), ("country=", "country")],
)
def test_price_history_of_an_unknown_country_or_currency_is_rejected(query: str, path: str) -> None:
    route = "GET /staff/price-history/{id}"
    assert (
        as_staff(get_price_history, route, id="mug.1", query="country=DE&currency=USD").status
        == 200
    )
    rejected = as_staff(get_price_history, route, id="mug.1", query=query)
    assert (rejected.status, rejected.json["code"]) == (400, f"{path}_unknown")
    assert rejected.json["errors"][0]["path"] == path
