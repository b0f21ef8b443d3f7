"""From the staff's doors to the calls that AWS is asked: a sale's capacity, before and after."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from functions.catalog import get_product
from functions.scheduled import reconcile_capacity
from functions.staff_pricing import (
    create_promotion,
    end_promotion,
    publish_promotion,
    update_promotion,
)
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.model import USAGE_LOCATION, MovementType, StockMovement
from shop.inventory.model.allocation import GeoPoint, Location
from shop.inventory.store import (
    DynamoKitRepository,
    DynamoLocationRepository,
    DynamoStockRepository,
    counter_shards,
)
from shop.inventory.store.shard_cache import read_all_shards
from shop.kernel.errors import VersionConflict
from shop.peak.actions.reconcile_capacity import MAX_ATTEMPTS, ReconcileIncomplete
from shop.peak.actions.sharding import CounterShardManager, StockShardManager
from shop.peak.gateway.aws_capacity import (
    LambdaProvisionedConcurrency,
    SchedulerWakeUps,
    schedule_name,
)
from shop.peak.model.traffic_peaks import ProvisionedCapacity, WakeUp
from shop.peak.model.waiting_room import WaitingRoom
from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository
from tests.kit.products import mug, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

CLAIMS = {
    "token_use": "access",
    "iss": "http://issuer.test",
    "client_id": "shop-client",
    "sub": "staff-1",
    "cognito:groups": "[staff]",
}
NOW = datetime.now(UTC).replace(microsecond=0)
OURS = {"lambda", "scheduler"}
Asked = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def asked(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """What Lambda, the scheduler and the tables' settings were asked, in order.

    Lambda answers by the double; the scheduler is moto's, and so are the tables.
    """
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalogue")
    calls: Asked = []
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def sending(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        if service in OURS or operation == "UpdateTable":
            known = {name: what for name, what in parameters.items() if name != "ClientToken"}
            calls.append((operation, known))
        return {} if service == "lambda" else send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", sending):
        yield calls


def sale(**more: Any) -> dict[str, Any]:
    return {
        "id": "friday",
        "title": "Friday",
        "effect": {"kind": "flash_sale", "basis_points": 5000, "quota": 6000},
        "goods": {"variants": ["mug.1"]},
        "conditions": {
            "window": {
                "starts": (NOW + timedelta(hours=3)).isoformat(),
                "ends": (NOW + timedelta(hours=4)).isoformat(),
            }
        },
        **more,
    }


def ask(door: Any, route: str, body: Any = None, **more: Any) -> ApiResponse:
    said = call(door.handler, route, body, claims=CLAIMS, **more)
    assert said.status < 300, said.text
    return said


def published(**more: Any) -> None:
    ask(create_promotion, "POST /staff/promotions", sale(**more))
    ask(publish_promotion, "POST /staff/promotions/{id}/schedule", {"version": 1}, id="friday")


def keep(at: datetime, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Wake the keeper at an instant, as the scheduler does."""
    from shop.entrypoints import scheduler

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return at

    monkeypatch.setattr(scheduler, "datetime", Then)
    return reconcile_capacity.handler({"schedule": "before-friday"}, Context())


def schedule(name: str, at: datetime) -> dict[str, Any]:
    return {
        "Name": name,
        "GroupName": "default",
        "Description": name,
        "ScheduleExpression": f"at({at.replace(tzinfo=None).isoformat()})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "State": "ENABLED",
        "Target": {
            "Arn": "arn:aws:lambda:us-east-1:123456789012:function:prepare_peak",
            "RoleArn": "arn:aws:iam::123456789012:role/clock",
            "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:prepare_peak-dead"},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10},
            "Input": f'{{"schedule": "{name}"}}',
        },
    }


KEPT_WARM = {
    "FunctionName": "complete",
    "Qualifier": "live",
    "ProvisionedConcurrentExecutions": 63,
}
LET_GO = {"FunctionName": "complete", "Qualifier": "live"}


