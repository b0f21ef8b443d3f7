"""A paid order is served from where the policy says, parcel by parcel, each from one location."""

from typing import Any

import pytest

from functions.staff_orders import create_shipment, get_order
from functions.workflows import await_shipment
from shop.inventory.store import DynamoStockRepository
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_sourcing.test_locations import BERLIN, buy, describe, held, policy, put
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import put_secrets
from tests.kit.products import mug, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

pytestmark = pytest.mark.usefixtures("cloud")


class Silent:
    """Step Functions, which nobody asks here."""

    def resume(self, token: str, result: dict[str, Any]) -> None: ...

    def abort(self, token: str, error: str, cause: str) -> None: ...


@pytest.fixture(autouse=True)
def two_places(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 red and 5 blue mugs in main (US), 3 red ones in Berlin."""
    monkeypatch.setattr(await_shipment, "workflow", Silent())
    put_secrets()
    publish_with_stock(mug(), pieces=2)
    describe("main", {"country": "US", "version": 0})
    describe("berlin", {**BERLIN, "version": 0})
    put("MUG-RED", 3, "berlin")


def allocated(answer: ApiResponse) -> str:
    order_id = str(answer.json["order"]["id"])
    await_shipment.handler({"order_id": order_id, "token": "t1"}, Context())
    return order_id


def holds(order_id: str) -> set[tuple[str, int, str]]:
    order = DynamoOrderRepository().get_by_id(order_id)
    return {(hold.sku, hold.quantity, hold.location) for hold in order.reservations}


def ship(order_id: str, number: str, **more: Any) -> ApiResponse:
    body = {"carrier": "ups", "tracking_number": number, **more}
    return call(
        create_shipment.handler, "POST /staff/orders/{id}/parcels", body, id=order_id, key=""
    )


def assert_books_balance() -> None:
    found = [
        one for one in violations(read_system_state(history=False)) if one.rule in ("I1", "I2")
    ]
    assert found == []


def test_fewest_parcels_brings_an_order_to_the_one_place_that_has_it_all() -> None:
    put("MUG-BLUE", 5, "berlin")
    first = buy(("mug.1", 3), ("mug.2", 1))
    assert held(first) == {("MUG-RED", 3, "berlin"), ("MUG-BLUE", 1, "main")}
    order_id = allocated(first)
    assert holds(order_id) == {("MUG-RED", 3, "berlin"), ("MUG-BLUE", 1, "berlin")}
    levels = {
        one.location: one
        for one in DynamoStockRepository().current_levels_by_location(["MUG-BLUE"])["MUG-BLUE"]
    }
    assert (levels["main"].reserved, levels["berlin"].reserved) == (0, 1)
    allocated(first)  # the step may run twice
    assert holds(order_id) == {("MUG-RED", 3, "berlin"), ("MUG-BLUE", 1, "berlin")}
    assert_books_balance()


def test_the_nearest_is_emptied_first_where_that_is_the_policy() -> None:
    policy({"preferences": ["nearest"], "version": 0})
    first = buy(("mug.1", 3))
    assert held(first) == {("MUG-RED", 3, "berlin")}
    assert holds(allocated(first)) == {("MUG-RED", 2, "main"), ("MUG-RED", 1, "berlin")}


def test_a_split_order_leaves_in_parcels_each_from_one_location() -> None:
    policy({"preferences": ["nearest"], "version": 0})
    order_id = allocated(buy(("mug.1", 3)))
    shown = call(get_order.handler, "GET /staff/orders/{id}", id=order_id).json
    assert {(one["location"], one["quantity"]) for one in shown["reservations"]} == {
        ("main", 2),
        ("berlin", 1),
    }
    whole = ship(order_id, "1Z0001")
    assert (whole.status, whole.json["errors"][0]["code"]) == (409, "several_locations")
    elsewhere = ship(order_id, "1Z0001", location="paris")
    assert (elsewhere.status, elsewhere.json["errors"][0]["code"]) == (409, "not_reserved_at_location")
    line = shown["lines"][0]["id"]
    too_many = ship(order_id, "1Z0001", location="berlin", lines=[{"id": line, "quantity": 2}])
    assert (too_many.status, too_many.json["errors"][0]["code"]) == (409, "not_reserved_at_location")
    sent = ship(order_id, "1Z0001", location="berlin")
    assert (sent.status, sent.json["lines"][0]["shipped"]) == (201, 1), sent.text
    assert sent.json["parcels"][0]["location"] == "berlin"
    again = ship(order_id, "1Z0001", location="berlin")
    assert (again.status, len(again.json["parcels"])) == (201, 1)
    assert ship(order_id, "1Z0001", location="main").status == 409
    rest = ship(order_id, "1Z0002")
    assert (rest.status, rest.json["parcels"][1]["location"]) == (201, "main")
    assert [one["shipped"] for one in rest.json["lines"]] == [3]
    levels = {
        one.location: one
        for one in DynamoStockRepository().current_levels_by_location(["MUG-RED"])["MUG-RED"]
    }
    assert (levels["main"].on_hand, levels["berlin"].on_hand) == (0, 2)
    assert_books_balance()


def test_goods_that_somebody_took_meanwhile_leave_the_order_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy({"preferences": ["nearest"], "version": 0})
    first = buy(("mug.1", 3))
    stock = await_shipment.context.levels
    seen = DynamoStockRepository.current_levels_by_location

    def taken_just_then(self: DynamoStockRepository, skus: Any) -> Any:
        found = seen(self, skus)
        if self is stock:
            monkeypatch.setattr(DynamoStockRepository, "current_levels_by_location", seen)
            assert held(buy(("mug.1", 2))) == {("MUG-RED", 2, "main")}
        return found

    monkeypatch.setattr(DynamoStockRepository, "current_levels_by_location", taken_just_then)
    order_id = allocated(first)
    assert holds(order_id) == {("MUG-RED", 3, "berlin")}
    assert DynamoOrderRepository().get_by_id(order_id).allocation
    assert_books_balance()
