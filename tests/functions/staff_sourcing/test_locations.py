"""Staff describe locations and the policy, and the shop sells from all of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.catalog import get_product
from functions.checkout import complete_checkout, create_checkout
from functions.staff_sourcing import list_locations, set_allocation_policy, set_location
from shop.inventory.model import MovementType, StockLevel, StockMovement
from shop.inventory.store import DynamoStockRepository, level_cache, locations_cache
from shop.orders.store import DynamoOrderRepository
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

BERLIN: dict[str, Any] = {"country": "DE", "latitude": 52.52, "longitude": 13.4}
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def describe(name: str, body: dict[str, Any], **more: Any) -> ApiResponse:
    route = "PUT /staff/locations/{name}"
    answer = call(set_location.handler, route, body, name=name, **more)
    locations_cache().clear()  # as ten seconds later
    return answer


def policy(body: dict[str, Any]) -> ApiResponse:
    return call(set_allocation_policy.handler, "PUT /staff/allocation-policy", body)


def shown() -> Any:
    return call(list_locations.handler, "GET /staff/locations").json


def put(sku: str, units: int, location: str) -> None:
    """Goods come to a location that had none of them."""
    came = StockMovement(sku, MovementType.RECEIVED, NOW, "w", location=location, on_hand=units)
    DynamoStockRepository().write_movement(came, StockLevel(sku, location))
    level_cache().clear()


def buy(*wanted: tuple[str, int], **more: Any) -> ApiResponse:
    body = checkout_body(*wanted, **more)
    checkout = call(create_checkout.handler, "POST /checkout-sessions", body).json
    route = "POST /checkout-sessions/{id}/complete"
    return call(complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"])


def held(answer: ApiResponse) -> set[tuple[str, int, str]]:
    order = DynamoOrderRepository().get_by_id(answer.json["order"]["id"])
    return {(hold.sku, hold.quantity, hold.location) for hold in order.reservations}


def test_a_shop_begins_with_one_location_and_learns_of_more() -> None:
    assert [(one["name"], one["version"]) for one in shown()["locations"]] == [("main", 0)]
    assert shown()["policy"]["preferences"] == ["fewest_parcels", "nearest"]
    made = describe("berlin", {**BERLIN, "version": 0})
    assert (made.status, made.json["version"], made.headers["ETag"]) == (200, 1, '"1"')
    changed = describe("berlin", {**BERLIN, "priority": 3, "ships_to": ["DE", "AT"], "version": 1})
    assert changed.json["ships_to"] == ["AT", "DE"]
    assert [(one["name"], one["version"]) for one in shown()["locations"]] == [
        ("berlin", 2),
        ("main", 0),
    ]
    set_ = policy({"preferences": ["nearest"], "max_parcels": 2, "version": 0})
    assert (set_.status, set_.json["version"]) == (200, 1)
    assert shown()["policy"] == set_.json


@pytest.mark.parametrize(
    ("name", "body", "status", "path"),
    [
        ("berlin", {"country": "XX", "version": 0}, 400, "$.country"),
        ("berlin", {"version": 0}, 400, "$.country"),
        ("berlin", {**BERLIN, "latitude": 91, "version": 0}, 400, "$.latitude"),
        ("berlin", {"country": "DE", "latitude": 5.0, "version": 0}, 400, "$.longitude"),
        ("berlin", {**BERLIN, "ships_to": ["DE", "ZZ"], "version": 0}, 400, "$.ships_to[1]"),
        ("berlin", {**BERLIN, "priority": 0, "version": 0}, 400, "$.priority"),
        ("berlin", {**BERLIN, "colour": "red", "version": 0}, 400, "$.colour"),
        ("Berlin!", {**BERLIN, "version": 0}, 400, "name"),
    ],
)
def test_what_is_wrong_with_a_location_is_named(
    name: str, body: dict[str, Any], status: int, path: str
) -> None:
    answer = describe(name, body)
    assert answer.status == status, answer.text
    assert [each["path"] for each in answer.json["errors"]] == [path]
    assert len(shown()["locations"]) == 1


def test_a_location_is_changed_from_the_version_that_was_read() -> None:
    describe("berlin", {**BERLIN, "version": 0})
    assert describe("berlin", {**BERLIN, "version": 0}).status == 409
    assert describe("berlin", {**BERLIN, "version": 2}).status == 409
    assert describe("paris", {"country": "FR", "version": 1}).status == 409
    assert policy({"preferences": ["nearest"], "version": 1}).status == 409
    assert shown()["locations"][0]["version"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"preferences": []},
        {"preferences": ["cheapest"]},
        {"preferences": ["nearest", "nearest"]},
        {"preferences": ["nearest"], "max_parcels": 0},
        {},
    ],
)
def test_what_is_wrong_with_a_policy_is_refused(body: dict[str, Any]) -> None:
    assert policy({**body, "version": 0}).status == 400
    assert shown()["policy"]["version"] == 0


def test_goods_are_sold_from_wherever_they_lie_to_the_last_unit() -> None:
    publish_with_stock(mug(), pieces=2)
    describe("berlin", {**BERLIN, "version": 0})
    put("MUG-RED", 3, "berlin")
    assert held(buy(("mug.1", 4))) == {("MUG-RED", 2, "main"), ("MUG-RED", 2, "berlin")}
    said = buy(("mug.1", 2)).json
    assert said["messages"][0]["code"] == "out_of_stock", said
    assert held(buy(("mug.1", 1))) == {("MUG-RED", 1, "berlin")}


def test_a_page_shows_what_lies_at_all_locations_that_ship() -> None:
    publish_with_stock(mug(), pieces=0)
    describe("berlin", {**BERLIN, "version": 0})

    def status() -> str:
        level_cache().clear()
        page = call(get_product.handler, "POST /catalog/product", {"id": "mug"}, key="").json
        return str(page["product"]["variants"][0]["availability"]["status"])

    assert status() == "out_of_stock"
    put("MUG-RED", 3, "berlin")
    assert status() == "in_stock"
    describe("berlin", {**BERLIN, "ships": False, "version": 1})
    assert status() == "out_of_stock"
    assert buy(("mug.1", 1)).json["status"] != "completed"


def test_a_location_serves_only_the_countries_it_ships_to() -> None:
    publish_with_stock(mug(), pieces=0)
    describe("berlin", {**BERLIN, "ships_to": ["DE"], "version": 0})
    put("MUG-RED", 3, "berlin")
    abroad = buy(("mug.1", 1)).json  # to the US
    assert abroad["messages"][0]["code"] == "out_of_stock", abroad
    describe("berlin", {**BERLIN, "ships_to": ["DE", "US"], "version": 1})
    assert held(buy(("mug.1", 1))) == {("MUG-RED", 1, "berlin")}
