"""The tax of carts, checkouts and orders by rate, as a shopper reads it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest

from functions.cart import create_cart
from functions.checkout import complete_checkout, create_checkout
from functions.orders import get_order
from tests.kit.products import (
    ADDRESS,
    address_in,
    checkout_body,
    lines,
    mug,
    payment_body,
    publish_with_stock,
)
from tests.kit.shop import call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

GOODS = (("mug.1", 1), ("book.1", 3))


@pytest.fixture(autouse=True)
def _published_goods(cloud: None) -> None:
    publish_with_stock(mug(price=5_000), pieces=50)
    book = mug("book", price=999)
    reduced = tuple(replace(variant, tax_class="reduced") for variant in book.variants)
    publish_with_stock(replace(book, variants=reduced), pieces=50)


def checkout_to(country: str, region: str | None = None) -> dict[str, Any]:
    body = checkout_body(*GOODS)
    address = {**ADDRESS, "address_country": country}
    if region is None:
        del address["address_region"]
    else:
        address = address_in(region, country)
    body["fulfillment"]["methods"][0]["destinations"] = [address]
    response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    assert_valid_ucp("checkout", response.json)
    return dict(response.json)


def test_included_tax_is_shown_by_rate_and_sums_to_the_total() -> None:
    checkout = checkout_to("DE")
    total = checkout["totals"][-1]
    net, *rates = total["lines"]
    assert [rate["display_text"] for rate in rates] == ["MwSt 19 %", "MwSt 7 %"]
    # 50.00 at 19 % and 29.97 at 7 %, and shipping in the same proportion; each rounded once.
    shipping = sum(e["amount"] for e in checkout["totals"] if e["type"] == "fulfillment")
    assert shipping == 649
    assert rates[0]["amount"] == round(5_000 * 19 / 119) + round(406 * 19 / 119)
    assert rates[1]["amount"] == round(2_997 * 7 / 107) + round(243 * 7 / 107)
    assert net["amount"] + sum(rate["amount"] for rate in rates) == total["amount"]
    tax = sum(rate["amount"] for rate in rates)
    assert total["display_text"].startswith(
        f"Total (includes tax of {tax / 100:.2f} {checkout['currency']}: MwSt 19 % "
    )


def test_order_shows_the_same_tax_as_its_checkout() -> None:
    checkout = checkout_to("DE")
    route = "POST /checkout-sessions/{id}/complete"
    completed = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"]
    ).json
    order = call(get_order.handler, "GET /orders/{id}", id=completed["order"]["id"]).json
    assert_valid_ucp("order", order)
    assert order["totals"][-1] == checkout["totals"][-1]


def test_cart_with_a_destination_shows_the_tax_by_rate() -> None:
    body = {"line_items": lines(*GOODS), "context": {"address_country": "DE"}}
    response = call(create_cart.handler, "POST /carts", body)
    assert response.status == 201, response.text
    assert_valid_ucp("cart", response.json)
    total = response.json["totals"][-1]
    assert [each["display_text"] for each in total["lines"]] == ["Net", "MwSt 19 %", "MwSt 7 %"]
    assert sum(each["amount"] for each in total["lines"]) == total["amount"]


def test_added_tax_is_shown_by_rate() -> None:
    checkout = checkout_to("US", "CA")
    (tax,) = [each for each in checkout["totals"] if each["type"] == "tax"]
    assert all(line["display_text"].endswith(" 7.25 %") for line in tax["lines"])
    assert tax["amount"] > 0
    assert sum(line["amount"] for line in tax["lines"]) == tax["amount"]
    assert "lines" not in checkout["totals"][-1]


def test_order_after_midnight_has_the_rate_of_its_day() -> None:
    # Given an offer of ten minutes before midnight in Berlin, the last ones of 16 %
    clock = "shop.entrypoints.http.datetime"
    with patch(clock) as late:
        late.now.return_value = datetime(2020, 12, 31, 22, 50, tzinfo=UTC)
        checkout = checkout_to("DE")
        assert [rate["display_text"] for rate in checkout["totals"][-1]["lines"][1:]] == [
            "MwSt 16 %",
            "MwSt 5 %",
        ]

    # When the buyer pays ten minutes after it
    with patch(clock) as late:
        late.now.return_value = datetime(2020, 12, 31, 23, 0, 1, tzinfo=UTC)
        route = "POST /checkout-sessions/{id}/complete"
        body = payment_body("tok_success")
        completed = call(complete_checkout.handler, route, body, id=checkout["id"])

        # Then the order has the rates of its own day, at the total that the buyer saw
        assert completed.json["status"] == "completed", completed.text
        order = call(get_order.handler, "GET /orders/{id}", id=completed.json["order"]["id"]).json
    total = order["totals"][-1]
    assert total["amount"] == checkout["totals"][-1]["amount"]
    assert [rate["display_text"] for rate in total["lines"][1:]] == ["MwSt 19 %", "MwSt 7 %"]


def rates_shown(**address: str) -> list[str]:
    """The taxes in the total of a checkout to an address in the United Kingdom."""
    body = checkout_body(*GOODS)
    unregional = {name: value for name, value in ADDRESS.items() if name != "address_region"}
    stated = {**unregional, "address_country": "GB", **address}
    body["fulfillment"]["methods"][0]["destinations"] = [stated]
    response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    assert_valid_ucp("checkout", response.json)
    total = response.json["totals"][-1]
    return [line["display_text"] for line in total.get("lines", [])[1:]]


def test_northern_ireland_is_taxed_as_a_part_of_the_union() -> None:
    shown = ["VAT 20 %", "VAT 5 %"]
    assert rates_shown(postal_code="BT1 5GS") == shown
    assert rates_shown(postal_code="bt94 5aa", address_country="United Kingdom") == shown
    assert rates_shown(postal_code="", address_country="Northern Ireland") == shown
    assert rates_shown(postal_code="SW1A 1AA") == []
    assert rates_shown(postal_code="JE2 3AB") == []
