"""Businesses with a VAT number: reverse charge in prices, messages and orders."""

from typing import Any

import pytest

from functions.cart import create_cart
from functions.checkout import complete_checkout, create_checkout, update_checkout
from functions.orders import get_order
from tests.kit.products import ADDRESS, checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

FRENCH, GERMAN, POLISH = "FR 40 303 265 045", "DE136695976", "PL5260001246"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _published_mug(cloud: None) -> None:
    publish_with_stock(mug(price=12_000), pieces=50)


def body(vat_number: Any, country: str = "FR") -> dict[str, Any]:
    request_body = checkout_body(("mug.1", 1))
    address = {n: v for n, v in ADDRESS.items() if n != "address_region"}
    request_body["fulfillment"]["methods"][0]["destinations"] = [
        {**address, "address_country": country}
    ]
    if vat_number is not None:
        request_body["buyer"]["tax_id"] = vat_number
    return request_body


def create(vat_number: Any, country: str = "FR") -> ApiResponse:
    return call(create_checkout.handler, "POST /checkout-sessions", body(vat_number, country))


def amounts_by_type(raw: dict[str, Any]) -> dict[str, int]:
    return {total["type"]: total["amount"] for total in raw["totals"]}


def message_codes(raw: dict[str, Any]) -> list[str]:
    return [message["code"] for message in raw.get("messages", [])]


def test_business_in_another_eu_state_gets_reverse_charge() -> None:
    private = create(None).json
    assert amounts_by_type(private)["subtotal"] == 12_000
    business = create(FRENCH)
    assert_valid_ucp("checkout", business.json)
    assert business.json["buyer"]["tax_id"] == "FR40303265045"
    assert amounts_by_type(business.json)["subtotal"] == 10_000  # 120.00 with French VAT, 20 %
    assert amounts_by_type(business.json).get("tax", 0) == 0
    assert amounts_by_type(business.json)["total"] < amounts_by_type(private)["total"]
    assert (message_codes(private), message_codes(business.json)) == ([], ["reverse_charge"])
    route = "POST /checkout-sessions/{id}/complete"
    completed = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=business.json["id"]
    ).json
    assert completed["status"] == "completed"
    order = call(get_order.handler, "GET /orders/{id}", id=completed["order"]["id"]).json
    assert_valid_ucp("order", order)
    assert amounts_by_type(order)["total"] == amounts_by_type(business.json)["total"]
    (message,) = order["messages"]
    assert message["code"] == "reverse_charge"
    assert "2006/112/EC" in message["content"]


@pytest.mark.parametrize(
    ("vat_number", "country"),
    [(GERMAN, "FR"), (FRENCH, "DE"), (GERMAN, "DE"), (FRENCH, "US"), (FRENCH, "CH")],
)
def test_vat_number_has_no_effect_at_home_or_outside_the_eu(vat_number: str, country: str) -> None:
    private, business = create(None, country).json, create(vat_number, country).json
    assert business["totals"] == private["totals"]
    assert "reverse_charge" not in message_codes(business)


@pytest.mark.parametrize("vat_number", ["FR40303265046", "12345", "", "US12345678", "F" * 31, 7])
def test_invalid_vat_number_is_rejected_with_path(vat_number: Any) -> None:
    rejected = create(vat_number)
    assert rejected.status == 400, rejected.text
    assert rejected.json["messages"][0]["path"] == "$.buyer.tax_id"


def test_adding_and_removing_a_vat_number_changes_the_price() -> None:
    created = create(None).json
    route = "PUT /checkout-sessions/{id}"
    business = call(update_checkout.handler, route, body(POLISH), id=created["id"]).json
    assert (amounts_by_type(business)["subtotal"], message_codes(business)) == (
        10_000,
        ["reverse_charge"],
    )
    private = call(update_checkout.handler, route, body(None), id=created["id"]).json
    assert (private["totals"], message_codes(private)) == (created["totals"], [])


def test_cart_of_a_business_is_priced_with_reverse_charge() -> None:
    request_body = {
        "line_items": lines(("mug.1", 1)),
        "buyer": {"tax_id": POLISH},
        "context": {"address_country": "FR"},
    }
    cart = call(create_cart.handler, "POST /carts", request_body).json
    assert_valid_ucp("cart", cart)
    assert (amounts_by_type(cart)["subtotal"], message_codes(cart)) == (10_000, ["reverse_charge"])
