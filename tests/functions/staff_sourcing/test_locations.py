"""Staff describe locations and the allocation policy; the shop sells from all locations."""

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


def save_location(name: str, body: dict[str, Any], **options: Any) -> ApiResponse:
    route = "PUT /staff/locations/{name}"
    response = call(set_location.handler, route, body, name=name, **options)
    locations_cache().clear()  # the change takes effect within ten seconds
    return response


def save_policy(body: dict[str, Any]) -> ApiResponse:
    return call(set_allocation_policy.handler, "PUT /staff/allocation-policy", body)


def read_locations() -> Any:
    return call(list_locations.handler, "GET /staff/locations").json


def receive_goods(sku: str, units: int, location: str) -> None:
    """Receive goods at a location that had none of them."""
    receipt = StockMovement(sku, MovementType.RECEIVED, NOW, "w", location=location, on_hand=units)
    DynamoStockRepository().write_movement(receipt, StockLevel(sku, location))
    level_cache().clear()


def buy(*items: tuple[str, int], **options: Any) -> ApiResponse:
    body = checkout_body(*items, **options)
    checkout = call(create_checkout.handler, "POST /checkout-sessions", body).json
    route = "POST /checkout-sessions/{id}/complete"
    return call(complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"])


def reserved_units(response: ApiResponse) -> set[tuple[str, int, str]]:
    order = DynamoOrderRepository().get_by_id(response.json["order"]["id"])
    return {
        (reservation.sku, reservation.quantity, reservation.location)
        for reservation in order.reservations
    }


def test_shop_starts_with_one_location_and_staff_add_more() -> None:
    assert [(one["name"], one["version"]) for one in read_locations()["locations"]] == [("main", 0)]
    assert read_locations()["policy"]["preferences"] == ["fewest_parcels", "nearest"]
    created = save_location("berlin", {**BERLIN, "version": 0})
    assert (created.status, created.json["version"], created.headers["ETag"]) == (200, 1, '"1"')
    changed = save_location(
        "berlin", {**BERLIN, "priority": 3, "ships_to": ["DE", "AT"], "version": 1}
    )
    assert changed.json["ships_to"] == ["AT", "DE"]
    assert [(one["name"], one["version"]) for one in read_locations()["locations"]] == [
        ("berlin", 2),
        ("main", 0),
    ]
    saved = save_policy({"preferences": ["nearest"], "max_parcels": 2, "version": 0})
    assert (saved.status, saved.json["version"]) == (200, 1)
    assert read_locations()["policy"] == saved.json


def test_unset_country_warns_while_the_nearest_location_depends_on_it() -> None:
    def warned() -> list[str]:
        return [
            location["name"]
            for location in read_locations()["locations"]
            for warning in location["warnings"]
            if (warning["code"], warning["path"]) == ("country_unset", "$.country")
        ]

    # One location is nearest to everyone
    assert warned() == []
    save_location("berlin", {**BERLIN, "version": 0})
    assert warned() == ["main"]
    # A policy without `nearest`, and a location that serves no orders, depend on no country
    save_policy({"preferences": ["highest_stock"], "version": 0})
    assert warned() == []
    save_policy({"preferences": ["nearest"], "version": 1})
    assert warned() == ["main"]
    save_location("main", {"country": "US", "version": 0})
    assert warned() == []


@pytest.mark.parametrize(
    ("name", "body", "code", "path"),
    [
        ("berlin", {"country": "XX", "version": 0}, "country_unknown", "$.country"),
        ("berlin", {"version": 0}, "missing", "$.country"),
        ("berlin", {**BERLIN, "latitude": 91, "version": 0}, "out_of_range", "$.latitude"),
        ("berlin", {"country": "DE", "latitude": 5.0, "version": 0}, "missing", "$.longitude"),
        (
            "berlin",
            {**BERLIN, "ships_to": ["DE", "ZZ"], "version": 0},
            "country_unknown",
            "$.ships_to[1]",
        ),
        ("berlin", {**BERLIN, "priority": 0, "version": 0}, "out_of_range", "$.priority"),
        ("berlin", {**BERLIN, "colour": "red", "version": 0}, "unknown_field", "$.colour"),
        ("Berlin!", {**BERLIN, "version": 0}, "id_invalid", "name"),
    ],
)
def test_invalid_location_is_rejected_with_code_and_path(
    name: str, body: dict[str, Any], code: str, path: str
) -> None:
    response = save_location(name, body)
    assert response.status == 400, response.text
    assert [(e["code"], e["path"]) for e in response.json["errors"]] == [(code, path)]
    assert len(read_locations()["locations"]) == 1


def test_location_and_policy_expect_the_version_that_was_read() -> None:
    save_location("berlin", {**BERLIN, "version": 0})
    assert save_location("berlin", {**BERLIN, "version": 0}).status == 409
    assert save_location("berlin", {**BERLIN, "version": 2}).status == 409
    assert save_location("paris", {"country": "FR", "version": 1}).status == 409
    assert save_policy({"preferences": ["nearest"], "version": 1}).status == 409
    assert read_locations()["locations"][0]["version"] == 1


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
def test_invalid_policy_is_rejected(body: dict[str, Any]) -> None:
    assert save_policy({**body, "version": 0}).status == 400
    assert read_locations()["policy"]["version"] == 0


def test_all_locations_sell_to_the_last_unit() -> None:
    publish_with_stock(mug(), pieces=2)
    save_location("berlin", {**BERLIN, "version": 0})
    receive_goods("MUG-RED", 3, "berlin")
    assert reserved_units(buy(("mug.1", 4))) == {("MUG-RED", 2, "main"), ("MUG-RED", 2, "berlin")}
    response = buy(("mug.1", 2)).json
    assert response["messages"][0]["code"] == "out_of_stock", response
    assert reserved_units(buy(("mug.1", 1))) == {("MUG-RED", 1, "berlin")}


def test_product_page_counts_the_stock_of_all_shipping_locations() -> None:
    publish_with_stock(mug(), pieces=0)
    save_location("berlin", {**BERLIN, "version": 0})

    def status() -> str:
        level_cache().clear()
        page = call(get_product.handler, "POST /catalog/product", {"id": "mug"}, key="").json
        return str(page["product"]["variants"][0]["availability"]["status"])

    assert status() == "out_of_stock"
    receive_goods("MUG-RED", 3, "berlin")
    assert status() == "in_stock"
    save_location("berlin", {**BERLIN, "ships": False, "version": 1})
    assert status() == "out_of_stock"
    assert buy(("mug.1", 1)).json["status"] != "completed"


def test_location_serves_only_the_countries_it_ships_to() -> None:
    publish_with_stock(mug(), pieces=0)
    save_location("berlin", {**BERLIN, "ships_to": ["DE"], "version": 0})
    receive_goods("MUG-RED", 3, "berlin")
    abroad = buy(("mug.1", 1)).json  # to the US
    assert abroad["messages"][0]["code"] == "out_of_stock", abroad
    save_location("berlin", {**BERLIN, "ships_to": ["DE", "US"], "version": 1})
    assert reserved_units(buy(("mug.1", 1))) == {("MUG-RED", 1, "berlin")}
