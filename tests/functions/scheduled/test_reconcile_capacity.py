"""A sale's capacity, from the staff handlers to the AWS calls before and after it."""

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
from shop.inventory.store.level_cache import LevelCache
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
RECORDED_SERVICES = {"lambda", "scheduler"}
AwsCalls = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def aws_calls(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsCalls]:
    """Record the calls to Lambda, the scheduler and the tables' settings, in order.

    Lambda is a double; the scheduler and the tables are moto's.
    """
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
    calls: AwsCalls = []
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def sending(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        if service in RECORDED_SERVICES or operation == "UpdateTable":
            known = {name: what for name, what in parameters.items() if name != "ClientToken"}
            calls.append((operation, known))
        return {} if service == "lambda" else send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", sending):
        yield calls


def sale(**more: Any) -> dict[str, Any]:
    return {
        "id": "friday",
        "title": "Friday",
        "effect": {"kind": "flash_sale", "off_ppm": 500_000, "quota": 6000},
        "goods": {"variants": ["mug.1"]},
        "conditions": {
            "window": {
                "starts": (NOW + timedelta(hours=3)).isoformat(),
                "ends": (NOW + timedelta(hours=4)).isoformat(),
            }
        },
        **more,
    }


def send(handler: Any, route: str, body: Any = None, **more: Any) -> ApiResponse:
    response = call(handler.handler, route, body, claims=CLAIMS, **more)
    assert response.status < 300, response.text
    return response


def publish_sale(**more: Any) -> None:
    send(create_promotion, "POST /staff/promotions", sale(**more))
    send(publish_promotion, "POST /staff/promotions/{id}/schedule", {"version": 1}, id="friday")


def reconcile_at(at: datetime, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the reconciliation at an instant, as the scheduler does."""
    from shop.entrypoints import scheduler

    class FixedTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return at

    monkeypatch.setattr(scheduler, "datetime", FixedTime)
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


PROVISIONED = {
    "FunctionName": "complete",
    "Qualifier": "live",
    "ProvisionedConcurrentExecutions": 63,
}
REMOVED = {"FunctionName": "complete", "Qualifier": "live"}


def test_scheduled_sale_makes_exactly_these_aws_calls(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a published flash sale, only its wake-ups are scheduled
    publish_with_stock(mug(), pieces=64)
    effect = {"kind": "flash_sale", "off_ppm": 500_000, "quota": 64}
    publish_sale(capacity={"orders_per_second": 1000, "lead_minutes": 30}, effect=effect)
    before, after = NOW + timedelta(minutes=150), NOW + timedelta(minutes=250)
    reconcile_at(NOW, monkeypatch)
    assert aws_calls == [
        ("CreateSchedule", schedule("after-friday", after)),
        ("CreateSchedule", schedule("before-friday", before)),
    ]
    # When its peak begins, tables, functions and shards are prepared
    aws_calls.clear()
    reconcile_at(before, monkeypatch)
    warmed = {call["TableName"]: call for what, call in aws_calls if what == "UpdateTable"}
    assert warmed["inventory"] == {
        "TableName": "inventory",
        "WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 7_000},
    }
    assert set(warmed) == {"inventory", "orders", "order_index", "sessions", "pricing"}
    others = [made for made in aws_calls if made[0] != "UpdateTable"]
    provisioned = {**PROVISIONED, "ProvisionedConcurrentExecutions": 625}
    assert others == [("PutProvisionedConcurrencyConfig", provisioned)]
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4
    quota = counter_shards().level("QUOTA#friday", USAGE_LOCATION)
    assert (quota.shard_count, quota.available) == (4, 64)
    # Then a second run changes nothing, and the run after the peak removes it
    aws_calls.clear()
    reconcile_at(before + timedelta(seconds=1), monkeypatch)
    assert aws_calls == []
    reconcile_at(after, monkeypatch)
    quota = counter_shards().level("QUOTA#friday", USAGE_LOCATION)
    assert (quota.shard_count, quota.available) == (1, 64)
    assert aws_calls == [("DeleteProvisionedConcurrencyConfig", REMOVED)]
    assert DynamoStockRepository().level("MUG-RED").shard_count == 1
    assert DynamoStockRepository().level("MUG-RED").available == 64


def test_flash_sale_without_capacity_is_prepared_by_its_quota(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=640)
    publish_sale()
    reconcile_at(NOW + timedelta(hours=2), monkeypatch)
    assert (
        "PutProvisionedConcurrencyConfig",
        PROVISIONED,
    ) in aws_calls  # 6,000 in a minute: 100 a second
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4


def moved_and_ended_early(aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish a sale, move it, prepare it and end it: these calls and no others."""
    # Given a published sale
    publish_with_stock(mug(), pieces=640)
    publish_sale()
    reconcile_at(NOW, monkeypatch)
    aws_calls.clear()
    # When it is moved, its schedules move
    window = {
        "starts": (NOW + timedelta(hours=5)).isoformat(),
        "ends": (NOW + timedelta(hours=6)).isoformat(),
    }
    route = "PUT /staff/promotions/{id}"
    changed = {**sale(conditions={"window": window}), "version": 2}
    send(update_promotion, route, changed, id="friday")
    reconcile_at(NOW, monkeypatch)
    moved = [
        schedule("after-friday", NOW + timedelta(minutes=370)),
        schedule("before-friday", NOW + timedelta(hours=4)),
    ]
    assert [made for made in aws_calls if made[0] == "UpdateSchedule"] == [
        ("UpdateSchedule", each) for each in moved
    ]
    # When its peak begins, shards are split
    aws_calls.clear()
    reconcile_at(NOW + timedelta(hours=4), monkeypatch)
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4
    assert counter_shards().level("QUOTA#friday", USAGE_LOCATION).shard_count == 4
    # Then ending it early removes all of it
    aws_calls.clear()
    send(end_promotion, "POST /staff/promotions/{id}/end", {"version": 3}, id="friday")
    reconcile_at(NOW + timedelta(hours=4, minutes=1), monkeypatch)
    assert aws_calls == [
        ("DeleteProvisionedConcurrencyConfig", REMOVED),
        ("DeleteSchedule", {"Name": "after-friday", "GroupName": "default"}),
    ]
    assert DynamoStockRepository().level("MUG-RED").shard_count == 1
    assert counter_shards().level("QUOTA#friday", USAGE_LOCATION).shard_count == 1
    schedules = boto3.client("scheduler").list_schedules()["Schedules"]
    # moto runs no schedules, so the one before the sale still exists.
    assert [one["Name"] for one in schedules] == ["before-friday"]


def test_moved_or_ended_sale_changes_schedules_and_removes_capacity(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved_and_ended_early(aws_calls, monkeypatch)


@pytest.mark.parametrize(
    ("adapter", "removal"),
    [
        (LambdaProvisionedConcurrency, "remove"),
        (SchedulerWakeUps, "delete"),
        (StockShardManager, "reshard"),
        (CounterShardManager, "reshard_counter"),
    ],
)
def test_a_missing_removal_is_detected(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch, adapter: type, removal: str
) -> None:
    original = getattr(adapter, removal)

    def skip_removal(self: Any, what: Any, rate: int = 0, *more: Any) -> bool:
        return bool(original(self, what, rate, *more)) if rate else True

    monkeypatch.setattr(adapter, removal, skip_removal)
    with pytest.raises(AssertionError):
        moved_and_ended_early(aws_calls, monkeypatch)


def test_sale_ended_before_its_start_leaves_no_schedule(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=640)
    publish_sale()
    reconcile_at(NOW, monkeypatch)
    aws_calls.clear()
    send(end_promotion, "POST /staff/promotions/{id}/end", {"version": 2}, id="friday")
    reconcile_at(NOW + timedelta(minutes=1), monkeypatch)
    assert aws_calls == [
        ("DeleteSchedule", {"Name": f"{which}-friday", "GroupName": "default"})
        for which in ("after", "before")
    ]
    assert boto3.client("scheduler").list_schedules()["Schedules"] == []
    assert DynamoStockRepository().level("MUG-RED").shard_count == 1
    assert counter_shards().level("QUOTA#friday", USAGE_LOCATION).version == 0


def test_failed_step_is_raised_after_the_others_ran(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=640)
    publish_sale()
    monkeypatch.setenv("TABLE_ORDERS", "nowhere")
    with pytest.raises(ReconcileIncomplete, match="table:orders: ResourceNotFoundException"):
        reconcile_at(NOW + timedelta(hours=2), monkeypatch)
    assert ("PutProvisionedConcurrencyConfig", PROVISIONED) in aws_calls
    assert DynamoStockRepository().level("MUG-RED").shard_count == 4


def test_overlapping_runs_retry_and_report_no_error(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_with_stock(mug(), pieces=640)
    publish_sale()
    # Given two competing runs
    waits: list[float] = []
    monkeypatch.setattr("functions.scheduled.reconcile_capacity.time.sleep", waits.append)
    load = reconcile_capacity.state_store.load

    def load_with_competing_run() -> ProvisionedCapacity:
        state = load()
        if len(waits) < 2:
            reconcile_capacity.state_store.save(load(), load())
        return state

    monkeypatch.setattr(reconcile_capacity.state_store, "load", load_with_competing_run)
    # When this run meets them, it retries and then changes each thing once
    result = reconcile_at(NOW + timedelta(hours=2), monkeypatch)
    assert (len(waits), result["contended"]) == (2, False)
    assert "sku:MUG-RED" in result["changed"]
    assert [what for what, _ in aws_calls].count("PutProvisionedConcurrencyConfig") == 1
    # And if the record always changes, it reports contention without an error
    waits.clear()

    def always_conflicting() -> ProvisionedCapacity:
        raise VersionConflict("another run changed the record")

    monkeypatch.setattr(reconcile_capacity.state_store, "load", always_conflicting)
    capsys.readouterr()
    assert reconcile_at(NOW, monkeypatch) == {"changed": [], "contended": True, "closed": []}
    assert len(waits) == MAX_ATTEMPTS
    assert "Traceback" not in capsys.readouterr().out


# Stock and its shards


def receive(sku: str, units: int, location: str = "main") -> None:
    """Receive stock at a location."""
    level = DynamoStockRepository().level(sku, location)
    movement = StockMovement(sku, MovementType.RECEIVED, NOW, "w", location=location, on_hand=units)
    DynamoStockRepository().write_movement(movement, level)


def add_shipping_location(name: str) -> None:
    repository = DynamoLocationRepository()
    network = repository.get()
    repository.save(network.with_location(Location(name, GeoPoint("US")), 0), network)


def shard_counts(sku: str, *places: str) -> list[int]:
    return [DynamoStockRepository().level(sku, place).shard_count for place in places or ("main",)]


PEAK_LOAD = {"orders_per_second": 200}


def test_stock_is_split_at_every_shipping_location(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=36)
    for place in ("west", "attic"):
        receive("MUG-RED", 233, place)
    add_shipping_location("west")
    publish_sale(capacity=PEAK_LOAD)
    reconcile_at(NOW + timedelta(hours=2), monkeypatch)
    assert shard_counts("MUG-RED", "main", "west", "attic") == [2, 8, 1]
    reconcile_at(NOW + timedelta(hours=6), monkeypatch)
    assert shard_counts("MUG-RED", "main", "west", "attic") == [1, 1, 1]
    assert DynamoStockRepository().level("MUG-RED", "west").available == 233


def test_parts_of_a_kit_are_split(aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = mug()
    publish_with_stock(mug("cup"), pieces=1000)
    DynamoProductCatalog().save(kit, expected_version=0)
    DynamoKitRepository().save("MUG-RED", {"CUP-RED": 1, "CUP-BLUE": 2}, None, 0)
    publish_sale(capacity=PEAK_LOAD)
    reconcile_at(NOW + timedelta(hours=2), monkeypatch)
    assert shard_counts("CUP-RED") + shard_counts("CUP-BLUE") + shard_counts("MUG-RED") == [
        8,
        16,
        1,
    ]
    reconcile_at(NOW + timedelta(hours=6), monkeypatch)
    assert shard_counts("CUP-RED") + shard_counts("CUP-BLUE") == [1, 1]


def test_stock_received_late_is_split_by_the_next_run(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=20)
    publish_sale(capacity=PEAK_LOAD)
    reconcile_at(NOW + timedelta(hours=2), monkeypatch)
    assert shard_counts("MUG-RED") == [1]
    aws_calls.clear()
    receive("MUG-RED", 5000)
    later = NOW + timedelta(hours=2, minutes=15)
    assert reconcile_at(later, monkeypatch)["changed"] == ["sku:MUG-RED"]
    assert shard_counts("MUG-RED") == [8]
    # Further stock keeps the number of shards, and every shard gets a share.
    receive("MUG-RED", 50_000)
    assert reconcile_at(later, monkeypatch)["changed"] == []
    units = [one.available for one in read_all_shards("MUG-RED", "main", consistent=True)]
    assert (len(units), sum(units), min(units) > 3000) == (8, 55_020, True)
    assert aws_calls == []


def test_waiting_room_of_an_ended_promotion_is_closed(
    aws_calls: AwsCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_stock(mug(), pieces=64)
    publish_sale()
    DynamoWaitingRoomRepository().save([WaitingRoom("friday", "friday.1", 0, NOW)], 0)
    assert reconcile_at(NOW + timedelta(hours=3), monkeypatch)["closed"] == []
    assert reconcile_at(NOW + timedelta(hours=4), monkeypatch)["closed"] == ["friday"]
    assert DynamoWaitingRoomRepository().list_waiting_rooms()[0] == ()


def test_read_only_pages_show_the_stock_of_a_hot_sku(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Lambdas of product pages may not refresh the shared shard snapshot."""
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
        # The handler's own stock was created with the test's environment, which may write.
        monkeypatch.setattr(get_product.pages, "_stock", LevelCache(page))
        shown = call(get_product.handler, "POST /catalog/product", {"id": "mug"})
        assert shown.status == 200, shown.text


# Schedules


def test_wake_up_is_rounded_up_and_set_and_deleted_repeatedly(aws_calls: AwsCalls) -> None:
    client = boto3.client("scheduler")
    scheduler = SchedulerWakeUps(
        client, group="default", target="arn:aws:x", role="arn:aws:r", dead_letters="arn:aws:d"
    )
    at = datetime(2026, 11, 27, 11, 59, 59, 1, tzinfo=UTC)
    scheduler.set(WakeUp("before-x", at))
    scheduler.set(WakeUp("before-x", at))
    expression = client.get_schedule(Name="before-x")["ScheduleExpression"]
    assert expression == "at(2026-11-27T12:00:00)"
    scheduler.delete("before-x")
    scheduler.delete("before-x")
    assert client.list_schedules()["Schedules"] == []


def test_schedule_names_are_unique_for_any_promotion_id() -> None:
    long = "before-" + "x" * 64
    names = {schedule_name(name) for name in (long, long + "y", "before-a", "after-a")}
    assert len(names) == 4
    assert max(map(len, names)) <= 64
    assert schedule_name(long) == schedule_name(long)
