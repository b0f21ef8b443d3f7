"""Kits, goods to come and two locations, over HTTP and through the workflow."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import workflow_states
from local.http_actors import Carrier, HttpClient, is_allocated, wait_until
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


def test_a_kit_leaves_as_its_parts_and_one_of_two_is_sent_back(
    guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    pot, cup, tea = sell(pieces=2), sell(pieces=9), sell(pieces=0, price=4000)
    parts = [{"sku": pot["sku"], "quantity": 1}, {"sku": cup["sku"], "quantity": 4}]
    staff.put(f"/staff/kits/{tea['sku']}", {"parts": parts, "version": 1})

    def counts() -> list[tuple[int, int]]:
        seen = [stock(staff, goods["sku"]) for goods in (pot, cup)]
        return [(one["on_hand"], one["reserved"]) for one in seen]

    checkout = begin(guest, tea, 2)
    order_id = complete(guest, checkout, "tok_success")["order"]["id"]
    assert counts() == [(2, 2), (9, 8)]
    short = guest.post("/checkout-sessions", checkout_body((tea["variant"], 1)))
    assert [m["code"] for m in short["messages"]] == ["out_of_stock"]

    order = deliver(staff, carrier, order_id, [ship(staff, order_id)])
    assert counts() == [(0, 0), (1, 0)]
    line, paid = order["lines"][0]["id"], order["payment"]["captured"]
    back = {"lines": [{"id": line, "quantity": 1}], "reason": "it does not pour"}
    staff.post(f"/staff/orders/{order_id}/returns", back)
    order = wait_until(
        lambda: staff.get(f"/staff/orders/{order_id}"), lambda o: o["payment"]["refunded"] > 0
    )
    assert order["payment"]["refunded"] == 4000 < paid
    assert_valid_ucp("order", guest.get(f"/orders/{order_id}"))


def test_goods_to_come_are_waited_for_beyond_the_deadline_and_leave_when_they_came(
    cloud: Cloud, guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    goods = sell(pieces=1)
    sku = goods["sku"]
    terms = {"kind": "back_order", "limit": 3, "ships_from": DAY, "version": 1}
    staff.put(f"/staff/stock-terms/{sku}", terms)
    checkout = begin(guest, goods, 2)
    (told,) = checkout["messages"]
    assert (told["code"], DAY in told["content"]) == ("backorder", True)
    order_id = complete(guest, checkout, "tok_success")["order"]["id"]

    def look() -> Any:
        return staff.get(f"/staff/orders/{order_id}")

    def waits_by() -> str:
        row = cloud.client("dynamodb").get_item(
            TableName=f"doorbuster-{cloud.stage}-orders",
            Key={"PK": {"S": f"ORDER#{order_id}"}, "SK": {"S": "WAIT#shipment"}},
            ConsistentRead=True,
        )
        token: str = row["Item"]["token"]["S"] if "Item" in row else ""
        return token

    wait_until(look, is_allocated)
    first = wait_until(waits_by, bool)
    parcel = {"carrier": "parcelpost", "tracking_number": f"E{order_id[-12:].upper()}"}
    early = staff.request(f"POST /staff/orders/{order_id}/parcels", parcel)
    assert (early.status, early.body["code"]) == (409, "stock_awaited")

    # Fourteen days are over: the order is not called off, and its step waits once more.
    cloud.client("stepfunctions").send_task_failure(taskToken=first, error="States.Timeout")
    wait_until(waits_by, lambda token: token != first)
    assert (look()["status"], look()["lines"][0]["backordered"]) == ("confirmed", 1)

    lorry = {"kind": "receive", "sku": sku, "units": 3, "version": stock(staff, sku)["version"]}
    staff.post("/staff/stock-movements", lorry)
    cloud.client("lambda").invoke(
        FunctionName=f"doorbuster-{cloud.stage}-scheduled-cover_back_orders", Payload=b"{}"
    )
    wait_until(look, lambda order: order["lines"][0]["backordered"] == 0)
    assert (stock(staff, sku)["reserved"], stock(staff, sku)["available"]) == (2, 2)
    deliver(staff, carrier, order_id, [ship(staff, order_id)])
    assert stock(staff, sku)["on_hand"] == 2
    assert workflow_states(cloud, order_id) == [
        "AwaitPayment",
        "AwaitShipment",
        "ReleaseAllocation",
        "ReleaseAllocationOrGoOn",
        "AwaitShipment",
        "AwaitDelivery",
        "CompleteOrder",
        "ExecutionSucceeded",
    ]


def test_an_order_over_two_locations_is_shared_out_by_the_policy_and_leaves_in_two_parcels(
    guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    goods = sell(pieces=3)
    sku, place = goods["sku"], f"annex-{goods['sku'].lower()}"
    staff.put(f"/staff/locations/{place}", {"country": "US", "priority": 2, "version": 0})
    came = {"kind": "receive", "sku": sku, "units": 2, "location": place, "version": 0}
    staff.post("/staff/stock-movements", came)

    def bought() -> Any:
        # Within ten seconds all who sell know of the new location.
        checkout = guest.post("/checkout-sessions", checkout_body((goods["variant"], 4)))
        if checkout["status"] != "ready_for_complete":
            return checkout
        where = f"/checkout-sessions/{checkout['id']}/complete"
        return guest.post(where, payment_body("tok_success"))

    done = wait_until(bought, lambda seen: seen["status"] == "completed", seconds=15)
    order_id = done["order"]["id"]

    # The first choice has three, and would be emptied; the policy prefers what is near the buyer.
    order = wait_until(lambda: staff.get(f"/staff/orders/{order_id}"), is_allocated)
    assert {(hold["location"], hold["quantity"]) for hold in order["reservations"]} == {
        (place, 2),
        ("main", 2),
    }
    numbers = [f"{letter}{order_id[-12:].upper()}" for letter in "NM"]
    parcel = {"carrier": "parcelpost", "tracking_number": numbers[0]}
    whole = staff.request(f"POST /staff/orders/{order_id}/parcels", parcel)
    assert (whole.status, whole.body["code"]) == (409, "several_locations")
    staff.post(f"/staff/orders/{order_id}/parcels", {**parcel, "location": place})
    rest = {"carrier": "parcelpost", "tracking_number": numbers[1]}
    order = staff.post(f"/staff/orders/{order_id}/parcels", rest)
    assert [one["location"] for one in order["parcels"]] == [place, "main"]
    deliver(staff, carrier, order_id, numbers)
    shown = staff.get(f"/staff/stock-levels?sku={sku}")
    left = {one["location"]: (one["on_hand"], one["reserved"]) for one in shown["locations"]}
    assert left == {"main": (1, 0), place: (0, 0)}
    assert_valid_ucp("order", guest.get(f"/orders/{order_id}"))
    staff.put(f"/staff/locations/{place}", {"country": "US", "ships": False, "version": 1})
