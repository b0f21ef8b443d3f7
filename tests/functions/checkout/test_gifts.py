"""Something given along: a line that costs nothing, out of stock like any other."""

from typing import Any

import pytest

from functions.cart import create_cart, update_cart
from functions.checkout import complete_checkout, create_checkout, update_checkout
from functions.staff_orders import cancel_order
from functions.staff_pricing import create_promotion, publish_promotion
from functions.staff_sourcing import set_kit
from shop.inventory.store import DynamoStockRepository, level_cache
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.functions.checkout.test_customers import staff
from tests.functions.checkout.test_discounts import messages, totals
from tests.functions.staff_sourcing.test_kits import publish_article
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def promise(pieces: int, **more: Any) -> ApiResponse:
    publish_with_stock(mug("tote"), pieces=pieces)
    body = {
        "id": "bag",
        "title": "A bag along",
        "effect": {"kind": "gift", "variant": "tote.1", **more},
    }
    made = staff(create_promotion, "POST /staff/promotions", body)
    if made.status == 201:
        route = "POST /staff/promotions/{id}/schedule"
        assert staff(publish_promotion, route, {"version": 1}, id="bag").status == 200
        rule_set_cache(tax_table_cache()).clear()
    return made


def available(sku: str) -> int:
    return DynamoStockRepository().level(sku).available


def begin() -> ApiResponse:
    return call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 1)))


def complete(session: str) -> ApiResponse:
    route = "POST /checkout-sessions/{id}/complete"
    return call(complete_checkout.handler, route, payment_body("tok_success"), id=session)


def gifts(answer: ApiResponse) -> list[tuple[str, str, int, int]]:
    return [
        (line["id"], line["item"]["id"], line["quantity"], line["totals"][-1]["amount"])
        for line in answer.json["line_items"]
        if line["id"].startswith("gift:")
    ]


def test_a_gift_is_a_line_of_the_cart_that_costs_nothing() -> None:
    made = promise(3)
    assert made.json["effect"] == {
        "kind": "gift",
        "sku": "TOTE-RED",
        "title": "Enamel Mug – Red",
        "variant": "tote.1",
    }
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 2))})
    assert_valid_ucp("cart", cart.json)
    assert gifts(cart) == [("gift:bag", "tote.1", 1, 0)]
    assert totals(cart.json) == {"subtotal": 2598, "total": 2598}
    back = {"line_items": cart.json["line_items"]}
    again = call(update_cart.handler, "PUT /carts/{id}", back, id=cart.json["id"])
    assert again.status == 200, again.text
    assert gifts(again) == [("gift:bag", "tote.1", 1, 0)]
    assert len(again.json["line_items"]) == 2


@pytest.mark.parametrize(
    ("effect", "code", "path"),
    [
        ({"variant": "no.1"}, "variant_unknown", "$.effect.variant"),
        ({"variant": ""}, "variant_missing", "$.effect.variant"),
        ({"quantity": 0}, "quantity_invalid", "$.effect.quantity"),
    ],
)
def test_a_gift_that_nobody_has_is_refused(effect: dict[str, Any], code: str, path: str) -> None:
    refused = promise(1, **effect)
    assert refused.status == 400
    assert (refused.json["errors"][0]["code"], refused.json["errors"][0]["path"]) == (code, path)


def test_a_gift_is_put_aside_with_the_order_and_given_back_with_it() -> None:
    promise(3, quantity=2)
    made = begin()
    assert_valid_ucp("checkout", made.json)
    assert gifts(made) == [("gift:bag", "tote.1", 2, 0)]
    done = complete(made.json["id"])
    assert done.json["status"] == "completed", done.text
    assert available("TOTE-RED") == 1
    order_id = done.json["order"]["id"]
    order = DynamoOrderRepository().get("guest", order_id)
    line = order.lines[-1]
    assert (line.id, line.sku, line.quantity, line.total) == ("gift:bag", "TOTE-RED", 2, 0)
    assert order.total == totals(made.json)["total"]
    route = "POST /staff/orders/{id}/cancel"
    assert staff(cancel_order, route, {"reason": "changed mind"}, id=order_id).status == 200
    assert available("TOTE-RED") == 3


def test_a_gift_that_is_out_is_said_and_stands_in_nobodys_way() -> None:
    promise(0)
    made = begin()
    assert gifts(made) == []
    assert ("gift_out_of_stock") in [m["code"] for m in made.json["messages"]]
    assert made.json["status"] == "ready_for_complete"
    assert complete(made.json["id"]).json["status"] == "completed"


def test_the_last_gift_taken_by_another_is_said_before_anything_is_placed() -> None:
    promise(1)
    first, second = begin(), begin()
    assert gifts(first) == gifts(second) == [("gift:bag", "tote.1", 1, 0)]
    assert complete(first.json["id"]).json["status"] == "completed"
    told = complete(second.json["id"])
    assert told.json["status"] == "ready_for_complete", told.text
    assert gifts(told) == []
    assert "gift_out_of_stock" in [m["code"] for m in told.json["messages"]]
    assert complete(second.json["id"]).json["status"] == "completed"
    assert available("TOTE-RED") == 0


def test_what_is_bought_goes_before_what_is_given() -> None:
    promise(2)
    body = checkout_body(("tote.1", 2))
    made = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert gifts(made) == []
    assert complete(made.json["id"]).json["status"] == "completed"


def test_a_checkout_sent_back_as_it_was_shown_keeps_one_gift() -> None:
    promise(5)
    made = begin()
    body = {**checkout_body(("mug.1", 1)), "line_items": made.json["line_items"]}
    route = "PUT /checkout-sessions/{id}"
    again = call(update_checkout.handler, route, body, id=made.json["id"])
    assert_valid_ucp("checkout", again.json)
    assert gifts(again) == [("gift:bag", "tote.1", 1, 0)]
    assert messages(again) == []


def a_kit(parts: dict[str, int], bags: int) -> None:
    """The red tote is a kit from now on, and there are parts for so many."""
    for name, units in parts.items():
        publish_article(name, units * bags)
    body = {"parts": [{"sku": sku, "quantity": n} for sku, n in parts.items()], "version": 1}
    made = call(set_kit.handler, "PUT /staff/kits/{sku+}", body, sku="TOTE-RED")
    assert made.status == 200, made.text
    level_cache().clear()


def test_the_last_parts_of_a_gift_taken_by_another_are_said_before_anything_is_placed() -> None:
    promise(0)
    a_kit({"BAG": 1, "TAG": 2}, bags=1)
    first, second = begin(), begin()
    assert gifts(first) == gifts(second) == [("gift:bag", "tote.1", 1, 0)]
    assert complete(first.json["id"]).json["status"] == "completed"
    assert (available("BAG"), available("TAG")) == (0, 0)
    told = complete(second.json["id"])
    assert (told.status, told.json["status"]) == (200, "ready_for_complete"), told.text
    assert gifts(told) == []
    assert "gift_out_of_stock" in [m["code"] for m in told.json["messages"]]
    assert complete(second.json["id"]).json["status"] == "completed"
