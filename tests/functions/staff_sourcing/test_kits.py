"""A kit is sold as one article and taken from stock as its parts."""

from typing import Any

import pytest

from functions.cart import create_cart, get_cart
from functions.catalog import get_product
from functions.checkout import create_checkout
from functions.staff_orders import cancel_order, create_shipment, get_order
from functions.staff_sourcing import get_kit, set_kit
from functions.staff_stock import set_stock_level
from shop.catalog.model import Product, ProductStatus, Variant
from shop.inventory.store import DynamoStockRepository, level_cache
from shop.kernel.money import Money
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_sourcing.test_locations import BERLIN, buy, describe, held, put
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import put_secrets
from tests.kit.products import FIXED_NOW, checkout_body, lines, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

SET = {"parts": [{"sku": "POT", "quantity": 1}, {"sku": "CUP", "quantity": 4}]}


def article(name: str, pieces: int | None) -> None:
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
def tea(cloud: None) -> None:
    """5 pots and 11 cups; the tea set, which has been counted as none, is not a kit yet."""
    put_secrets()
    article("POT", 5)
    article("CUP", 11)
    article("SET", 0)


def define(sku: str, body: dict[str, Any], version: int = 1) -> ApiResponse:
    answer = call(set_kit.handler, "PUT /staff/kits/{sku+}", {**body, "version": version}, sku=sku)
    level_cache().clear()
    return answer


def kit(sku: str) -> Any:
    return call(get_kit.handler, "GET /staff/kits/{sku+}", sku=sku)


def available(product: str) -> bool:
    level_cache().clear()
    page = call(get_product.handler, "POST /catalog/product", {"id": product}, key="").json
    return bool(page["product"]["variants"][0]["availability"]["available"])


def stock() -> dict[str, tuple[int, int]]:
    """On hand and for sale of pots and cups."""
    levels = DynamoStockRepository().current_levels_by_location(["POT", "CUP"])
    return {
        sku: (sum(one.on_hand for one in found), sum(one.available for one in found))
        for sku, found in levels.items()
    }


def assert_books_balance() -> None:
    rules = ("I1", "I2", "I5")
    assert [one for one in violations(read_system_state(history=False)) if one.rule in rules] == []


def test_as_many_kits_are_for_sale_as_the_scarcest_part_makes() -> None:
    assert not available("set")
    made = define("SET", SET)
    assert (made.status, made.json["available"], made.json["version"]) == (200, 2, 2), made.text
    assert available("set")
    assert kit("SET").json == made.json
    assert held(buy(("set.1", 2))) == {("POT", 2, "main"), ("CUP", 8, "main")}
    assert not available("set")
    assert kit("SET").json["available"] == 0
    assert stock() == {"POT": (5, 3), "CUP": (11, 3)}
    assert_books_balance()


def test_kits_and_single_units_of_their_parts_are_taken_together() -> None:
    define("SET", SET)
    assert held(buy(("set.1", 2), ("cup.1", 3))) == {("POT", 2, "main"), ("CUP", 11, "main")}


@pytest.mark.parametrize("wanted", [3, 100])
def test_a_short_part_is_told_on_the_line_of_the_kit(wanted: int) -> None:
    define("SET", SET)
    made = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("set.1", wanted))
    ).json
    (short,) = [m for m in made["messages"] if m["code"] == "out_of_stock"]
    assert (short["path"], "only 2 of Set left" in short["content"]) == (
        "$.line_items[0].quantity",
        True,
    )


def test_a_kit_and_cups_that_are_short_only_together_are_both_told() -> None:
    define("SET", SET)
    cart = call(
        create_cart.handler, "POST /carts", {"line_items": lines(("set.1", 2), ("cup.1", 4))}
    ).json
    shown = call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json
    said = {m["path"]: m["content"] for m in shown["messages"] if m["code"] == "out_of_stock"}
    assert set(said) == {"$.line_items[0].quantity", "$.line_items[1].quantity"}
    assert "only 1 of Set left" in said["$.line_items[0].quantity"]
    assert "only 3 of Cup left" in said["$.line_items[1].quantity"]


def test_parts_sold_between_the_offer_and_the_purchase_are_told_on_the_line_of_the_kit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define("SET", SET)
    from functions.checkout import complete_checkout
    from tests.kit.products import payment_body

    made = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("set.1", 2)))
    assert held(buy(("cup.1", 5))) == {("CUP", 5, "main")}
    route = "POST /checkout-sessions/{id}/complete"
    said = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=made.json["id"]
    ).json
    (short,) = [m for m in said["messages"] if m["code"] == "out_of_stock"]
    assert (short["path"], short["content"]) == (
        "$.line_items[0].quantity",
        "1 of Set left; 2 wanted",
    )


