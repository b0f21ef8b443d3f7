"""Traffic peaks over HTTP, through the deployed stacks: preparation by schedule, and waiting rooms.

Calls of the Lambda API are asserted in tests/functions, because the emulator rejects them where it
enforces IAM (docs/local-cloud.md).
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.http_actors import HttpClient, wait_until
from shop.inventory.model import MAIN_LOCATION
from shop.inventory.store.rows import ShardRow, shard_key
from tests.kit.products import checkout_body, payment_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]
LEAD_MINUTES = 1
STARTS_IN = timedelta(minutes=LEAD_MINUTES, seconds=60)
"""Time until the sale starts. Its preparation is due a minute after it is scheduled."""


def schedules(cloud: Cloud) -> set[str]:
    found = cloud.client("scheduler").list_schedules(GroupName="doorbuster-test-peak")
    return {each["Name"] for each in found["Schedules"]}


def shards(cloud: Cloud, sku: str) -> int:
    """Return the number of shards that a SKU's first row records."""
    pk, sk = shard_key(sku, MAIN_LOCATION)
    found = cloud.client("dynamodb").get_item(
        TableName="doorbuster-test-inventory",
        Key={"PK": {"S": pk}, "SK": {"S": sk}},
        ConsistentRead=True,
    )
    return int(found["Item"][ShardRow.shard_count.attr_name]["N"])


def schedule_promotion(staff: HttpClient, id_: str, **fields: Any) -> None:
    staff.post("/staff/promotions", {"id": id_, "title": id_, **fields})
    staff.post(f"/staff/promotions/{id_}/schedule", {"version": 1})


def test_schedule_prepares_a_sale_and_reverts_when_it_ends(
    cloud: Cloud, staff: HttpClient, sell: Sell
) -> None:
    # Given a flash sale with a capacity that needs several shards
    goods = sell(pieces=160)
    id_ = f"sale-{uuid.uuid4().hex[:8]}"
    starts = datetime.now(UTC) + STARTS_IN
    schedule_promotion(
        staff,
        id_,
        effect={"kind": "flash_sale", "off_ppm": 500_000},
        goods={"variants": [goods["variant"]]},
        conditions={"window": {"starts": starts.isoformat()}},
        capacity={"orders_per_second": 100, "lead_minutes": LEAD_MINUTES},
    )
    # When it is scheduled, only the schedules are set until the preparation is due
    ours = {f"before-{id_}", f"after-{id_}"}
    wait_until(lambda: schedules(cloud), lambda names: ours <= names)
    number = shards(cloud, goods["sku"])
    assert number == 1 or datetime.now(UTC) >= starts - timedelta(minutes=LEAD_MINUTES)
    # Then the stock is split before the start, and merged when the sale ends
    wait_until(lambda: shards(cloud, goods["sku"]), lambda number: number == 4, seconds=300)
    staff.post(f"/staff/promotions/{id_}/end", {"version": 2})
    wait_until(lambda: shards(cloud, goods["sku"]), lambda number: number == 1)
    wait_until(lambda: schedules(cloud), lambda names: not ours & names)


def test_waiting_room_admits_customers_in_turn(
    staff: HttpClient, guest: HttpClient, sell: Sell
) -> None:
    # Given a promotion with a waiting room that admits no customer yet
    goods = sell(pieces=3)
    id_ = f"crowd-{uuid.uuid4().hex[:8]}"
    schedule_promotion(
        staff,
        id_,
        effect={"kind": "percent_off", "off_ppm": 100_000},
        goods={"variants": [goods["variant"]]},
    )
    room = {"admissions_per_second": 0, "reason": "high demand"}
    assert staff.request(f"PUT /staff/waiting-rooms/{id_}", room).status == 200
    checkout = guest.post("/checkout-sessions", checkout_body((goods["variant"], 1)))
    path, pay = f"/checkout-sessions/{checkout['id']}/complete", payment_body("tok_success")
    # A request without a payment buys nothing: it shows whether the Lambda knows the room.
    wait_until(
        lambda: guest.request(f"POST {path}", {}).body,
        lambda body: body.get("status") == "requires_escalation",
    )
    # When a customer pays, they get a place in the line
    blocked = assert_valid_ucp("checkout", guest.post(path, pay))
    assert blocked["status"] == "requires_escalation"
    room_path = blocked["continue_url"].removeprefix(guest.url)
    place = guest.post(f"{room_path}/tickets", {"checkout_id": checkout["id"]})
    assert (place["admitted"], place["ahead"]) == (False, 1)
    # And when the room admits customers, only a signed admission lets them pay
    faster = {**room, "admissions_per_second": 100}
    assert staff.request(f"PUT /staff/waiting-rooms/{id_}", faster).status == 200
    turn = wait_until(
        lambda: guest.post(f"{room_path}/turns", {"ticket": place["ticket"]}),
        lambda answer: bool(answer["admitted"]),
    )
    forged = {"Waiting-Room-Admission": place["ticket"]}
    assert guest.request(f"POST {path}", pay, headers=forged).status == 403
    admission = {"Waiting-Room-Admission": turn["admission"]}
    bought = guest.request(f"POST {path}", pay, headers=admission)
    assert bought.body["status"] == "completed", bought.text
    # Then staff delete the room, and the kill switch disables all waiting rooms
    assert staff.request(f"DELETE /staff/waiting-rooms/{id_}").status == 200
    off = {"on": False, "reason": "a test"}
    assert staff.request("PUT /staff/switches/waiting_room", off).status == 200
    disabled = wait_until(
        lambda: guest.request(f"POST {room_path}/tickets", {"checkout_id": checkout["id"]}),
        lambda reply: reply.status == 503,
    )
    assert disabled.body["code"] == "waiting_room_off"
    on = {"on": True, "reason": "done"}
    assert staff.request("PUT /staff/switches/waiting_room", on).status == 200
