"""A business buys: a VAT number, who owes the tax, and what the order says of it."""

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
def _goods(cloud: None) -> None:
    publish_with_stock(mug(price=12_000), pieces=50)


def body(number: Any, country: str = "FR") -> dict[str, Any]:
    asked = checkout_body(("mug.1", 1))
    place = {n: v for n, v in ADDRESS.items() if n != "address_region"}
    asked["fulfillment"]["methods"][0]["destinations"] = [{**place, "address_country": country}]
    if number is not None:
        asked["buyer"]["tax_id"] = number
    return asked


def begin(number: Any, country: str = "FR") -> ApiResponse:
    return call(create_checkout.handler, "POST /checkout-sessions", body(number, country))


def sums(raw: dict[str, Any]) -> dict[str, int]:
    return {total["type"]: total["amount"] for total in raw["totals"]}


def codes(raw: dict[str, Any]) -> list[str]:
    return [message["code"] for message in raw.get("messages", [])]


def test_a_business_of_another_member_state_owes_the_tax_itself_and_the_order_says_so() -> None:
    private = begin(None).json
    assert sums(private)["subtotal"] == 12_000
    made = begin(FRENCH)
    assert_valid_ucp("checkout", made.json)
    assert made.json["buyer"]["tax_id"] == "FR40303265045"
    assert sums(made.json)["subtotal"] == 10_000  # 120.00 with French VAT, 20 %
    assert sums(made.json).get("tax", 0) == 0
    assert sums(made.json)["total"] < sums(private)["total"]
    assert (codes(private), codes(made.json)) == ([], ["reverse_charge"])
    route = "POST /checkout-sessions/{id}/complete"
    done = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=made.json["id"]
    ).json
    assert done["status"] == "completed"
    order = call(get_order.handler, "GET /orders/{id}", id=done["order"]["id"]).json
    assert_valid_ucp("order", order)
    assert sums(order)["total"] == sums(made.json)["total"]
    (said,) = order["messages"]
    assert said["code"] == "reverse_charge"
    assert "2006/112/EC" in said["content"]


@pytest.mark.parametrize(
    ("number", "country"),
    [(GERMAN, "FR"), (FRENCH, "DE"), (GERMAN, "DE"), (FRENCH, "US"), (FRENCH, "CH")],
)
def test_within_the_sellers_state_and_beyond_the_union_a_vat_number_changes_nothing(
    number: str, country: str
) -> None:
    private, business = begin(None, country).json, begin(number, country).json
    assert business["totals"] == private["totals"]
    assert "reverse_charge" not in codes(business)


@pytest.mark.parametrize("number", ["FR40303265046", "12345", "", "US12345678", "F" * 31, 7])
def test_what_is_no_vat_number_is_refused_with_its_place(number: Any) -> None:
    refused = begin(number)
    assert refused.status == 400, refused.text
    assert refused.json["messages"][0]["path"] == "$.buyer.tax_id"


def test_a_number_given_later_changes_the_price_and_one_taken_back_too() -> None:
    made = begin(None).json
    route = "PUT /checkout-sessions/{id}"
    business = call(update_checkout.handler, route, body(POLISH), id=made["id"]).json
    assert (sums(business)["subtotal"], codes(business)) == (10_000, ["reverse_charge"])
    private = call(update_checkout.handler, route, body(None), id=made["id"]).json
    assert (private["totals"], codes(private)) == (made["totals"], [])


def test_a_cart_of_a_business_is_priced_like_its_checkout() -> None:
    asked = {
        "line_items": lines(("mug.1", 1)),
        "buyer": {"tax_id": POLISH},
        "context": {"address_country": "FR"},
    }
    cart = call(create_cart.handler, "POST /carts", asked).json
    assert_valid_ucp("cart", cart)
    assert (sums(cart)["subtotal"], codes(cart)) == (10_000, ["reverse_charge"])
