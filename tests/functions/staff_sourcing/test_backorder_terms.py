"""Back-orders and pre-orders: sold with a ship date, earmarked when the goods arrive."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.cart import create_cart, get_cart
from functions.catalog import get_product
from functions.checkout import complete_checkout, create_checkout
from functions.orders import get_order
from functions.scheduled import allocate_backorders
from functions.staff_orders import cancel_order, create_shipment
from functions.staff_orders import get_order as get_staff_order
from functions.staff_sourcing import get_backorder_terms, set_backorder_terms, set_kit
from functions.staff_stock import create_stock_movement
from functions.workflows import compensate_shipment
from shop.checkout.actions import placement
from shop.checkout.model import MAX_ROWS_PER_TRANSACTION
from shop.inventory.store import DynamoStockRepository, level_cache
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.pricing.actions.promotions import end_promotion
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.functions.checkout.test_discounts import run
from tests.functions.staff_sourcing.test_kits import publish_article
from tests.functions.staff_sourcing.test_locations import buy
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import put_secrets
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

pytestmark = pytest.mark.usefixtures("cloud")

DAY = (datetime.now(UTC) + timedelta(days=30)).date()
TERMS: dict[str, Any] = {"kind": "back_order", "limit": 3, "ships_from": DAY.isoformat()}


def new_york_midnight(day: date) -> str:
    """Return the first instant of a day in the market of the buyers here."""
    zone = ZoneInfo("America/New_York")
    return datetime(day.year, day.month, day.day, tzinfo=zone).isoformat()


@pytest.fixture(autouse=True)
def two_mugs(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two red and two blue mugs, and a checkout without cached snapshots of other tests."""
    deps = complete_checkout.deps
    deps = replace(deps, writes=replace(deps.writes, stock=DynamoStockRepository()))
    monkeypatch.setattr(complete_checkout, "deps", deps)
    put_secrets()
    publish_with_stock(mug(), pieces=2)


def save_terms(body: dict[str, Any], version: int = 1, sku: str = "MUG-RED") -> ApiResponse:
    body = {**body, "version": version}
    response = call(set_backorder_terms.handler, "PUT /staff/stock-terms/{sku+}", body, sku=sku)
    level_cache().clear()
    return response


def read_terms(sku: str = "MUG-RED") -> Any:
    return call(get_backorder_terms.handler, "GET /staff/stock-terms/{sku+}", sku=sku).json


def read_availability() -> dict[str, Any]:
    level_cache().clear()
    page = call(get_product.handler, "POST /catalog/product", {"id": "mug.1"}, key="").json
    (variant,) = [one for one in page["product"]["variants"] if one["id"] == "mug.1"]
    availability: dict[str, Any] = variant["availability"]
    return availability


def receive(units: int, sku: str = "MUG-RED") -> None:
    version = DynamoStockRepository().level(sku).version
    body = {"kind": "receive", "sku": sku, "units": units, "version": version, "reason": "truck"}
    response = call(create_stock_movement.handler, "POST /staff/stock-movements", body, key="")
    assert response.status in (200, 201), response.text


def run_allocation() -> Any:
    return allocate_backorders.handler({}, Context())


def read_order(order_id: str) -> Any:
    return call(get_staff_order.handler, "GET /staff/orders/{id}", id=order_id).json


def create_parcel(order_id: str, **fields: Any) -> ApiResponse:
    body = {"carrier": "ups", "tracking_number": f"1Z{order_id[-6:]}", **fields}
    return call(
        create_shipment.handler, "POST /staff/orders/{id}/parcels", body, id=order_id, key=""
    )


def buy_completed(*items: tuple[str, int]) -> str:
    response = buy(*items)
    assert response.json["status"] == "completed", response.text
    return str(response.json["order"]["id"])


def assert_invariants_hold() -> None:
    rules = ("I1", "I2", "I5")
    assert [one for one in violations(read_system_state(history=False)) if one.rule in rules] == []


def test_product_page_shows_stock_back_order_pre_order_and_sold_out() -> None:
    assert read_availability() == {"available": True, "status": "in_stock"}
    buy_completed(("mug.1", 2))
    assert read_availability() == {"available": False, "status": "out_of_stock"}
    saved = save_terms(TERMS)
    assert (saved.status, saved.json["limit"], saved.json["version"]) == (200, 3, 2), saved.text
    assert read_availability() == {"available": True, "status": "backorder"}
    save_terms({**TERMS, "kind": "pre_order"}, version=2)
    assert read_availability() == {"available": True, "status": "preorder"}
    buy_completed(("mug.1", 3))
    assert read_availability() == {"available": False, "status": "out_of_stock"}
    assert read_terms()["backordered"] == 3


