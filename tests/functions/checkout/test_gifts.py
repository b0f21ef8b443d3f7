"""Gifts: lines at price zero whose stock is reserved like that of any other line."""

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
from tests.functions.checkout.test_customer_prices import staff
from tests.functions.checkout.test_discounts import messages, totals
from tests.functions.staff_sourcing.test_kits import publish_article
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _published_mug(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def publish_gift(units: int, **more: Any) -> ApiResponse:
    publish_with_stock(mug("tote"), pieces=units)
    body = {
        "id": "bag",
        "title": "A bag along",
        "effect": {"kind": "gift", "variant": "tote.1", **more},
    }
    created = staff(create_promotion, "POST /staff/promotions", body)
    if created.status == 201:
        route = "POST /staff/promotions/{id}/schedule"
        assert staff(publish_promotion, route, {"version": 1}, id="bag").status == 200
        rule_set_cache(tax_table_cache()).clear()
    return created


def available(sku: str) -> int:
    return DynamoStockRepository().level(sku).available


def create() -> ApiResponse:
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


def test_gift_is_a_cart_line_at_price_zero() -> None:
    created = publish_gift(3)
    assert created.json["effect"] == {
        "kind": "gift",
        "sku": "TOTE-RED",
        "title": "Enamel Mug – Red",
        "variant": "tote.1",
        "quantity": 1,
        "value": [],
    }
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 2))})
    assert_valid_ucp("cart", cart.json)
    assert gifts(cart) == [("gift:bag", "tote.1", 1, 0)]
    assert totals(cart.json) == {"subtotal": 2598, "total": 2598}
    body = {"line_items": cart.json["line_items"]}
    updated = call(update_cart.handler, "PUT /carts/{id}", body, id=cart.json["id"])
    assert updated.status == 200, updated.text
    assert gifts(updated) == [("gift:bag", "tote.1", 1, 0)]
    assert len(updated.json["line_items"]) == 2


@pytest.mark.parametrize(
    ("effect", "code", "path"),
    [
        ({"variant": "no.1"}, "variant_unknown", "$.effect.variant"),
        ({"variant": ""}, "missing", "$.effect.variant"),
        ({"quantity": 0}, "quantity_invalid", "$.effect.quantity"),
    ],
)
def test_invalid_gift_effect_is_rejected(effect: dict[str, Any], code: str, path: str) -> None:
    rejected = publish_gift(1, **effect)
    assert rejected.status == 400
    assert (rejected.json["errors"][0]["code"], rejected.json["errors"][0]["path"]) == (code, path)


def test_gift_is_reserved_and_released_with_the_order() -> None:
    publish_gift(3, quantity=2)
    created = create()
    assert_valid_ucp("checkout", created.json)
    assert gifts(created) == [("gift:bag", "tote.1", 2, 0)]
    completed = complete(created.json["id"])
    assert completed.json["status"] == "completed", completed.text
    assert available("TOTE-RED") == 1
    order_id = completed.json["order"]["id"]
    order = DynamoOrderRepository().get("guest", order_id)
    line = order.lines[-1]
    assert (line.id, line.sku, line.quantity, line.total) == ("gift:bag", "TOTE-RED", 2, 0)
    assert order.total == totals(created.json)["total"]
    route = "POST /staff/orders/{id}/cancel"
    assert staff(cancel_order, route, {"reason": "changed mind"}, id=order_id).status == 200
    assert available("TOTE-RED") == 3


def test_gift_out_of_stock_is_reported_and_does_not_block() -> None:
    publish_gift(0)
    created = create()
    assert gifts(created) == []
    assert ("gift_out_of_stock") in [m["code"] for m in created.json["messages"]]
    assert created.json["status"] == "ready_for_complete"
    assert complete(created.json["id"]).json["status"] == "completed"


def test_gift_lost_to_another_buyer_is_reported_before_placing() -> None:
    publish_gift(1)
    first, second = create(), create()
    assert gifts(first) == gifts(second) == [("gift:bag", "tote.1", 1, 0)]
    assert complete(first.json["id"]).json["status"] == "completed"
    rejected = complete(second.json["id"])
    assert rejected.json["status"] == "ready_for_complete", rejected.text
    assert gifts(rejected) == []
    assert "gift_out_of_stock" in [m["code"] for m in rejected.json["messages"]]
    assert complete(second.json["id"]).json["status"] == "completed"
    assert available("TOTE-RED") == 0


def test_purchased_units_have_precedence_over_gifts() -> None:
    publish_gift(2)
    body = checkout_body(("tote.1", 2))
    created = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert gifts(created) == []
    assert complete(created.json["id"]).json["status"] == "completed"


def test_gift_lines_sent_back_are_ignored() -> None:
    publish_gift(5)
    created = create()
    body = {**checkout_body(("mug.1", 1)), "line_items": created.json["line_items"]}
    route = "PUT /checkout-sessions/{id}"
    updated = call(update_checkout.handler, route, body, id=created.json["id"])
    assert_valid_ucp("checkout", updated.json)
    assert gifts(updated) == [("gift:bag", "tote.1", 1, 0)]
    assert messages(updated) == []


def make_tote_a_kit(parts: dict[str, int], bags: int) -> None:
    """Turn the red tote into a kit, with stock of parts for this many bags."""
    for name, units in parts.items():
        publish_article(name, units * bags)
    body = {"parts": [{"sku": sku, "quantity": n} for sku, n in parts.items()], "version": 1}
    created = call(set_kit.handler, "PUT /staff/kits/{sku+}", body, sku="TOTE-RED")
    assert created.status == 200, created.text
    level_cache().clear()


def test_gift_kit_lost_to_another_buyer_is_reported_before_placing() -> None:
    publish_gift(0)
    make_tote_a_kit({"BAG": 1, "TAG": 2}, bags=1)
    first, second = create(), create()
    assert gifts(first) == gifts(second) == [("gift:bag", "tote.1", 1, 0)]
    assert complete(first.json["id"]).json["status"] == "completed"
    assert (available("BAG"), available("TAG")) == (0, 0)
    rejected = complete(second.json["id"])
    assert (rejected.status, rejected.json["status"]) == (200, "ready_for_complete"), rejected.text
    assert gifts(rejected) == []
    assert "gift_out_of_stock" in [m["code"] for m in rejected.json["messages"]]
    assert complete(second.json["id"]).json["status"] == "completed"
