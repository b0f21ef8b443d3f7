"""GET and PUT /staff/local-tax-rates/{state}, and the tax of a checkout that follows from them."""

from collections.abc import Iterator
from typing import Any

import pytest

from functions.checkout import create_checkout
from functions.staff_pricing import simulate_checkout
from functions.staff_tax import get_local_rates, import_local_rates
from shop.catalog.store import DynamoProductCatalog
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import signed_in
from tests.kit.products import mug
from tests.kit.shop import ApiResponse, call
from tests.unit.tax.test_local_rates import FISHERS_ISLAND, HEADER, MANHATTAN, NEW_YORK

ROUTE = "/staff/local-tax-rates/{state}"
WANDA = signed_in("wanda", "catalog")

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _no_rules_from_other_tests() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    rule_set_cache(tax_table_cache()).clear()


def as_staff(handler: Any, route: str, body: Any = None, **fields: Any) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalog")
        return call(handler, route, body, claims=WANDA, **fields)


def put(text: str = NEW_YORK, version: int = 0, query: str = "", state: str = "NY") -> ApiResponse:
    headers = {"content-type": "text/csv", "if-match": f'"{version}"'}
    return as_staff(
        import_local_rates.handler,
        f"PUT {ROUTE}",
        raw=text,
        headers=headers,
        query=query,
        state=state,
    )


def read(query: str = "", state: str = "NY") -> dict[str, Any]:
    response = as_staff(get_local_rates.handler, f"GET {ROUTE}", query=query, state=state)
    assert response.status == 200, response.text
    document: dict[str, Any] = response.json
    return document


def test_import_is_stored_as_a_version_and_read_by_zip_code() -> None:
    assert read()["version"] == 0
    response = put(state="New York")
    assert response.status == 200, response.text
    assert response.headers["ETag"] == '"1"'
    stored = read("postal_code=10001-2345")
    assert (stored["state"], stored["version"], stored["actor"]) == ("NY", 1, "wanda")
    assert [edition["zip_codes"] for edition in stored["editions"]] == [2]
    assert stored["rate"] == {
        "name": "NEW YORK CITY",
        "combined_ppm": 88_750,
        "state_ppm": 40_000,
        "county_ppm": 0,
        "city_ppm": 45_000,
        "special_ppm": 3_750,
    }
    assert "rate" not in read("postal_code=99999")
    assert put(f"{HEADER}\n{FISHERS_ISLAND}", version=1).status == 200
    assert read("version=1")["editions"][0]["zip_codes"] == 2
    assert read()["editions"][0]["zip_codes"] == 1


def test_invalid_file_changes_nothing_and_names_the_line() -> None:
    response = put(f"{NEW_YORK}\nNY,1,X,0,0,0,0,0")
    assert response.status == 400
    assert "$.lines[4].ZipCode" in response.text
    assert read()["version"] == 0


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"version": 7}, 409, "stale"),
        ({"state": "Narnia"}, 404, "region_unknown"),
        ({"query": "since=tomorrow"}, 400, "time_invalid"),
        ({"text": ""}, 400, "columns_missing"),
        ({"text": "PK\x03\x04"}, 400, "file_unknown"),
    ],
)
def test_unacceptable_import_is_rejected(fields: dict[str, Any], status: int, code: str) -> None:
    response = put(**fields)
    assert (response.status, response.json["code"]) == (status, code), response.text


def test_other_media_type_is_rejected() -> None:
    headers = {"content-type": "application/json", "if-match": '"0"'}
    response = as_staff(
        import_local_rates.handler, f"PUT {ROUTE}", raw="{}", headers=headers, state="NY"
    )
    assert response.json["code"] == "content_type_unsupported"


def buy(zip_code: str) -> dict[str, Any]:
    destination = {
        "street_address": "1 Main St",
        "address_locality": "New York",
        "address_region": "NY",
        "postal_code": zip_code,
        "address_country": "US",
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


def tax_of(checkout: dict[str, Any]) -> int:
    (tax,) = [total["amount"] for total in checkout["totals"] if total["type"] == "tax"]
    return int(tax)


def test_checkout_has_the_tax_of_its_zip_code_without_further_reads() -> None:
    DynamoProductCatalog().save(mug("mug", price=10_000), expected_version=0)
    buy("10001")
    with count_calls() as before:
        state_tax = tax_of(buy("10001"))
    assert put().status == 200
    forget()
    local = tax_of(buy("10001"))
    with count_calls() as after:
        assert tax_of(buy("10001")) == local
    assert local > 2 * state_tax
    assert [call.operation for call in after.made] == [call.operation for call in before.made]
    assert tax_of(buy("14201")) == state_tax


def test_simulation_warns_of_a_zip_code_without_a_rate() -> None:
    DynamoProductCatalog().save(mug("mug"), expected_version=0)
    assert put(f"{HEADER}\n{MANHATTAN}").status == 200

    def warnings(zip_code: str) -> list[str]:
        destination = {"address_country": "US", "address_region": "NY", "postal_code": zip_code}
        body = {"lines": [{"item": "mug.1", "quantity": 1}], "destination": destination}
        forget()
        response = as_staff(simulate_checkout.handler, "POST /staff/checkout-simulations", body)
        assert response.status == 200, response.text
        return [warning["code"] for warning in response.json["before"]["warnings"]]

    assert warnings("10001") == []
    assert warnings("10002") == ["zip_unknown"]
