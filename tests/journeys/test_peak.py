"""A rush, over HTTP and through the deployed stacks: prepared by the clock, and taken back.

What is asked of Lambda is asserted in tests/functions: the emulator refuses it where it enforces
IAM (docs/local-cloud.md).
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.people import Visitor, until

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
    cloud: Cloud, staff: Visitor, sell: Callable[..., dict[str, Any]]
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
            "capacity": {"orders_a_second": 100, "lead_minutes": 1},
        },
    )
    staff.post(f"/staff/promotions/{id_}/schedule", None)
    ours = {f"before-{id_}", f"after-{id_}"}
    until(lambda: schedules(cloud), lambda names: ours <= names)
    assert bins(cloud, goods["sku"]) == 1  # its publication set the clock, and nothing else
    until(lambda: bins(cloud, goods["sku"]), lambda there: there == 4, seconds=60)
    staff.post(f"/staff/promotions/{id_}/end", None)
    until(lambda: bins(cloud, goods["sku"]), lambda there: there == 1)
    until(lambda: schedules(cloud), lambda names: not ours & names)
