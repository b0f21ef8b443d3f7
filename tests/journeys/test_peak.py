"""A rush, over HTTP and through the deployed stacks: prepared by the clock, and taken back.

What is asked of Lambda is asserted in tests/functions: the emulator refuses it where it enforces
IAM (docs/local-cloud.md).
"""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.http_actors import HttpClient, wait_until
from tests.kit.products import checkout_body, payment_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey


def schedules(cloud: Cloud) -> set[str]:
    told = cloud.client("scheduler").list_schedules(GroupName="doorbuster-test-peak")
    return {one["Name"] for one in told["Schedules"]}


def bins(cloud: Cloud, sku: str) -> int:
    told = cloud.client("dynamodb").query(
        TableName="doorbuster-test-inventory",
        KeyConditionExpression="PK = :pk",
        ExpressionAttributeValues={":pk": {"S": f"SKU#{sku}"}},
    )
    return max(int(item.get("bins", {"N": "1"})["N"]) for item in told["Items"])


def test_a_sale_is_prepared_for_by_the_clock_and_given_back_when_it_is_called_off(
    cloud: Cloud, staff: HttpClient, sell: Callable[..., dict[str, Any]]
) -> None:
    goods = sell(pieces=160)
    id_ = f"rush-{uuid.uuid4().hex[:8]}"
    starts = datetime.now(UTC) + timedelta(seconds=75)
    staff.post(
        "/staff/promotions",
        {
            "id": id_,
            "title": "Rush",
            "effect": {"kind": "flash_sale", "basis_points": 5000},
            "goods": {"variants": [goods["variant"]]},
            "conditions": {"window": {"starts": starts.isoformat()}},
            "capacity": {"orders_per_second": 100, "lead_minutes": 1},
        },
    )
    staff.post(f"/staff/promotions/{id_}/schedule", {"version": 1})
    ours = {f"before-{id_}", f"after-{id_}"}
    wait_until(lambda: schedules(cloud), lambda names: ours <= names)
    assert bins(cloud, goods["sku"]) == 1  # its publication set the clock, and nothing else
    wait_until(lambda: bins(cloud, goods["sku"]), lambda there: there == 4, seconds=60)
    staff.post(f"/staff/promotions/{id_}/end", {"version": 2})
    wait_until(lambda: bins(cloud, goods["sku"]), lambda there: there == 1)
    wait_until(lambda: schedules(cloud), lambda names: not ours & names)


def test_goods_that_everybody_wants_are_bought_by_who_waited(
    staff: HttpClient, guest: HttpClient, sell: Callable[..., dict[str, Any]]
) -> None:
    goods = sell(pieces=3)
    id_ = f"crowd-{uuid.uuid4().hex[:8]}"
    staff.post(
        "/staff/promotions",
        {
            "id": id_,
            "title": "Crowd",
            "effect": {"kind": "percent_off", "basis_points": 1000},
            "goods": {"variants": [goods["variant"]]},
        },
    )
    staff.post(f"/staff/promotions/{id_}/schedule", {"version": 1})
    room = {"admissions_per_second": 0, "reason": "everybody wants one"}
    assert staff.request(f"PUT /staff/waiting-rooms/{id_}", room).status == 200
    time.sleep(6)  # five seconds, and every Lambda knows
    checkout = guest.post("/checkout-sessions", checkout_body((goods["variant"], 1)))
    path, pay = f"/checkout-sessions/{checkout['id']}/complete", payment_body("tok_success")
    held = assert_valid_ucp("checkout", guest.post(path, pay))
    assert held["status"] == "requires_escalation"
    here = held["continue_url"].removeprefix(guest.url)
    place = guest.post(f"{here}/tickets", {"checkout_id": checkout["id"]})
    assert (place["admitted"], place["ahead"]) == (False, 1)
    assert (
        staff.request(
            f"PUT /staff/waiting-rooms/{id_}", {**room, "admissions_per_second": 100}
        ).status
        == 200
    )
    turn = wait_until(
        lambda: guest.post(f"{here}/turns", {"ticket": place["ticket"]}),
        lambda told: bool(told["admitted"]),
    )
    forged = {"Waiting-Room-Admission": place["ticket"]}
    assert guest.request(f"POST {path}", pay, headers=forged).status == 403
    shown = {"Waiting-Room-Admission": turn["admission"]}
    bought = guest.request(f"POST {path}", pay, headers=shown)
    assert bought.body["status"] == "completed", bought.text
    assert staff.request(f"DELETE /staff/waiting-rooms/{id_}").status == 200
    assert (
        staff.request("PUT /staff/switches/waiting_room", {"on": False, "reason": "a test"}).status
        == 200
    )
    off = wait_until(
        lambda: guest.request(f"POST {here}/tickets", {"checkout_id": checkout["id"]}),
        lambda reply: reply.status == 503,
    )
    assert off.body["code"] == "waiting_room_off"
    assert (
        staff.request("PUT /staff/switches/waiting_room", {"on": True, "reason": "done"}).status
        == 200
    )
