"""Kits: sold as one article and taken from stock as their parts."""

from typing import Any

import pytest

from functions.cart import create_cart, get_cart
from functions.catalog import get_product
from functions.checkout import complete_checkout, create_checkout
from functions.staff_orders import cancel_order, create_shipment, get_order
from functions.staff_sourcing import get_kit, set_kit
from functions.staff_stock import set_stock_level
from shop.catalog.model import Product, ProductStatus, Variant
from shop.inventory.store import DynamoStockRepository, level_cache
from shop.kernel.money import Money
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_sourcing.test_locations import (
    BERLIN,
    buy,
    receive_goods,
    reserved_units,
    save_location,
)
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import put_secrets
from tests.kit.products import FIXED_NOW, checkout_body, lines, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

TEA_SET = {"parts": [{"sku": "POT", "quantity": 1}, {"sku": "CUP", "quantity": 4}]}


def publish_article(name: str, pieces: int | None) -> None:
    product = Product(
        id=name.lower(),
        title=name.title(),
        handle=name.lower(),
        variants=(
            Variant(
                id=f"{name.lower()}.1",
                sku=name,
                title=name.title(),
                price=Money(2000, "USD"),
                weight_g=300,
            ),
        ),
        created_at=FIXED_NOW,
        updated_at=FIXED_NOW,
        status=ProductStatus.PUBLISHED,
    )
    publish_with_stock(product, pieces=pieces or 0)


@pytest.fixture(autouse=True)
def tea_set(cloud: None) -> None:
    """Five pots and eleven cups; the tea set has a stock level of zero and is not a kit yet."""
    put_secrets()
    publish_article("POT", 5)
    publish_article("CUP", 11)
    publish_article("SET", 0)


def save_kit(sku: str, body: dict[str, Any], version: int = 1) -> ApiResponse:
    response = call(
        set_kit.handler, "PUT /staff/kits/{sku+}", {**body, "version": version}, sku=sku
    )
    level_cache().clear()
    return response


def read_kit(sku: str) -> Any:
    return call(get_kit.handler, "GET /staff/kits/{sku+}", sku=sku)


def is_available(product: str) -> bool:
    level_cache().clear()
    page = call(get_product.handler, "POST /catalog/product", {"id": product}, key="").json
    return bool(page["product"]["variants"][0]["availability"]["available"])


def on_hand_and_available() -> dict[str, tuple[int, int]]:
    """Return the units on hand and available of pots and cups."""
    stock = DynamoStockRepository()
    levels_by_sku = {sku: stock.levels_by_location(sku) for sku in ("POT", "CUP")}
    return {
        sku: (sum(one.on_hand for one in levels), sum(one.available for one in levels))
        for sku, levels in levels_by_sku.items()
    }


def assert_invariants_hold() -> None:
    rules = ("I1", "I2", "I5")
    assert [one for one in violations(read_system_state(history=False)) if one.rule in rules] == []


def test_kit_availability_follows_the_scarcest_part() -> None:
    assert not is_available("set")
    saved = save_kit("SET", TEA_SET)
    assert (saved.status, saved.json["available"], saved.json["version"]) == (200, 2, 2), saved.text
    assert is_available("set")
    assert read_kit("SET").json == saved.json
    assert reserved_units(buy(("set.1", 2))) == {("POT", 2, "main"), ("CUP", 8, "main")}
    assert not is_available("set")
    assert read_kit("SET").json["available"] == 0
    assert on_hand_and_available() == {"POT": (5, 3), "CUP": (11, 3)}
    assert_invariants_hold()


def test_kits_and_single_units_of_their_parts_are_reserved_together() -> None:
    save_kit("SET", TEA_SET)
    assert reserved_units(buy(("set.1", 2), ("cup.1", 3))) == {
        ("POT", 2, "main"),
        ("CUP", 11, "main"),
    }


@pytest.mark.parametrize("quantity", [3, 100])
def test_short_part_is_reported_on_the_line_of_the_kit(quantity: int) -> None:
    save_kit("SET", TEA_SET)
    checkout = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("set.1", quantity))
    ).json
    (short,) = [m for m in checkout["messages"] if m["code"] == "out_of_stock"]
    assert (short["path"], f"Set: 2 available, {quantity} requested." in short["content"]) == (
        "$.line_items[0].quantity",
        True,
    )


def test_kit_and_part_that_are_short_together_are_both_reported() -> None:
    save_kit("SET", TEA_SET)
    cart = call(
        create_cart.handler, "POST /carts", {"line_items": lines(("set.1", 2), ("cup.1", 4))}
    ).json
    cart_view = call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json
    messages = {
        m["path"]: m["content"] for m in cart_view["messages"] if m["code"] == "out_of_stock"
    }
    assert set(messages) == {"$.line_items[0].quantity", "$.line_items[1].quantity"}
    assert "Set: 1 available" in messages["$.line_items[0].quantity"]
    assert "Cup: 3 available" in messages["$.line_items[1].quantity"]


def test_parts_sold_since_the_offer_are_reported_on_the_line_of_the_kit() -> None:
    save_kit("SET", TEA_SET)
    checkout = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("set.1", 2)))
    assert reserved_units(buy(("cup.1", 5))) == {("CUP", 5, "main")}
    route = "POST /checkout-sessions/{id}/complete"
    completed = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=checkout.json["id"]
    ).json
    (short,) = [m for m in completed["messages"] if m["code"] == "out_of_stock"]
    assert (short["path"], short["content"]) == (
        "$.line_items[0].quantity",
        "Set: 1 available, 2 requested. Reduce the quantity.",
    )