def test_buyer_sees_the_ship_date_before_and_after_the_purchase() -> None:
    save_terms(TERMS)
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 4))}).json
    cart_view = call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json
    checkout = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 4)))
    for response in (cart_view, checkout.json):
        (message,) = [m for m in response["messages"] if m["code"] == "backorder"]
        assert (message["type"], message["path"]) == ("warning", "$.line_items[0]")
        assert message["content"] == (
            f"Enamel Mug – Red: 2 units are not in stock. They ship from {DAY}."
        )
    assert checkout.json["status"] == "ready_for_complete"
    order_id = buy_completed(("mug.1", 4))
    (line,) = read_order(order_id)["lines"]
    assert (line["backordered"], line["ships_from"]) == (2, DAY.isoformat())
    customer_view = call(get_order.handler, "GET /orders/{id}", id=order_id).json
    assert [
        (one["line_items"][0]["quantity"], one["fulfillable_on"])
        for one in customer_view["fulfillment"]["expectations"]
    ] == [(2, "now"), (2, new_york_midnight(DAY))]
    assert_invariants_hold()


def test_no_more_than_the_limit_is_sold() -> None:
    save_terms(TERMS)
    checkout = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 6))
    ).json
    (short,) = [m for m in checkout["messages"] if m["code"] == "out_of_stock"]
    assert "5 available, 6 requested" in short["content"]
    buy_completed(("mug.1", 4))
    assert buy(("mug.1", 2)).json["status"] == "incomplete"
    buy_completed(("mug.1", 1))


