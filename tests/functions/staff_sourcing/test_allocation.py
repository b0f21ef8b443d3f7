"""A paid order is allocated by the policy; each parcel leaves from one location."""

from typing import Any

import pytest

from functions.staff_orders import create_shipment, get_order
from functions.staff_sourcing import set_location
from functions.workflows import await_shipment
from shop.inventory.store import DynamoStockRepository, locations_cache
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_sourcing.test_locations import (
    BERLIN,
    buy,
    receive_goods,
    reserved_units,
    save_location,
    save_policy,
)
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import put_secrets
from tests.kit.products import mug, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

pytestmark = pytest.mark.usefixtures("cloud")


class IdleWorkflow:
    """A workflow client for tests that resume no workflow."""

    def resume(self, token: str, result: dict[str, Any]) -> None: ...

    def abort(self, token: str, error: str, cause: str) -> None: ...


@pytest.fixture(autouse=True)
def two_locations(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two red and two blue mugs at main (US), three red ones in Berlin."""
    monkeypatch.setattr(await_shipment, "workflow", IdleWorkflow())
    put_secrets()
    publish_with_stock(mug(), pieces=2)
    save_location("main", {"country": "US", "version": 0})
    save_location("berlin", {**BERLIN, "version": 0})
    receive_goods("MUG-RED", 3, "berlin")


def allocate_order(response: ApiResponse) -> str:
    order_id = str(response.json["order"]["id"])
    await_shipment.handler({"order_id": order_id, "token": "t1"}, Context())
    return order_id


def stored_reservations(order_id: str) -> set[tuple[str, int, str]]:
    order = DynamoOrderRepository().get_by_id(order_id)
    return {
        (reservation.sku, reservation.quantity, reservation.location)
        for reservation in order.reservations
    }


def create_parcel(order_id: str, tracking_number: str, **fields: Any) -> ApiResponse:
    body = {"carrier": "ups", "tracking_number": tracking_number, **fields}
    return call(
        create_shipment.handler, "POST /staff/orders/{id}/parcels", body, id=order_id, key=""
    )


def assert_invariants_hold() -> None:
    broken = [
        one for one in violations(read_system_state(history=False)) if one.rule in ("I1", "I2")
    ]
    assert broken == []


def test_fewest_parcels_moves_an_order_to_the_location_that_has_all_units() -> None:
    receive_goods("MUG-BLUE", 5, "berlin")
    first = buy(("mug.1", 3), ("mug.2", 1))
    assert reserved_units(first) == {("MUG-RED", 3, "berlin"), ("MUG-BLUE", 1, "main")}
    order_id = allocate_order(first)
    assert stored_reservations(order_id) == {("MUG-RED", 3, "berlin"), ("MUG-BLUE", 1, "berlin")}
    levels = {one.location: one for one in DynamoStockRepository().levels_by_location("MUG-BLUE")}
    assert (levels["main"].reserved, levels["berlin"].reserved) == (0, 1)
    allocate_order(first)  # a workflow step may run twice
    assert stored_reservations(order_id) == {("MUG-RED", 3, "berlin"), ("MUG-BLUE", 1, "berlin")}
    assert_invariants_hold()


def test_nearest_policy_empties_the_nearest_location_first() -> None:
    save_policy({"preferences": ["nearest"], "version": 0})
    first = buy(("mug.1", 3))
    assert reserved_units(first) == {("MUG-RED", 3, "berlin")}
    assert stored_reservations(allocate_order(first)) == {
        ("MUG-RED", 2, "main"),
        ("MUG-RED", 1, "berlin"),
    }


def test_new_location_counts_before_its_units_are_on_sale() -> None:
    # Given a process that knows two locations, and a third one since
    save_policy({"preferences": ["nearest"], "version": 0})
    first = buy(("mug.1", 3))
    known = locations_cache()()
    response = call(
        set_location.handler,
        "PUT /staff/locations/{name}",
        {"country": "US", "version": 0},
        name="annex",
    )
    assert response.status == 200
    receive_goods("MUG-RED", 3, "annex")
    assert locations_cache()() is known
    # When the order is allocated by the policy, which puts "annex" before "main"
    order_id = allocate_order(first)
    # Then the new location serves it
    assert stored_reservations(order_id) == {("MUG-RED", 3, "annex")}
    assert_invariants_hold()


def test_order_at_two_locations_ships_in_one_parcel_per_location() -> None:
    save_policy({"preferences": ["nearest"], "version": 0})
    order_id = allocate_order(buy(("mug.1", 3)))
    order = call(get_order.handler, "GET /staff/orders/{id}", id=order_id).json
    assert {(one["location"], one["quantity"]) for one in order["reservations"]} == {
        ("main", 2),
        ("berlin", 1),
    }
    # A parcel needs one location, and only units that are reserved at it
    whole = create_parcel(order_id, "1Z0001")
    assert (whole.status, whole.json["errors"][0]["code"]) == (409, "several_locations")
    other_location = create_parcel(order_id, "1Z0001", location="paris")
    assert (other_location.status, other_location.json["errors"][0]["code"]) == (
        409,
        "not_reserved_at_location",
    )
    line = order["lines"][0]["id"]
    too_many = create_parcel(
        order_id, "1Z0001", location="berlin", lines=[{"id": line, "quantity": 2}]
    )
    assert (too_many.status, too_many.json["errors"][0]["code"]) == (
        409,
        "not_reserved_at_location",
    )
    # The first parcel takes the units in Berlin; a repeated request creates no other
    shipped = create_parcel(order_id, "1Z0001", location="berlin")
    assert (shipped.status, shipped.json["lines"][0]["shipped"]) == (201, 1), shipped.text
    assert shipped.json["parcels"][0]["location"] == "berlin"
    again = create_parcel(order_id, "1Z0001", location="berlin")
    assert (again.status, len(again.json["parcels"])) == (201, 1)
    assert create_parcel(order_id, "1Z0001", location="main").status == 409
    # The second takes the rest
    second = create_parcel(order_id, "1Z0002")
    assert (second.status, second.json["parcels"][1]["location"]) == (201, "main")
    assert [one["shipped"] for one in second.json["lines"]] == [3]
    levels = {one.location: one for one in DynamoStockRepository().levels_by_location("MUG-RED")}
    assert (levels["main"].on_hand, levels["berlin"].on_hand) == (0, 2)
    assert_invariants_hold()


def test_order_stays_if_the_units_are_sold_during_the_allocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_policy({"preferences": ["nearest"], "version": 0})
    first = buy(("mug.1", 3))
    stock = await_shipment.context.levels
    read_levels = DynamoStockRepository.get_levels_at

    def read_and_sell(self: DynamoStockRepository, keys: Any) -> Any:
        levels = read_levels(self, keys)
        if self is stock:
            monkeypatch.setattr(DynamoStockRepository, "get_levels_at", read_levels)
            assert reserved_units(buy(("mug.1", 2))) == {("MUG-RED", 2, "main")}
        return levels

    monkeypatch.setattr(DynamoStockRepository, "get_levels_at", read_and_sell)
    order_id = allocate_order(first)
    assert stored_reservations(order_id) == {("MUG-RED", 3, "berlin")}
    assert DynamoOrderRepository().get_by_id(order_id).allocation
    assert_invariants_hold()