def test_order_keeps_the_parts_it_was_sold_with() -> None:
    save_kit("SET", TEA_SET)
    first, second = buy(("set.1", 1)).json["order"]["id"], buy(("set.1", 1)).json["order"]["id"]
    # When the kit changes after two orders
    changed = save_kit("SET", {"parts": [{"sku": "POT", "quantity": 5}]}, version=2)
    assert (changed.status, changed.json["available"]) == (200, 0)
    order = call(get_order.handler, "GET /staff/orders/{id}", id=first).json
    assert order["lines"][0]["parts"] == {"POT": 1, "CUP": 4}
    # Then shipping one order and cancelling the other move the parts they were sold with
    body = {"carrier": "ups", "tracking_number": "1Z0001"}
    shipped = call(
        create_shipment.handler, "POST /staff/orders/{id}/parcels", body, id=first, key=""
    )
    assert shipped.status == 201, shipped.text
    assert on_hand_and_available() == {"POT": (4, 3), "CUP": (7, 3)}
    route = "POST /staff/orders/{id}/cancel"
    cancelled = call(cancel_order.handler, route, {"reason": "ordered twice"}, id=second)
    assert cancelled.status == 200, cancelled.text
    assert on_hand_and_available() == {"POT": (4, 4), "CUP": (7, 7)}
    assert DynamoOrderRepository().get_by_id(first).lines[0].parts == (("POT", 1), ("CUP", 4))
    assert_invariants_hold()


def test_kit_accepts_no_stock_at_any_location_until_it_ends() -> None:
    save_kit("SET", TEA_SET)

    def enter_count(location: str, version: int) -> ApiResponse:
        body = {"on_hand": 3, "version": version, "location": location}
        return call(set_stock_level.handler, "PUT /staff/stock/{sku+}", body, sku="SET", key="")

    save_location("berlin", {**BERLIN, "version": 0})
    for response in (enter_count("main", 2), enter_count("berlin", 0)):
        assert (response.status, response.json["errors"][0]["code"]) == (409, "kit_has_no_stock")
    assert DynamoStockRepository().level("SET", "berlin").version == 0
    assert save_kit("SET", {"parts": []}, version=2).json["parts"] == []
    assert enter_count("berlin", 0).status == 200
    assert enter_count("main", 3).status == 200


def test_kit_is_recognized_whatever_locations_ship_or_had_its_stock() -> None:
    save_location("berlin", {**BERLIN, "version": 0})
    receive_goods("SET", 1, "berlin")
    body = {"on_hand": 0, "version": 1, "location": "berlin"}
    assert (
        call(set_stock_level.handler, "PUT /staff/stock/{sku+}", body, sku="SET", key="").status
        == 200
    )
    assert save_kit("SET", TEA_SET).json["available"] == 2
    receive_goods("POT", 1, "berlin")
    receive_goods("CUP", 4, "berlin")
    save_location("main", {"country": "US", "ships": False, "version": 0})
    assert read_kit("SET").json["available"] == 1
    assert reserved_units(buy(("set.1", 1))) == {("POT", 1, "berlin"), ("CUP", 4, "berlin")}


def test_sku_with_stock_and_part_cannot_become_kits() -> None:
    assert save_kit("POT", {"parts": [{"sku": "CUP", "quantity": 2}]}).json["errors"][0][
        "code"
    ] == ("kit_has_stock")
    save_location("berlin", {**BERLIN, "version": 0})
    receive_goods("SET", 1, "berlin")
    at_berlin = save_kit("SET", TEA_SET)
    assert (at_berlin.status, at_berlin.json["errors"][0]["code"]) == (409, "kit_has_stock")
    publish_article("BOX", 0)
    publish_article("BAG", 0)
    assert save_kit("BOX", {"parts": [{"sku": "BAG", "quantity": 1}]}).status == 200
    of_part = save_kit("BAG", TEA_SET)
    assert (of_part.status, of_part.json["errors"][0]["code"]) == (409, "sku_is_part")
    publish_article("CRATE", 0)
    nested = save_kit("CRATE", {"parts": [{"sku": "BOX", "quantity": 1}]})
    assert (nested.status, nested.json["errors"][0]["code"]) == (409, "part_is_kit")
    assert save_kit("BOX", {"parts": []}, version=2).status == 200
    assert save_kit("BAG", TEA_SET).status == 200  # not a part any more
    assert save_kit("CRATE", {"parts": [{"sku": "BOX", "quantity": 1}]}).status == 200


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"parts": [{"sku": "POT", "quantity": 0}]}, None, "$.parts[0].quantity"),
        ({"parts": [{"sku": "PAN", "quantity": 1}]}, "sku_unknown", "$.parts[0].sku"),
        ({"parts": [{"sku": "SET", "quantity": 1}]}, "part_is_kit", "$.parts"),
        ({"parts": [{"sku": "POT", "quantity": 1}] * 2}, "duplicate", "$.parts[1].sku"),
        ({"parts": []}, "missing", "$.parts"),
        ({}, None, "$.parts"),
        ({"parts": [{"sku": "POT", "quantity": 1}] * 26}, None, "$.parts"),
    ],
)
def test_invalid_kit_is_rejected_with_the_path_of_the_problem(
    body: dict[str, Any], code: str | None, path: str
) -> None:
    response = save_kit("SET", body)
    assert response.status == 400, response.text
    assert [each["path"] for each in response.json["errors"]] == [path]
    assert code in (None, response.json["errors"][0]["code"])
    assert read_kit("SET").json["parts"] == []


def test_kit_expects_the_version_and_a_sku_of_a_product() -> None:
    assert save_kit("SET", TEA_SET, version=0).status == 409
    assert save_kit("SET", TEA_SET).status == 200
    assert save_kit("SET", TEA_SET).status == 409
    assert save_kit("PAN", TEA_SET, version=0).status == 404
    assert read_kit("PAN").status == 404
