"""Buying together over HTTP: one group fills and its goods leave, another does not."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import payment_body
from local.http_actors import HttpClient, is_allocated, wait_until
from tests.kit.products import checkout_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]
OPEN_FOR = 25
"""Seconds that the group which fails is open: as long as its promotion runs."""


def run(staff: HttpClient, id_: str, goods: dict[str, Any], ends: datetime | None = None) -> None:
    """Staff put a price for groups of two on the calendar."""
    window = {} if ends is None else {"conditions": {"window": {"ends": ends.isoformat()}}}
    price = [{"amount": 800, "currency": "USD"}]
    staff.post(
        "/staff/promotions",
        {
            "id": id_,
            "title": "Together",
            "code_required": True,
            "goods": {"variants": [goods["variant"]]},
            "effect": {"kind": "group_price", "price": price, "size": 2, "hours": 1},
            **window,
        },
    )
    staff.post(f"/staff/promotions/{id_}/schedule", {"version": 1})


def joined(buyer: HttpClient, group: dict[str, Any], goods: dict[str, Any], name: str) -> str:
    """Buy with the group's code; gives the order's id."""
    body = checkout_body((goods["variant"], 1), discounts={"codes": [group["code"]]})
    body["buyer"]["email"] = f"{name}@example.com"

    def begun() -> Any:
        return buyer.post("/checkout-sessions", body)

    def reduced(checkout: Any) -> bool:
        return any("discount" in total["type"] for total in checkout["totals"])

    checkout = wait_until(begun, reduced, seconds=10)
    assert_valid_ucp("checkout", checkout)
    answer = buyer.post(
        f"/checkout-sessions/{checkout['id']}/complete", payment_body("tok_success")
    )
    assert_valid_ucp("checkout", answer)
    assert answer["status"] == "completed"
    order_id: str = answer["order"]["id"]
    return order_id


def test_one_group_fills_and_another_does_not(
    cloud: Cloud, guest: HttpClient, jane: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    few, many = sell(pieces=5), sell(pieces=5)
    ends = datetime.now(UTC) + timedelta(seconds=OPEN_FOR)
    run(staff, f"few-{few['sku']}", few, ends)
    failing = guest.post("/group-buys", {"promotion_id": f"few-{few['sku']}"})
    lonely = joined(guest, failing, few, "lonely")
    wait_until(lambda: guest.get(f"/group-buys/{failing['id']}"), lambda g: g["members"] == 1)
    assert staff.get(f"/staff/stock/{few['sku']}")["available"] == 4

    run(staff, f"many-{many['sku']}", many)
    group = guest.post("/group-buys", {"promotion_id": f"many-{many['sku']}"})
    first = joined(guest, group, many, "first")
    wait_until(lambda: guest.get(f"/group-buys/{group['id']}"), lambda g: g["members"] == 1)
    wait_until(lambda: staff.get(f"/staff/orders/{first}"), is_allocated)
    parcel = {"carrier": "parcelpost", "tracking_number": f"G{first[-12:].upper()}"}
    early = staff.request(f"POST /staff/orders/{first}/parcels", parcel)
    assert (early.status, early.body["code"]) == (409, "group_forming")
    second = joined(jane, group, many, "second")
    shown = wait_until(
        lambda: guest.get(f"/group-buys/{group['id']}"), lambda g: g["status"] != "forming"
    )
    assert (shown["status"], shown["members"]) == ("succeeded", 2)
    wait_until(
        lambda: staff.get(f"/staff/orders/{first}"),
        lambda order: any(entry["event"] == "group complete" for entry in order["history"]),
    )
    staff.post(f"/staff/orders/{first}/parcels", parcel)
    wait_until(lambda: staff.get(f"/staff/orders/{second}"), is_allocated)

    # The clock's own minute is not waited for: the job is woken as the clock wakes it.
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))

    def closed() -> Any:
        time.sleep(2)
        cloud.client("lambda").invoke(
            FunctionName=f"doorbuster-{cloud.stage}-scheduled-close_group_buys", Payload=b"{}"
        )
        return staff.get(f"/staff/orders/{lonely}")

    order = wait_until(closed, lambda o: o["payment"]["status"] == "cancelled", seconds=150)
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "group_failed")
    assert guest.get(f"/group-buys/{failing['id']}")["status"] == "failed"
    assert staff.get(f"/staff/stock/{few['sku']}")["available"] == 5
    assert staff.get(f"/staff/orders/{second}")["status"] == "confirmed"
