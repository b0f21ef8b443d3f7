"""Goods are sold before they are here: told with their day, put aside when they come."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from functions.cart import create_cart, get_cart
from functions.catalog import get_product
from functions.checkout import complete_checkout, create_checkout
from functions.orders import get_order
from functions.scheduled import allocate_backorders
from functions.staff_orders import cancel_order, create_shipment
from functions.staff_orders import get_order as look_at_order
from functions.staff_sourcing import get_backorder_terms, set_backorder_terms, set_kit
from functions.staff_stock import create_stock_movement
from functions.workflows import compensate_shipment
from shop.checkout.actions import complete as complete_action
from shop.checkout.model import MAX_ROWS_PER_TRANSACTION
from shop.inventory.store import DynamoStockRepository, level_cache
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_sourcing.test_kits import article
from tests.functions.staff_sourcing.test_locations import buy
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import put_secrets
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

pytestmark = pytest.mark.usefixtures("cloud")

DAY = (datetime.now(UTC) + timedelta(days=30)).date()
TERMS: dict[str, Any] = {"kind": "back_order", "limit": 3, "ships_from": DAY.isoformat()}


@pytest.fixture(autouse=True)
def two_mugs(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two red and two blue mugs, and a till that remembers nothing of the test before."""
    till = replace(complete_checkout.deps, stock=DynamoStockRepository())
    monkeypatch.setattr(complete_checkout, "deps", till)
    put_secrets()
    publish_with_stock(mug(), pieces=2)


def agree(body: dict[str, Any], version: int = 1, sku: str = "MUG-RED") -> ApiResponse:
    body = {**body, "version": version}
    answer = call(set_backorder_terms.handler, "PUT /staff/stock-terms/{sku+}", body, sku=sku)
    level_cache().clear()
    return answer


def terms(sku: str = "MUG-RED") -> Any:
    return call(get_backorder_terms.handler, "GET /staff/stock-terms/{sku+}", sku=sku).json


def page() -> dict[str, Any]:
    level_cache().clear()
    shown = call(get_product.handler, "POST /catalog/product", {"id": "mug.1"}, key="").json
    (red,) = [one for one in shown["product"]["variants"] if one["id"] == "mug.1"]
    found: dict[str, Any] = red["availability"]
    return found


def receive(units: int, sku: str = "MUG-RED") -> None:
    version = DynamoStockRepository().level(sku).version
    body = {"kind": "receive", "sku": sku, "units": units, "version": version, "reason": "truck"}
    answer = call(create_stock_movement.handler, "POST /staff/stock-movements", body, key="")
    assert answer.status in (200, 201), answer.text


def cover() -> Any:
    return allocate_backorders.handler({}, Context())


def staff_view(order_id: str) -> Any:
    return call(look_at_order.handler, "GET /staff/orders/{id}", id=order_id).json


def ship(order_id: str, **more: Any) -> ApiResponse:
    body = {"carrier": "ups", "tracking_number": f"1Z{order_id[-6:]}", **more}
    return call(
        create_shipment.handler, "POST /staff/orders/{id}/parcels", body, id=order_id, key=""
    )


def bought(*wanted: tuple[str, int]) -> str:
    answer = buy(*wanted)
    assert answer.json["status"] == "completed", answer.text
    return str(answer.json["order"]["id"])


def assert_books_balance() -> None:
    rules = ("I1", "I2", "I5")
    assert [one for one in violations(read_system_state(history=False)) if one.rule in rules] == []


def test_a_page_says_whether_goods_are_here_to_come_or_gone() -> None:
    assert page() == {"available": True, "status": "in_stock"}
    bought(("mug.1", 2))
    assert page() == {"available": False, "status": "out_of_stock"}
    made = agree(TERMS)
    assert (made.status, made.json["limit"], made.json["version"]) == (200, 3, 2), made.text
    assert page() == {"available": True, "status": "backorder"}
    agree({**TERMS, "kind": "pre_order"}, version=2)
    assert page() == {"available": True, "status": "preorder"}
    bought(("mug.1", 3))
    assert page() == {"available": False, "status": "out_of_stock"}
    assert terms()["backordered"] == 3