def test_scheduled_sale_makes_exactly_these_aws_calls(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=64)
    effect = {"kind": "flash_sale", "basis_points": 5000, "quota": 64}
    published(capacity={"orders_per_second": 1000, "lead_minutes": 30}, effect=effect)
    before, after = NOW + timedelta(minutes=150), NOW + timedelta(minutes=250)
    keep(NOW, monkeypatch)
    assert asked == [
        ("CreateSchedule", schedule("after-friday", after)),
        ("CreateSchedule", schedule("before-friday", before)),
    ]
    asked.clear()
    keep(before, monkeypatch)
    warmed = {call["TableName"]: call for what, call in asked if what == "UpdateTable"}
    assert warmed["inventory"] == {
        "TableName": "inventory",
        "WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 7_000},
    }
    assert set(warmed) == {"inventory", "orders", "sessions", "pricing"}
    rest = [made for made in asked if made[0] != "UpdateTable"]
    kept = {**KEPT_WARM, "ProvisionedConcurrentExecutions": 625}
    assert rest == [("PutProvisionedConcurrencyConfig", kept)]
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4
    quota = counter_shards().level("QUOTA#friday", USAGE_LOCATION)
    assert (quota.shard_count, quota.available) == (4, 64)
    asked.clear()
    keep(before + timedelta(seconds=1), monkeypatch)
    assert asked == []
    keep(after, monkeypatch)
    quota = counter_shards().level("QUOTA#friday", USAGE_LOCATION)
    assert (quota.shard_count, quota.available) == (1, 64)
    assert asked == [("DeleteProvisionedConcurrencyConfig", LET_GO)]
    assert DynamoStockRepository().level("MUG-RED").shard_count == 1
    assert DynamoStockRepository().level("MUG-RED").available == 64


def test_flash_sale_without_capacity_is_prepared_by_its_quota(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=640)
    published()
    keep(NOW + timedelta(hours=2), monkeypatch)
    assert (
        "PutProvisionedConcurrencyConfig",
        KEPT_WARM,
    ) in asked  # 6,000 in a minute: 100 a second
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4


