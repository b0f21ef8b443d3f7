"""GET and PUT /staff/markets, and the prices and taxes that follow from them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.catalog import get_product
from functions.checkout import create_checkout
from functions.staff_pricing import (
    create_price_list,
    create_promotion,
    get_markets,
    set_markets,
    simulate_checkout,
)
from functions.staff_tax import get_tax_rates, set_tax_rates
from shop.catalog.store import DynamoProductCatalog
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.order_fixtures import signed_in
from tests.kit.products import mug
from tests.kit.shop import ApiResponse, call

GET, PUT = "GET /staff/markets", "PUT /staff/markets"
RATES = "/staff/tax-rates/{country}"
WANDA = signed_in("wanda", "catalog")
GB = {
    "id": "GB",
    "countries": ["United Kingdom", "IM"],
    "tax": "included",
    "home": {"country": "GB"},
    "zone": "Europe/London",
    "currency": "GBP",
}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _no_rules_from_other_tests() -> Iterator[None]:
    rule_set_cache(tax_table_cache()).clear()
    yield
    rule_set_cache(tax_table_cache()).clear()


def as_staff(handler: Any, route: str, body: Any = None, **path: Any) -> ApiResponse:
    rule_set_cache(tax_table_cache()).clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalog")
        return call(handler, route, body, claims=WANDA, **path)


def read(version: int | None = None) -> dict[str, Any]:
    query = {} if version is None else {"query": f"version={version}"}
    response = as_staff(get_markets.handler, GET, **query)
    assert response.status == 200, response.text
    document: dict[str, Any] = response.json
    return document


def put(*added: dict[str, Any], version: int = 0, **changes: Any) -> ApiResponse:
    """Add markets to the current ones."""
    markets = [*added, *read()["markets"]]
    # The first market is that of shoppers without a country: keep it.
    markets = [*markets[len(added) : len(added) + 1], *added, *markets[len(added) + 1 :]]
    body = {"markets": markets, "version": version, "reason": "nexus", **changes}
    return as_staff(set_markets.handler, PUT, body)


def warned() -> set[str]:
    return {warning["country"] for warning in read()["warnings"]}


@pytest.mark.parametrize(
    ("home", "stored"),
    [
        ({"country": "Northern Ireland"}, {"country": "GB", "region": "NIR"}),
        ({"country": "Germany"}, {"country": "DE"}),
        (
            {"country": "GB", "postal_code": "BT1 5GS"},
            {"country": "GB", "postal_code": "BT1 5GS"},
        ),
    ],
)
def test_home_of_a_market_is_stored_as_codes(home: Any, stored: Any) -> None:
    response = put({**GB, "home": home})
    assert response.status == 200, response.text
    (market,) = [one for one in response.json["markets"] if one["id"] == "GB"]
    assert market["home"] == stored


@pytest.mark.parametrize(
    ("country", "code"),
    [("Narnia", "country_unknown"), ("XI", "country_unknown"), (" ", "text_invalid")],
)
def test_home_in_an_unknown_country_is_rejected(country: str, code: str) -> None:
    response = put({**GB, "home": {"country": country}})
    assert (response.status, response.json["code"]) == (400, code)
    assert "$.markets[1].home.country" in response.text


@pytest.mark.parametrize("reason", ["", " ", "\u200b", "\u00a0\u3000"])
def test_reason_of_a_market_without_tax_is_visible(reason: str) -> None:
    far = {"id": "FAR", "countries": ["JP"], "tax": "none", "untaxed_reason": reason}
    response = put(far)
    assert (response.status, response.json["code"]) == (400, "text_invalid")


def test_bundled_markets_are_version_0_with_their_untaxed_countries() -> None:
    markets = read()
    assert (markets["version"], [market["id"] for market in markets["markets"]]) == (
        0,
        ["US", "EU", "CN", "WORLD"],
    )
    assert {"GB", "CH", "NO", "*"} <= warned()


def test_market_is_stored_with_codes_author_reason_and_version() -> None:
    response = put(GB)
    assert response.status == 200, response.text
    assert response.headers["ETag"] == '"1"'
    stored = read()
    assert (stored["version"], stored["actor"], stored["reason"]) == (1, "wanda", "nexus")
    assert stored["markets"][1]["countries"] == ["GB", "IM"]
    assert "GB" not in warned()
    # And what was read may be sent back unchanged
    again = as_staff(set_markets.handler, PUT, stored)
    assert again.status == 200, again.text
    assert again.json["markets"] == stored["markets"]
    assert len(read(0)["markets"]) == 4


def test_stale_version_changes_nothing() -> None:
    assert put(GB).status == 200
    assert put(version=0).status == 409
    assert read()["version"] == 1


@pytest.mark.parametrize(
    ("market", "code", "path"),
    [
        ({**GB, "countries": ["Atlantis"]}, "country_unknown", "$.markets[1].countries[0]"),
        ({**GB, "countries": ["FR"]}, "duplicate", "$.markets[2].countries[10]"),
        ({**GB, "tax": "maybe"}, "value_unknown", "$.markets[1].tax"),
        ({**GB, "home": None}, "missing", "$.markets[1].home"),
        (
            {**GB, "home": {"country": "US", "region": "Narnia"}},
            "region_unknown",
            "$.markets[1].home.region",
        ),
        ({**GB, "untaxed_reason": "<b>x</b>", "tax": "none"}, "markup_not_allowed", None),
        ({**GB, "colour": "red"}, "unknown_field", "$.markets[1].colour"),
    ],
)
def test_invalid_market_is_rejected_with_its_path(
    market: dict[str, Any], code: str, path: str | None
) -> None:
    response = put(market)
    assert response.status == 400, response.text
    assert code in response.text
    assert path is None or path in response.text, response.text
    assert read()["version"] == 0


def test_market_that_a_price_list_names_cannot_be_removed() -> None:
    DynamoProductCatalog().save(mug("mug"), expected_version=0)
    assert put(GB).status == 200
    listed = {
        "id": "uk",
        "title": "UK",
        "currency": "GBP",
        "markets": ["GB"],
        "entries": [{"article": "mug", "price": 900}],
    }
    created = as_staff(create_price_list.handler, "POST /staff/price-lists", listed)
    assert created.status == 201, created.text
    body = {**read(0), "version": 1}
    response = as_staff(set_markets.handler, PUT, body)
    assert (response.status, "market_in_use" in response.text) == (409, True), response.text


def test_promotion_may_name_a_market_of_staff_only_once_it_exists() -> None:
    promotion = {
        "id": "uk",
        "title": "UK",
        "effect": {"kind": "percent_off", "off_ppm": 100_000},
        "conditions": {"markets": ["GB"]},
    }

    def create() -> ApiResponse:
        return as_staff(create_promotion.handler, "POST /staff/promotions", promotion)

    assert "market_unknown" in create().text
    assert put(GB).status == 200
    assert create().status == 201


def buy(country: str, **address: str) -> dict[str, Any]:
    rule_set_cache(tax_table_cache()).clear()
    destination = {
        "street_address": "1 High Street",
        "address_locality": "London",
        "postal_code": "SW1A 1AA",
        "address_country": country,
        **address,
    }
    body = {
        "line_items": [{"item": {"id": "mug.1"}, "quantity": 1}],
        "buyer": {"email": "jane@example.com"},
        "fulfillment": {"methods": [{"type": "shipping", "destinations": [destination]}]},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "shopper")
        response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    checkout: dict[str, Any] = response.json
    return checkout


def test_checkout_and_product_page_use_the_market_of_staff() -> None:
    DynamoProductCatalog().save(mug("mug", price=1200), expected_version=0)
    listed = {
        "id": "pounds",
        "title": "Pounds",
        "currency": "GBP",
        "entries": [{"article": "mug", "price": 900}],
    }
    created = as_staff(create_price_list.handler, "POST /staff/price-lists", listed)
    assert created.status == 201, created.text
    before = buy("GB")
    assert before["currency"] == "USD"
    assert "includes tax" not in before["totals"][-1]["display_text"]

    assert put(GB).status == 200

    after = buy("GB")
    assert after["currency"] == "GBP"
    assert "(includes tax of" in after["totals"][-1]["display_text"]
    shown = call(
        get_product.handler,
        "POST /catalog/product",
        {"id": "mug", "context": {"address_country": "GB"}},
    )
    assert shown.json["product"]["variants"][0]["price"] == {"amount": 900, "currency": "GBP"}


def simulated_warnings(country: str) -> list[str]:
    body = {"lines": [{"item": "mug.1", "quantity": 1}], "country": country}
    response = as_staff(simulate_checkout.handler, "POST /staff/checkout-simulations", body)
    assert response.status == 200, response.text
    return [warning["code"] for warning in response.json["before"]["warnings"]]


def test_untaxed_sale_warns_staff_until_it_is_decided() -> None:
    DynamoProductCatalog().save(mug("mug"), expected_version=0)
    rates = as_staff(get_tax_rates.handler, f"GET {RATES}", country="GB").json
    assert [warning["code"] for warning in rates["warnings"]] == ["untaxed_undecided"]
    assert simulated_warnings("GB") == ["untaxed_undecided"]
    assert "untaxed_undecided" not in json.dumps(buy("GB")), "no buyer sees it"

    body = {**rates, "untaxed": [{"reason": "below the threshold"}]}
    decided = as_staff(set_tax_rates.handler, f"PUT {RATES}", body, country="GB")

    assert decided.status == 200, decided.text
    assert decided.json["warnings"] == []
    (decision,) = decided.json["untaxed"]
    assert (decision["reason"], decision["actor"]) == ("below the threshold", "wanda")
    assert simulated_warnings("GB") == []
    assert "GB" not in warned()
    # And a later change of rates keeps the decision, its author and its time
    again = {"rates": decided.json["rates"], "version": 1}
    later = as_staff(set_tax_rates.handler, f"PUT {RATES}", again, country="GB")
    assert later.json["untaxed"] == [decision]
    # And an empty list withdraws it
    none = {"rates": decided.json["rates"], "version": 2, "untaxed": []}
    withdrawn = as_staff(set_tax_rates.handler, f"PUT {RATES}", none, country="GB")
    assert [warning["code"] for warning in withdrawn.json["warnings"]] == ["untaxed_undecided"]


@pytest.mark.parametrize(
    ("untaxed", "code"),
    [
        ([{"region": "Narnia", "reason": "x"}], "region_unknown"),
        ([{"reason": "x"}, {"reason": "y"}], "duplicate"),
        ([{"region": "il", "reason": "x"}, {"region": "Illinois", "reason": "y"}], "duplicate"),
        ([{"region": "IL"}], "missing"),
        ([{"region": "IL", "reason": ""}], "text_invalid"),
        ([{"reason": "<script>"}], "markup_not_allowed"),
    ],
)
def test_invalid_decision_is_rejected(untaxed: Any, code: str) -> None:
    rates = as_staff(get_tax_rates.handler, f"GET {RATES}", country="US").json
    body = {**rates, "untaxed": untaxed}
    response = as_staff(set_tax_rates.handler, f"PUT {RATES}", body, country="US")
    assert response.status == 400, response.text
    assert code in response.text, response.text