def test_the_buyer_is_told_the_day_before_and_after_buying() -> None:
    agree(TERMS)
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 4))}).json
    shown = call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json
    made = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 4)))
    for answer in (shown, made.json):
        (said,) = [m for m in answer["messages"] if m["code"] == "backorder"]
        assert (said["type"], said["path"]) == ("warning", "$.line_items[0]")
        assert f"2 of Enamel Mug – Red are still to come and ship from {DAY}" in said["content"]
    assert made.json["status"] == "ready_for_complete"
    order_id = bought(("mug.1", 4))
    (line,) = staff_view(order_id)["lines"]
    assert (line["backordered"], line["ships_from"]) == (2, DAY.isoformat())
    view = call(get_order.handler, "GET /orders/{id}", id=order_id).json
    assert [
        (one["line_items"][0]["quantity"], one["fulfillable_on"])
        for one in view["fulfillment"]["expectations"]
    ] == [(2, "now"), (2, f"{DAY}T00:00:00Z")]
    assert_books_balance()


def test_no_more_than_the_limit_is_sold_and_only_until_its_end() -> None:
    agree(TERMS)
    said = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 6))
    ).json
    (short,) = [m for m in said["messages"] if m["code"] == "out_of_stock"]
    assert "only 5 of" in short["content"]
    bought(("mug.1", 4))
    assert buy(("mug.1", 2)).json["status"] == "incomplete"
    bought(("mug.1", 1))