def moved_and_ended_early(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale is put on the calendar, moved, prepared for, and ended: exactly these calls."""
    publish_with_stock(mug(), pieces=640)
    published()
    keep(NOW, monkeypatch)
    asked.clear()
    window = {
        "starts": (NOW + timedelta(hours=5)).isoformat(),
        "ends": (NOW + timedelta(hours=6)).isoformat(),
    }
    route = "PUT /staff/promotions/{id}"
    changed = {**sale(conditions={"window": window}), "version": 2}
    ask(update_promotion, route, changed, id="friday")
    keep(NOW, monkeypatch)
    moved = [
        schedule("after-friday", NOW + timedelta(minutes=370)),
        schedule("before-friday", NOW + timedelta(hours=4)),
    ]
    assert [made for made in asked if made[0] == "UpdateSchedule"] == [
        ("UpdateSchedule", each) for each in moved
    ]
    asked.clear()
    keep(NOW + timedelta(hours=4), monkeypatch)
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4
    assert counter_shards().level("QUOTA#friday", USAGE_LOCATION).shard_count == 4
    asked.clear()
    ask(end_promotion, "POST /staff/promotions/{id}/end", {"version": 3}, id="friday")
    keep(NOW + timedelta(hours=4, minutes=1), monkeypatch)
    assert asked == [
        ("DeleteProvisionedConcurrencyConfig", LET_GO),
        ("DeleteSchedule", {"Name": "after-friday", "GroupName": "default"}),
    ]
    assert DynamoStockRepository().level("MUG-RED").shard_count == 1
    assert counter_shards().level("QUOTA#friday", USAGE_LOCATION).shard_count == 1
    left = boto3.client("scheduler").list_schedules()["Schedules"]
    # moto never lets a schedule go off, so the one that woke us is still there.
    assert [one["Name"] for one in left] == ["before-friday"]


def test_moved_or_ended_sale_changes_schedules_and_removes_capacity(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved_and_ended_early(asked, monkeypatch)


@pytest.mark.parametrize(
    ("owner", "undo"),
    [
        (LambdaProvisionedConcurrency, "remove"),
        (SchedulerWakeUps, "delete"),
        (StockShardManager, "reshard"),
        (CounterShardManager, "reshard_counter"),
    ],
)
def test_a_missing_removal_is_detected(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, owner: type, undo: str
) -> None:
    done = getattr(owner, undo)

    def forgetting(self: Any, what: Any, rate: int = 0, *more: Any) -> bool:
        return bool(done(self, what, rate, *more)) if rate else True

    monkeypatch.setattr(owner, undo, forgetting)
    with pytest.raises(AssertionError):
        moved_and_ended_early(asked, monkeypatch)


def test_sale_ended_before_its_start_leaves_no_schedule(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=640)
    published()
    keep(NOW, monkeypatch)
    asked.clear()
    ask(end_promotion, "POST /staff/promotions/{id}/end", {"version": 2}, id="friday")
    keep(NOW + timedelta(minutes=1), monkeypatch)
    assert asked == [
        ("DeleteSchedule", {"Name": f"{which}-friday", "GroupName": "default"})
        for which in ("after", "before")
    ]
    assert boto3.client("scheduler").list_schedules()["Schedules"] == []
    assert DynamoStockRepository().level("MUG-RED").shard_count == 1
    assert counter_shards().level("QUOTA#friday", USAGE_LOCATION).version == 0


def test_failed_step_is_raised_after_the_others_ran(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=640)
    published()
    monkeypatch.setenv("TABLE_ORDERS", "nowhere")
    with pytest.raises(ReconcileIncomplete, match="table:orders: ResourceNotFoundException"):
        keep(NOW + timedelta(hours=2), monkeypatch)
    assert ("PutProvisionedConcurrencyConfig", KEPT_WARM) in asked
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4


def test_overlapping_runs_retry_and_report_no_error(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_with_stock(mug(), pieces=640)
    published()
    waits: list[float] = []
    monkeypatch.setattr("functions.scheduled.reconcile_capacity.time.sleep", waits.append)
    kept = reconcile_capacity.state_store.load

    def and_another_is_faster() -> ProvisionedCapacity:
        seen = kept()
        if len(waits) < 2:
            reconcile_capacity.state_store.save(kept(), kept())
        return seen

    monkeypatch.setattr(reconcile_capacity.state_store, "load", and_another_is_faster)
    done = keep(NOW + timedelta(hours=2), monkeypatch)
    assert (len(waits), done["busy"]) == (2, False)
    assert "sku:MUG-RED" in done["changed"]
    assert [what for what, _ in asked].count("PutProvisionedConcurrencyConfig") == 1
    waits.clear()

    def always_stale() -> ProvisionedCapacity:
        raise VersionConflict("somebody else sets up capacity at this moment")

    monkeypatch.setattr(reconcile_capacity.state_store, "load", always_stale)
    capsys.readouterr()
    assert keep(NOW, monkeypatch) == {"changed": [], "busy": True, "closed": []}
    assert len(waits) == MAX_ATTEMPTS
    assert "Traceback" not in capsys.readouterr().out


# -------------------------------------------------------------------- where the stock is


def came(sku: str, units: int, location: str = "main") -> None:
    """Goods come to a location."""
    level = DynamoStockRepository().level(sku, location)
    one = StockMovement(sku, MovementType.RECEIVED, NOW, "w", location=location, on_hand=units)
    DynamoStockRepository().write_movement(one, level)


def ships_too(name: str) -> None:
    book = DynamoLocationRepository()
    network = book.get()
    book.save(network.with_location(Location(name, GeoPoint("US")), 0), network)


def bins(sku: str, *places: str) -> list[int]:
    return [DynamoStockRepository().level(sku, place).shard_count for place in places or ("main",)]


RUSH = {"orders_per_second": 200}


def test_stock_is_split_at_every_shipping_location(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=36)
    for place in ("west", "attic"):
        came("MUG-RED", 233, place)
    ships_too("west")
    published(capacity=RUSH)
    keep(NOW + timedelta(hours=2), monkeypatch)
    assert bins("MUG-RED", "main", "west", "attic") == [2, 8, 1]
    keep(NOW + timedelta(hours=6), monkeypatch)
    assert bins("MUG-RED", "main", "west", "attic") == [1, 1, 1]
    assert DynamoStockRepository().level("MUG-RED", "west").available == 233


def test_parts_of_a_kit_are_split(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = mug()
    publish_with_stock(mug("cup"), pieces=1000)
    DynamoProductCatalog().save(kit, expected_version=0)
    DynamoKitRepository().save("MUG-RED", {"CUP-RED": 1, "CUP-BLUE": 2}, None, 0)
    published(capacity=RUSH)
    keep(NOW + timedelta(hours=2), monkeypatch)
    assert bins("CUP-RED") + bins("CUP-BLUE") + bins("MUG-RED") == [8, 16, 1]
    keep(NOW + timedelta(hours=6), monkeypatch)
    assert bins("CUP-RED") + bins("CUP-BLUE") == [1, 1]


def test_stock_received_late_is_split_by_the_next_run(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=20)
    published(capacity=RUSH)
    keep(NOW + timedelta(hours=2), monkeypatch)
    assert bins("MUG-RED") == [1]
    asked.clear()
    came("MUG-RED", 5000)
    later = NOW + timedelta(hours=2, minutes=15)
    assert keep(later, monkeypatch)["changed"] == ["sku:MUG-RED"]
    assert bins("MUG-RED") == [8]
    # Of goods that come again there are as many bins, and none of them is left poor.
    came("MUG-RED", 50_000)
    assert keep(later, monkeypatch)["changed"] == []
    units = [one.available for one in read_all_shards("MUG-RED", "main", consistent=True)]
    assert (len(units), sum(units), min(units) > 3000) == (8, 55_020, True)
    assert asked == []


def test_waiting_room_of_an_ended_promotion_is_closed(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=64)
    published()
    DynamoWaitingRoomRepository().save([WaitingRoom("friday", "friday.1", 0, NOW)], 0)
    assert keep(NOW + timedelta(hours=3), monkeypatch)["closed"] == []
    assert keep(NOW + timedelta(hours=4), monkeypatch)["closed"] == ["friday"]
    assert DynamoWaitingRoomRepository().list_rooms()[0] == ()


def test_read_only_pages_show_the_stock_of_a_hot_sku(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Lambdas of product pages have no right to renew what everybody sees of the bins."""
    publish_with_stock(mug(), pieces=640)
    stock = DynamoStockRepository()
    assert stock.reshard("MUG-RED", 8) == 8
    send = BaseClient._make_api_call  # type: ignore[attr-defined]
    denied: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}

    def reading(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "UpdateItem":
            raise ClientError(denied, operation)
        return send(client, operation, parameters)

    monkeypatch.setenv("WRITES", "")
    with patch.object(BaseClient, "_make_api_call", reading):
        page = DynamoStockRepository()
        monkeypatch.setattr(page._shard_cache, "_clock", lambda: time.time() + 60)
        assert page.levels(["MUG-RED"])["MUG-RED"].available == 640
        shown = call(get_product.handler, "POST /catalog/product", {"id": "mug"})
        assert shown.status == 200, shown.text


# ------------------------------------------------------------------------------ the clock


def test_wake_up_is_rounded_up_and_set_and_deleted_repeatedly(asked: Asked) -> None:
    client = boto3.client("scheduler")
    clock = SchedulerWakeUps(
        client, group="default", target="arn:aws:x", role="arn:aws:r", dead_letters="arn:aws:d"
    )
    at = datetime(2026, 11, 27, 11, 59, 59, 1, tzinfo=UTC)
    clock.set(WakeUp("before-x", at))
    clock.set(WakeUp("before-x", at))
    told = client.get_schedule(Name="before-x")["ScheduleExpression"]
    assert told == "at(2026-11-27T12:00:00)"
    clock.delete("before-x")
    clock.delete("before-x")
    assert client.list_schedules()["Schedules"] == []


def test_schedule_names_are_unique_for_any_promotion_id() -> None:
    long = "before-" + "x" * 64
    names = {schedule_name(name) for name in (long, long + "y", "before-a", "after-a")}
    assert len(names) == 4
    assert max(map(len, names)) <= 64
    assert schedule_name(long) == schedule_name(long)
