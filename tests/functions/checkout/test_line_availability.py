"""A cart and a checkout state for each line whether the stock covers its quantity, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.cart import create_cart, get_cart, update_cart
from functions.checkout import (
    cancel_checkout,
    complete_checkout,
    create_checkout,
    get_checkout,
    update_checkout,
)
from shop.cart.model import Message, line_availability
from shop.inventory.model import BackorderKind, BackorderTerms
from shop.inventory.store import DynamoStockRepository
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import call

pytestmark = pytest.mark.usefixtures("cloud")

DAY = (datetime.now(UTC) + timedelta(days=30)).date()
RED, BLUE = "mug.1", "mug.2"


@pytest.fixture(autouse=True)
def three_mugs(cloud: None) -> None:
    """Three red and three blue mugs."""
    publish_with_stock(mug(), pieces=3)


def sell_ahead(sku: str, kind: BackorderKind = BackorderKind.BACK_ORDER, limit: int = 5) -> None:
    stock = DynamoStockRepository()
    stock.set_backorder_terms(BackorderTerms(kind, limit, DAY), stock.level(sku))


def statuses(response: dict[str, Any]) -> list[Any]:
    return [line.get("availability") for line in response["line_items"]]


def shown(status: str) -> dict[str, Any]:
    return {"available": status != "out_of_stock", "status": status}


def cart_with(*wanted: tuple[str, int]) -> dict[str, Any]:
    created = call(create_cart.handler, "POST /carts", {"line_items": lines(*wanted)}).json
    cart: dict[str, Any] = call(get_cart.handler, "GET /carts/{id}", id=created["id"]).json
    return cart


def checkout_with(*wanted: tuple[str, int]) -> dict[str, Any]:
    response = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(*wanted))
    assert response.status == 201, response.text
    checkout: dict[str, Any] = response.json
    return checkout


@pytest.mark.parametrize("make", [cart_with, checkout_with])
def test_line_states_whether_its_quantity_is_in_stock(make: Any) -> None:
    assert statuses(make((RED, 3), (BLUE, 1))) == [shown("in_stock"), shown("in_stock")]
    assert statuses(make((RED, 4), (BLUE, 1))) == [shown("out_of_stock"), shown("in_stock")]


@pytest.mark.parametrize("make", [cart_with, checkout_with])
@pytest.mark.parametrize(
    ("kind", "status"),
    [(BackorderKind.BACK_ORDER, "backorder"), (BackorderKind.PRE_ORDER, "preorder")],
)
def test_units_that_are_sold_ahead_have_the_status_of_the_product_page(
    make: Any, kind: BackorderKind, status: str
) -> None:
    sell_ahead("MUG-RED", kind)
    assert statuses(make((RED, 3), (BLUE, 1))) == [shown("in_stock"), shown("in_stock")]
    assert statuses(make((RED, 4), (BLUE, 1))) == [shown(status), shown("in_stock")]
    # Three in stock and five ahead
    assert statuses(make((RED, 9), (BLUE, 1))) == [shown("out_of_stock"), shown("in_stock")]


def test_checkout_hints_when_its_lines_leave() -> None:
    sell_ahead("MUG-BLUE")
    checkout = checkout_with((RED, 1), (BLUE, 4))
    red, blue = (line["id"] for line in checkout["line_items"])
    assert checkout["fulfillment"]["available_methods"] == [
        {
            "type": "shipping",
            "line_item_ids": [red],
            "fulfillable_on": "now",
            "description": "In stock",
        },
        {
            "type": "shipping",
            "line_item_ids": [blue],
            "fulfillable_on": DAY.isoformat(),
            "description": f"Ships from {DAY.isoformat()}",
        },
    ]


def test_line_that_is_short_is_in_no_hint() -> None:
    checkout = checkout_with((RED, 4))
    assert "available_methods" not in checkout["fulfillment"]


def test_checkout_that_was_bought_or_canceled_states_no_availability() -> None:
    route = "/checkout-sessions/{id}"
    bought = checkout_with((RED, 1))
    complete = call(
        complete_checkout.handler,
        f"POST {route}/complete",
        payment_body("tok_success"),
        id=bought["id"],
    )
    left = checkout_with((BLUE, 1))
    canceled = call(cancel_checkout.handler, f"POST {route}/cancel", id=left["id"])
    for response in (complete, canceled):
        assert statuses(response.json) == [None]
        assert "available_methods" not in response.json["fulfillment"]


def test_read_of_a_checkout_states_it_as_the_change_did() -> None:
    sell_ahead("MUG-RED")
    checkout = checkout_with((RED, 4))
    read = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    assert statuses(read) == statuses(checkout) == [shown("backorder")]


def test_platform_may_send_the_lines_back_as_it_received_them() -> None:
    checkout = checkout_with((RED, 1))
    body = checkout_body((RED, 1))
    body["line_items"] = checkout["line_items"]
    body["fulfillment"]["available_methods"] = checkout["fulfillment"]["available_methods"]
    route = "PUT /checkout-sessions/{id}"
    assert call(update_checkout.handler, route, body, id=checkout["id"]).status == 200
    cart = cart_with((RED, 1))
    sent = {"line_items": cart["line_items"]}
    changed = call(update_cart.handler, "PUT /carts/{id}", sent, id=cart["id"])
    assert changed.status == 200, changed.text
    # A change of a cart reads no stock, so it states none.
    assert statuses(changed.json) == [None]


def test_kit_with_a_missing_part_is_out_of_stock() -> None:
    messages = [
        Message("error", "out_of_stock", "Short.", "$.line_items[1].quantity", "recoverable"),
        Message("warning", "backorder", "Later.", "$.line_items[1]"),
        Message("warning", "price_changed", "Dearer.", "$.line_items[0].item.price"),
        Message("warning", "backorder", "Later.", "$.line_items[10]"),
    ]
    expected = ["in_stock", "out_of_stock", *["in_stock"] * 8, "backorder"]
    assert line_availability(11, messages) == expected