@pytest.mark.parametrize("rows", [MAX_ROWS_PER_TRANSACTION, 0])
def test_goods_sold_out_since_the_offer_are_not_ordered_ahead_unsaid(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where the order has more articles than one transaction carries."""
    made = sold_out_since_the_offer()
    monkeypatch.setattr(complete_action, "MAX_ROWS_PER_TRANSACTION", rows)
    told = complete(made)
    assert [m["code"] for m in told["messages"]] == ["backorder"], told
    assert told["status"] == "ready_for_complete"
    assert terms()["backordered"] == 0
    assert complete(made)["status"] == "completed"
    assert terms()["backordered"] == 2


def test_goods_that_go_while_a_large_order_is_placed_are_not_ordered_ahead_unsaid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = sold_out_since_the_offer()
    monkeypatch.setattr(complete_action, "MAX_ROWS_PER_TRANSACTION", 0)
    with monkeypatch.context() as just_before:
        just_before.setattr(complete_action, "_late", lambda holds, offer: set())
        told = complete(made)
    assert [m["code"] for m in told["messages"]] == ["out_of_stock"], told
    assert (terms()["backordered"], DynamoOrderRepository().list_awaiting_stock()) == (0, [])
    assert [m["code"] for m in complete(made)["messages"]] == ["backorder"]
    assert complete(made)["status"] == "completed"
    assert terms()["backordered"] == 2
    assert_books_balance()


def sold_out_since_the_offer() -> str:
    """A checkout of two that are here, until somebody else buys them; they may be ordered ahead."""
    agree(TERMS)
    body = checkout_body(("mug.1", 2))
    made = call(create_checkout.handler, "POST /checkout-sessions", body).json
    assert "messages" not in made
    bought(("mug.1", 2))
    return str(made["id"])


def complete(session: str) -> Any:
    route = "POST /checkout-sessions/{id}/complete"
    return call(complete_checkout.handler, route, payment_body("tok_success"), id=session).json


def test_who_waits_is_served_before_who_comes_later_and_ships_only_then() -> None:
    bought(("mug.1", 2))
    agree(TERMS)
    first, second = bought(("mug.1", 1)), bought(("mug.1", 2))
    for order_id in (first, second):
        refused = ship(order_id)
        assert (refused.status, refused.json["errors"][0]["code"]) == (409, "stock_awaited")
    receive(2)
    assert page()["status"] == "out_of_stock"
    assert cover() == {"waiting": 2, "covered": 1}
    assert (
        staff_view(first)["lines"][0]["backordered"],
        DynamoOrderRepository().list_awaiting_stock(),
    ) == (0, [second])
    assert ship(first).status == 201
    assert ship(second).status == 409
    receive(4)
    assert cover() == {"waiting": 1, "covered": 1}
    assert cover() == {"waiting": 0, "covered": 0}
    assert ship(second).status == 201
    assert terms() | {"version": 0} == {
        "sku": "MUG-RED",
        "location": "main",
        **TERMS,
        "backordered": 0,
        "earmarked": 0,
        "available": 3,
        "version": 0,
    }
    assert_books_balance()


def test_what_is_here_is_shipped_before_the_rest_comes() -> None:
    agree(TERMS)
    order_id = bought(("mug.1", 3))
    line = staff_view(order_id)["lines"][0]["id"]
    assert ship(order_id, lines=[{"id": line, "quantity": 3}]).status == 409
    assert ship(order_id, lines=[{"id": line, "quantity": 2}]).status == 201
    assert staff_view(order_id)["lines"][0]["backordered"] == 1
    assert_books_balance()


def test_goods_that_staff_only_counted_go_to_who_waits_too() -> None:
    bought(("mug.1", 2))
    agree(TERMS)
    order_id = bought(("mug.1", 1))
    version = DynamoStockRepository().level("MUG-RED").version
    body = {
        "kind": "adjust",
        "sku": "MUG-RED",
        "delta": 1,
        "version": version,
        "reason": "found one",
    }
    assert (
        call(create_stock_movement.handler, "POST /staff/stock-movements", body, key="").status
        < 300
    )
    assert cover() == {"waiting": 1, "covered": 1}
    assert not DynamoOrderRepository().get_by_id(order_id).is_awaiting_stock
    assert_books_balance()


def test_who_calls_off_frees_the_limit_and_what_was_put_aside() -> None:
    bought(("mug.1", 2))
    agree(TERMS)
    order_id = bought(("mug.1", 3))
    receive(2)
    route = "POST /staff/orders/{id}/cancel"
    assert call(cancel_order.handler, route, {"reason": "changed"}, id=order_id).status == 200
    assert (terms()["backordered"], DynamoOrderRepository().list_awaiting_stock()) == (0, [])
    assert cover() == {"waiting": 0, "covered": 0}
    assert (terms()["earmarked"], terms()["available"]) == (0, 2)
    assert_books_balance()


def test_an_order_ahead_outlives_the_deadline_of_what_is_here() -> None:
    bought(("mug.1", 2))
    agree(TERMS)
    order_id = bought(("mug.1", 1))
    late = {"order_id": order_id, "failure": {"Error": "States.Timeout", "Cause": ""}}
    answer = compensate_shipment.handler(late, Context())
    assert (answer["goes_on"], answer["again"]) == (False, True)
    assert DynamoOrderRepository().get_by_id(order_id).status is OrderStatus.CONFIRMED


def test_a_kit_waits_for_its_parts() -> None:
    article("SET", 0)
    body = {"parts": [{"sku": "MUG-RED", "quantity": 2}], "version": 1}
    assert call(set_kit.handler, "PUT /staff/kits/{sku+}", body, sku="SET").status == 200
    agree(TERMS, version=1)
    made = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("set.1", 2)))
    assert [m["code"] for m in made.json["messages"]] == ["backorder"]
    order_id = bought(("set.1", 2))
    assert staff_view(order_id)["lines"][0]["backordered"] == 1
    receive(2)
    cover()
    assert ship(order_id).status == 201
    assert_books_balance()
    on_kit = agree(TERMS, version=2, sku="SET")
    assert (on_kit.status, on_kit.json["errors"][0]["code"]) == (409, "kit_has_no_stock")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"limit": -1}, "$.limit"),
        ({"kind": "someday"}, "$.kind"),
        ({"ships_from": "2026-13-01"}, "$.ships_from"),
        ({"ships_from": date(2020, 1, 1).isoformat()}, "$.ships_from"),
        ({"until": "2020-01-01T00:00:00Z"}, "$.until"),
        ({"until": "tomorrow"}, "$.until"),
        ({"colour": "red"}, "$.colour"),
    ],
)
def test_what_is_wrong_with_terms_is_named(more: dict[str, Any], path: str) -> None:
    answer = agree({**TERMS, **more})
    assert answer.status == 400, answer.text
    assert [each["path"] for each in answer.json["errors"]] == [path]
    assert "limit" not in terms()


def test_terms_are_set_from_the_version_that_was_read_and_not_below_what_was_sold() -> None:
    assert agree(TERMS, version=0).status == 409
    assert agree(TERMS, sku="NOBODYS", version=0).status == 404
    assert agree({**TERMS, "location": "paris"}).status == 404
    bought(("mug.1", 2))
    agree(TERMS)
    bought(("mug.1", 2))
    low = agree({**TERMS, "limit": 1}, version=2)
    assert (low.status, low.json["errors"][0]["code"]) == (409, "stock_promised")
    assert agree({**TERMS, "limit": 2}, version=2).status == 200
    assert page()["status"] == "out_of_stock"