def test_an_order_keeps_the_parts_it_was_sold_with_through_all_that_happens() -> None:
    define("SET", SET)
    first, second = buy(("set.1", 1)).json["order"]["id"], buy(("set.1", 1)).json["order"]["id"]
    changed = define("SET", {"parts": [{"sku": "POT", "quantity": 5}]}, version=2)
    assert (changed.status, changed.json["available"]) == (200, 0)
    shown = call(get_order.handler, "GET /staff/orders/{id}", id=first).json
    assert shown["lines"][0]["parts"] == {"POT": 1, "CUP": 4}
    body = {"carrier": "ups", "tracking_number": "1Z0001"}
    sent = call(create_shipment.handler, "POST /staff/orders/{id}/parcels", body, id=first, key="")
    assert sent.status == 201, sent.text
    assert stock() == {"POT": (4, 3), "CUP": (7, 3)}
    route = "POST /staff/orders/{id}/cancel"
    gone = call(cancel_order.handler, route, {"reason": "ordered twice"}, id=second)
    assert gone.status == 200, gone.text
    assert stock() == {"POT": (4, 4), "CUP": (7, 7)}
    assert DynamoOrderRepository().get_by_id(first).lines[0].parts == (("POT", 1), ("CUP", 4))
    assert_books_balance()


def test_what_is_a_kit_gets_no_goods_anywhere_until_it_is_none_any_more() -> None:
    define("SET", SET)

    def counted(location: str, version: int) -> ApiResponse:
        body = {"on_hand": 3, "version": version, "location": location}
        return call(set_stock_level.handler, "PUT /staff/stock/{sku+}", body, sku="SET", key="")

    describe("berlin", {**BERLIN, "version": 0})
    for answer in (counted("main", 2), counted("berlin", 0)):
        assert (answer.status, answer.json["errors"][0]["code"]) == (409, "kit_has_no_stock")
    assert DynamoStockRepository().level("SET", "berlin").version == 0
    assert define("SET", {"parts": []}, version=2).json["parts"] == []
    assert counted("berlin", 0).status == 200
    assert counted("main", 3).status == 200


def test_a_kit_is_one_wherever_a_shelf_of_it_was_and_wherever_the_shop_ships_from() -> None:
    describe("berlin", {**BERLIN, "version": 0})
    put("SET", 1, "berlin")
    body = {"on_hand": 0, "version": 1, "location": "berlin"}
    assert (
        call(set_stock_level.handler, "PUT /staff/stock/{sku+}", body, sku="SET", key="").status
        == 200
    )
    assert define("SET", SET).json["available"] == 2
    put("POT", 1, "berlin")
    put("CUP", 4, "berlin")
    describe("main", {"country": "US", "ships": False, "version": 0})
    assert kit("SET").json["available"] == 1
    assert held(buy(("set.1", 1))) == {("POT", 1, "berlin"), ("CUP", 4, "berlin")}


def test_what_has_goods_is_no_kit_and_what_is_a_part_is_none_and_has_none() -> None:
    assert define("POT", {"parts": [{"sku": "CUP", "quantity": 2}]}).json["errors"][0]["code"] == (
        "kit_has_stock"
    )
    describe("berlin", {**BERLIN, "version": 0})
    put("SET", 1, "berlin")
    elsewhere = define("SET", SET)
    assert (elsewhere.status, elsewhere.json["errors"][0]["code"]) == (409, "kit_has_stock")
    article("BOX", 0)
    article("BAG", 0)
    assert define("BOX", {"parts": [{"sku": "BAG", "quantity": 1}]}).status == 200
    part = define("BAG", SET)
    assert (part.status, part.json["errors"][0]["code"]) == (409, "sku_is_part")
    article("CRATE", 0)
    kit_in_kit = define("CRATE", {"parts": [{"sku": "BOX", "quantity": 1}]})
    assert (kit_in_kit.status, kit_in_kit.json["errors"][0]["code"]) == (409, "part_is_kit")
    assert define("BOX", {"parts": []}, version=2).status == 200
    assert define("BAG", SET).status == 200  # no part any more
    assert define("CRATE", {"parts": [{"sku": "BOX", "quantity": 1}]}).status == 200


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"parts": [{"sku": "POT", "quantity": 0}]}, None, "$.parts[0].quantity"),
        ({"parts": [{"sku": "PAN", "quantity": 1}]}, "sku_unknown", "$.parts[0].sku"),
        ({"parts": [{"sku": "SET", "quantity": 1}]}, None, "$.parts"),
        ({"parts": [{"sku": "POT", "quantity": 1}] * 2}, "duplicate", "$.parts[1].sku"),
        ({"parts": []}, None, "$.parts"),
        ({}, None, "$.parts"),
        ({"parts": [{"sku": "POT", "quantity": 1}] * 26}, None, "$.parts"),
    ],
)
def test_what_is_wrong_with_a_kit_is_named(
    body: dict[str, Any], code: str | None, path: str
) -> None:
    answer = define("SET", body)
    assert answer.status == 400, answer.text
    assert [each["path"] for each in answer.json["errors"]] == [path]
    assert code in (None, answer.json["errors"][0]["code"])
    assert kit("SET").json["parts"] == []


def test_a_kit_is_changed_from_the_version_that_was_read_and_nobodys_sku_is_none() -> None:
    assert define("SET", SET, version=0).status == 409
    assert define("SET", SET).status == 200
    assert define("SET", SET).status == 409
    assert define("PAN", SET, version=0).status == 404
    assert kit("PAN").status == 404
