"""Kits, back-orders and two locations, over HTTP and through the workflow."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import workflow_states
from local.http_actors import Carrier, HttpClient, is_allocated, wait_until
from tests.journeys.conftest import run_schedule
from tests.journeys.test_purchase import Sell, begin, complete, ship, stock
from tests.kit.products import checkout_body, payment_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

DAY = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


def deliver(staff: HttpClient, carrier: Carrier, order_id: str, numbers: Iterable[str]) -> Any:
    for number in numbers:
        now = datetime.now(UTC).isoformat()
        assert carrier.report_status(number, "delivered", at=now).status == 202
    return wait_until(
        lambda: staff.get(f"/staff/orders/{order_id}"), lambda o: o["status"] == "completed"
    )


def test_kit_ships_as_its_parts_and_one_of_two_is_returned(
    guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    # Given a tea set of one pot and four cups
    pot, cup, tea = sell(pieces=2), sell(pieces=9), sell(pieces=0, price=4000)
    parts = [{"sku": pot["sku"], "quantity": 1}, {"sku": cup["sku"], "quantity": 4}]
    staff.put(f"/staff/kits/{tea['sku']}", {"parts": parts, "version": 1})

    def counts() -> list[tuple[int, int]]:
        levels = [stock(staff, goods["sku"]) for goods in (pot, cup)]
        return [(level["on_hand"], level["reserved"]) for level in levels]

    # When two sets are bought, then their parts are reserved, and no third set is available
    checkout = begin(guest, tea, 2)
    order_id = complete(guest, checkout, "tok_success")["order"]["id"]
    assert counts() == [(2, 2), (9, 8)]
    short = guest.post("/checkout-sessions", checkout_body((tea["variant"], 1)))
    assert [m["code"] for m in short["messages"]] == ["out_of_stock"]

    # When the order is delivered and one set is returned, then the price of one set is refunded
    order = deliver(staff, carrier, order_id, [ship(staff, order_id)])
    assert counts() == [(0, 0), (1, 0)]
    line, paid = order["lines"][0]["id"], order["payment"]["captured"]
    returned = {"lines": [{"id": line, "quantity": 1}], "reason": "it does not pour"}
    staff.post(f"/staff/orders/{order_id}/returns", returned)
    order = wait_until(
        lambda: staff.get(f"/staff/orders/{order_id}"), lambda o: o["payment"]["refunded"] > 0
    )
    assert order["payment"]["refunded"] == 4000 < paid
    assert_valid_ucp("order", guest.get(f"/orders/{order_id}"))


def test_back_order_outlasts_the_shipping_deadline_and_ships_on_arrival(
    cloud: Cloud, guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    # Given one piece and back-order terms, and an order of two
    goods = sell(pieces=1)
    sku = goods["sku"]
    terms = {"kind": "back_order", "limit": 3, "ships_from": DAY, "version": 1}
    staff.put(f"/staff/stock-terms/{sku}", terms)
    checkout = begin(guest, goods, 2)
    (message,) = checkout["messages"]
    assert (message["code"], DAY in message["content"]) == ("backorder", True)
    order_id = complete(guest, checkout, "tok_success")["order"]["id"]

    def order() -> Any:
        return staff.get(f"/staff/orders/{order_id}")

    def shipment_token() -> str:
        """Return the token with which the workflow waits for the shipment, if it waits."""
        row = cloud.client("dynamodb").get_item(
            TableName=f"doorbuster-{cloud.stage}-orders",
            Key={"PK": {"S": f"ORDER#{order_id}"}, "SK": {"S": "WAIT#shipment"}},
            ConsistentRead=True,
        )
        token: str = row["Item"]["token"]["S"] if "Item" in row else ""
        return token

    wait_until(order, is_allocated)
    first = wait_until(shipment_token, bool)
    parcel = {"carrier": "parcelpost", "tracking_number": f"E{order_id[-12:].upper()}"}
    early = staff.request(f"POST /staff/orders/{order_id}/parcels", parcel)
    assert (early.status, early.body["code"]) == (409, "stock_awaited")

    # When the shipping deadline passes, the order stays, and its step waits once more
    cloud.client("stepfunctions").send_task_failure(taskToken=first, error="States.Timeout")
    wait_until(shipment_token, lambda token: token != first)
    assert (order()["status"], order()["lines"][0]["backordered"]) == ("confirmed", 1)

    # When the stock arrives, then the order is allocated, shipped and completed
    delivery = {"kind": "receive", "sku": sku, "units": 3, "version": stock(staff, sku)["version"]}
    staff.post("/staff/stock-movements", delivery)
    run_schedule(cloud, "allocate_backorders")
    wait_until(order, lambda found: found["lines"][0]["backordered"] == 0)
    assert (stock(staff, sku)["reserved"], stock(staff, sku)["available"]) == (2, 2)
    deliver(staff, carrier, order_id, [ship(staff, order_id)])
    assert stock(staff, sku)["on_hand"] == 2
    assert workflow_states(cloud, order_id) == [
        "AwaitPayment",
        "AwaitShipment",
        "CompensateShipment",
        "AfterCompensateShipment",
        "AwaitShipment",
        "AwaitDelivery",
        "CompleteOrder",
        "succeeded",
    ]


def test_order_from_two_locations_follows_the_policy_in_two_shipments(
    guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    # Given three pieces at one location and two at another
    goods = sell(pieces=3)
    sku, place = goods["sku"], f"annex-{goods['sku'].lower()}"
    staff.put(f"/staff/locations/{place}", {"country": "US", "priority": 2, "version": 0})
    receipt = {"kind": "receive", "sku": sku, "units": 2, "location": place, "version": 0}
    staff.post("/staff/stock-movements", receipt)

    # When a guest buys four
    def buy() -> Any:
        # Every Lambda knows the new location within ten seconds.
        checkout = guest.post("/checkout-sessions", checkout_body((goods["variant"], 4)))
        if checkout["status"] != "ready_for_complete":
            return checkout
        path = f"/checkout-sessions/{checkout['id']}/complete"
        return guest.post(path, payment_body("tok_success"))

    done = wait_until(buy, lambda answer: answer["status"] == "completed")
    order_id = done["order"]["id"]

    # Then both locations ship two: both are in the buyer's country, so neither is emptied
    order = wait_until(lambda: staff.get(f"/staff/orders/{order_id}"), is_allocated)
    assert {(each["location"], each["quantity"]) for each in order["reservations"]} == {
        (place, 2),
        ("main", 2),
    }
    # And staff ship the order in two shipments, each from its location
    numbers = [f"{prefix}{order_id[-12:].upper()}" for prefix in "NM"]
    shipment = {"carrier": "parcelpost", "tracking_number": numbers[0]}
    ambiguous = staff.request(f"POST /staff/orders/{order_id}/parcels", shipment)
    assert (ambiguous.status, ambiguous.body["code"]) == (409, "several_locations")
    staff.post(f"/staff/orders/{order_id}/parcels", {**shipment, "location": place})
    rest = {"carrier": "parcelpost", "tracking_number": numbers[1]}
    order = staff.post(f"/staff/orders/{order_id}/parcels", rest)
    assert [each["location"] for each in order["parcels"]] == [place, "main"]
    deliver(staff, carrier, order_id, numbers)
    levels = staff.get(f"/staff/stock-levels?sku={sku}")["locations"]
    remaining = {each["location"]: (each["on_hand"], each["reserved"]) for each in levels}
    assert remaining == {"main": (1, 0), place: (0, 0)}
    assert_valid_ucp("order", guest.get(f"/orders/{order_id}"))
    staff.put(f"/staff/locations/{place}", {"country": "US", "ships": False, "version": 1})