@pytest.mark.parametrize("rows", [MAX_ROWS_PER_TRANSACTION, 0])
def test_units_sold_since_the_offer_need_a_confirmed_back_order(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``rows`` 0 the order is placed in batches, like one of many SKUs."""
    checkout = create_checkout_and_sell_out()
    monkeypatch.setattr(placement, "MAX_ROWS_PER_TRANSACTION", rows)
    response = complete_checkout_of(checkout)
    assert [m["code"] for m in response["messages"]] == ["backorder"], response
    assert response["status"] == "ready_for_complete"
    assert read_terms()["backordered"] == 0
    assert complete_checkout_of(checkout)["status"] == "completed"
    assert read_terms()["backordered"] == 2


def test_back_order_is_offered_while_a_cheaper_offer_still_holds() -> None:
    run(id="sale", effect={"kind": "percent_off", "off_ppm": 100_000})
    checkout = create_checkout_and_sell_out()
    end_promotion("sale", promotions=DynamoPromotionRepository(), at=datetime.now(UTC))
    rule_set_cache(tax_table_cache()).clear()
    response = complete_checkout_of(checkout)
    assert [m["code"] for m in response.get("messages", [])] == ["backorder"], response
    assert response["status"] == "ready_for_complete"
    assert complete_checkout_of(checkout)["status"] == "completed"


def test_units_sold_during_a_batched_placement_need_a_confirmed_back_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = create_checkout_and_sell_out()
    monkeypatch.setattr(placement, "MAX_ROWS_PER_TRANSACTION", 0)
    with monkeypatch.context() as patch:
        patch.setattr(placement, "_unconfirmed_backorders", lambda reservations, offer: set())
        response = complete_checkout_of(checkout)
    assert [m["code"] for m in response["messages"]] == ["out_of_stock"], response
    assert (read_terms()["backordered"], DynamoOrderRepository().list_awaiting_stock()) == (0, [])
    assert [m["code"] for m in complete_checkout_of(checkout)["messages"]] == ["backorder"]
    assert complete_checkout_of(checkout)["status"] == "completed"
    assert read_terms()["backordered"] == 2
    assert_invariants_hold()


def create_checkout_and_sell_out() -> str:
    """Create a checkout of two mugs, then sell both; two more may be back-ordered."""
    save_terms(TERMS)
    body = checkout_body(("mug.1", 2))
    checkout = call(create_checkout.handler, "POST /checkout-sessions", body).json
    assert "messages" not in checkout
    buy_completed(("mug.1", 2))
    return str(checkout["id"])


def complete_checkout_of(session_id: str) -> Any:
    route = "POST /checkout-sessions/{id}/complete"
    return call(complete_checkout.handler, route, payment_body("tok_success"), id=session_id).json


def test_waiting_orders_are_served_first_and_ship_once_covered() -> None:
    buy_completed(("mug.1", 2))
    save_terms(TERMS)
    first, second = buy_completed(("mug.1", 1)), buy_completed(("mug.1", 2))
    # Given two waiting orders, neither of which can ship yet
    for order_id in (first, second):
        early = create_parcel(order_id)
        assert (early.status, early.json["errors"][0]["code"]) == (409, "stock_awaited")
    receive(2)
    assert read_availability()["status"] == "out_of_stock"
    # When two units arrive, they serve the first order and no new buyer
    assert run_allocation() == {"waiting": 2, "allocated": 1}
    assert (
        read_order(first)["lines"][0]["backordered"],
        DynamoOrderRepository().list_awaiting_stock(),
    ) == (0, [second])
    assert create_parcel(first).status == 201
    assert create_parcel(second).status == 409
    receive(4)
    # When four more arrive, the second order is served as well
    assert run_allocation() == {"waiting": 1, "allocated": 1}
    assert run_allocation() == {"waiting": 0, "allocated": 0}
    assert create_parcel(second).status == 201
    assert read_terms() | {"version": 0} == {
        "sku": "MUG-RED",
        "location": "main",
        **TERMS,
        "backordered": 0,
        "earmarked": 0,
        "available": 3,
        "version": 0,
    }
    assert_invariants_hold()


def test_units_on_hand_ship_before_the_back_ordered_rest() -> None:
    save_terms(TERMS)
    order_id = buy_completed(("mug.1", 3))
    line = read_order(order_id)["lines"][0]["id"]
    assert create_parcel(order_id, lines=[{"id": line, "quantity": 3}]).status == 409
    assert create_parcel(order_id, lines=[{"id": line, "quantity": 2}]).status == 201
    assert read_order(order_id)["lines"][0]["backordered"] == 1
    assert_invariants_hold()


def test_units_found_by_a_count_go_to_waiting_orders() -> None:
    buy_completed(("mug.1", 2))
    save_terms(TERMS)
    order_id = buy_completed(("mug.1", 1))
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
    assert run_allocation() == {"waiting": 1, "allocated": 1}
    assert not DynamoOrderRepository().get_by_id(order_id).is_awaiting_stock
    assert_invariants_hold()


def test_cancellation_frees_the_limit_and_the_earmarked_units() -> None:
    buy_completed(("mug.1", 2))
    save_terms(TERMS)
    order_id = buy_completed(("mug.1", 3))
    receive(2)
    route = "POST /staff/orders/{id}/cancel"
    assert call(cancel_order.handler, route, {"reason": "changed"}, id=order_id).status == 200
    assert (read_terms()["backordered"], DynamoOrderRepository().list_awaiting_stock()) == (0, [])
    assert run_allocation() == {"waiting": 0, "allocated": 0}
    assert (read_terms()["earmarked"], read_terms()["available"]) == (0, 2)
    assert_invariants_hold()


def test_back_order_outlives_the_shipment_deadline_of_units_on_hand() -> None:
    buy_completed(("mug.1", 2))
    save_terms(TERMS)
    order_id = buy_completed(("mug.1", 1))
    timeout = {"order_id": order_id, "failure": {"Error": "States.Timeout", "Cause": ""}}
    response = compensate_shipment.handler(timeout, Context())
    assert (response["succeeded"], response["still_pending"]) == (False, True)
    assert DynamoOrderRepository().get_by_id(order_id).status is OrderStatus.CONFIRMED


def test_kit_waits_for_its_parts() -> None:
    publish_article("SET", 0)
    body = {"parts": [{"sku": "MUG-RED", "quantity": 2}], "version": 1}
    assert call(set_kit.handler, "PUT /staff/kits/{sku+}", body, sku="SET").status == 200
    save_terms(TERMS, version=1)
    checkout = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("set.1", 2)))
    assert [m["code"] for m in checkout.json["messages"]] == ["backorder"]
    order_id = buy_completed(("set.1", 2))
    assert read_order(order_id)["lines"][0]["backordered"] == 1
    receive(2)
    run_allocation()
    assert create_parcel(order_id).status == 201
    assert_invariants_hold()
    of_kit = save_terms(TERMS, version=2, sku="SET")
    assert (of_kit.status, of_kit.json["errors"][0]["code"]) == (409, "kit_has_no_stock")


@pytest.mark.parametrize(
    ("fields", "path"),
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
def test_invalid_terms_are_rejected_with_the_path_of_the_problem(
    fields: dict[str, Any], path: str
) -> None:
    response = save_terms({**TERMS, **fields})
    assert response.status == 400, response.text
    assert [each["path"] for each in response.json["errors"]] == [path]
    assert "limit" not in read_terms()


def test_terms_expect_the_version_and_a_limit_above_the_back_orders() -> None:
    assert save_terms(TERMS, version=0).status == 409
    assert save_terms(TERMS, sku="UNKNOWN", version=0).status == 404
    assert save_terms({**TERMS, "location": "paris"}).status == 404
    buy_completed(("mug.1", 2))
    save_terms(TERMS)
    buy_completed(("mug.1", 2))
    too_low = save_terms({**TERMS, "limit": 1}, version=2)
    assert (too_low.status, too_low.json["errors"][0]["code"]) == (409, "stock_promised")
    assert save_terms({**TERMS, "limit": 2}, version=2).status == 200
    assert read_availability()["status"] == "out_of_stock"
