"""Group buys over HTTP: one group fills and its orders ship, another fails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import payment_body
from local.http_actors import HttpClient, is_allocated, wait_until
from tests.journeys.conftest import run_schedule
from tests.kit.products import checkout_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]
OPEN_SECONDS = 90
"""Time until the failing group's promotion ends: its only member must join before."""


def schedule_group_price(
    staff: HttpClient, id_: str, goods: dict[str, Any], ends: datetime | None = None
) -> None:
    """Create and schedule a price for groups of two."""
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


def join(buyer: HttpClient, group: dict[str, Any], goods: dict[str, Any], name: str) -> str:
    """Buy with the group's code; return the order's id."""
    body = checkout_body((goods["variant"], 1), discounts={"codes": [group["code"]]})
    body["buyer"]["email"] = f"{name}@example.com"

    def begin() -> Any:
        return buyer.post("/checkout-sessions", body)

    def is_reduced(checkout: Any) -> bool:
        return any("discount" in total["type"] for total in checkout["totals"])

    # The rule set with the new promotion reaches every Lambda within RULES_CACHE_TTL, 3 seconds.
    # Until then the code is unknown, and an address may try ten unknown codes in ten minutes.
    checkout = wait_until(begin, is_reduced, pause=3.5)
    assert_valid_ucp("checkout", checkout)
    answer = buyer.post(
        f"/checkout-sessions/{checkout['id']}/complete", payment_body("tok_success")
    )
    assert_valid_ucp("checkout", answer)
    assert answer["status"] == "completed"
    order_id: str = answer["order"]["id"]
    return order_id


def test_full_group_ships_and_failed_group_is_refunded(
    cloud: Cloud, guest: HttpClient, jane: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    # Given a group with one member, whose promotion ends soon
    few, many = sell(pieces=5), sell(pieces=5)
    ends = datetime.now(UTC) + timedelta(seconds=OPEN_SECONDS)
    schedule_group_price(staff, f"few-{few['sku']}", few, ends)
    failing = guest.post("/group-buys", {"promotion_id": f"few-{few['sku']}"})
    only_member = join(guest, failing, few, "lonely")
    wait_until(lambda: guest.get(f"/group-buys/{failing['id']}"), lambda g: g["members"] == 1)
    assert staff.get(f"/staff/stock/{few['sku']}")["available"] == 4

    # When another group gets its first member, its order does not ship yet
    schedule_group_price(staff, f"many-{many['sku']}", many)
    group = guest.post("/group-buys", {"promotion_id": f"many-{many['sku']}"})
    first = join(guest, group, many, "first")
    wait_until(lambda: guest.get(f"/group-buys/{group['id']}"), lambda g: g["members"] == 1)
    wait_until(lambda: staff.get(f"/staff/orders/{first}"), is_allocated)
    shipment = {"carrier": "parcelpost", "tracking_number": f"G{first[-12:].upper()}"}
    early = staff.request(f"POST /staff/orders/{first}/parcels", shipment)
    assert (early.status, early.body["code"]) == (409, "group_forming")

    # When its second member joins, both orders may ship
    second = join(jane, group, many, "second")
    complete = wait_until(
        lambda: guest.get(f"/group-buys/{group['id']}"), lambda g: g["status"] != "forming"
    )
    assert (complete["status"], complete["members"]) == ("succeeded", 2)
    wait_until(
        lambda: staff.get(f"/staff/orders/{first}"),
        lambda order: any(entry["event"] == "group completed" for entry in order["history"]),
    )
    staff.post(f"/staff/orders/{first}/parcels", shipment)
    wait_until(lambda: staff.get(f"/staff/orders/{second}"), is_allocated)

    # Then the first group fails once its promotion has ended
    def after_close() -> Any:
        if datetime.now(UTC) > ends:
            run_schedule(cloud, "close_group_buys")
        return staff.get(f"/staff/orders/{only_member}")

    order = wait_until(after_close, lambda o: o["payment"]["status"] == "cancelled", seconds=300)
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "group_failed")
    assert guest.get(f"/group-buys/{failing['id']}")["status"] == "failed"
    assert staff.get(f"/staff/stock/{few['sku']}")["available"] == 5
    assert staff.get(f"/staff/orders/{second}")["status"] == "confirmed"
