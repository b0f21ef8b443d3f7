"""Changes of capacity in AWS. Every call may be repeated."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from shop.peak.model.traffic_peaks import NEW_TABLE_THROUGHPUT, WakeUp, WarmThroughput


class DynamoTableThroughput:
    """See :class:`shop.peak.ports.TableThroughput`. ``TABLE_<NAME>`` has a table's name."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def get(self, table: str) -> Mapping[str, WarmThroughput]:
        description = self._dynamodb.describe_table(TableName=_name(table))["Table"]
        throughput = {"": _throughput(description)}
        for index in description.get("GlobalSecondaryIndexes", ()):
            throughput[index["IndexName"]] = _throughput(index)
        return throughput

    def raise_to(self, table: str, wanted: Mapping[str, WarmThroughput]) -> None:
        request: dict[str, Any] = {"TableName": _name(table)}
        if "" in wanted:
            request["WarmThroughput"] = _units(wanted[""])
        indexes = [
            {"Update": {"IndexName": index, "WarmThroughput": _units(throughput)}}
            for index, throughput in sorted(wanted.items())
            if index
        ]
        if indexes:
            request["GlobalSecondaryIndexUpdates"] = indexes
        self._dynamodb.update_table(**request)


def _name(table: str) -> str:
    return os.environ[f"TABLE_{table.upper()}"]


def _throughput(description: Mapping[str, Any]) -> WarmThroughput:
    # Absent in responses for tables that were never warmed.
    warm = description.get("WarmThroughput") or {}
    return WarmThroughput(
        int(warm.get("ReadUnitsPerSecond", NEW_TABLE_THROUGHPUT.reads)),
        int(warm.get("WriteUnitsPerSecond", NEW_TABLE_THROUGHPUT.writes)),
    )


def _units(throughput: WarmThroughput) -> dict[str, int]:
    return {
        "ReadUnitsPerSecond": throughput.reads,
        "WriteUnitsPerSecond": throughput.writes,
    }


class LambdaProvisionedConcurrency:
    """See :class:`shop.peak.ports.ProvisionedConcurrency`.

    ``alias`` is the function alias that API routes invoke.
    """

    def __init__(self, lambdas: Any, alias: str) -> None:
        self._lambdas = lambdas
        self._alias = alias

    def set_environments(self, function: str, environments: int) -> None:
        self._lambdas.put_provisioned_concurrency_config(
            FunctionName=function,
            Qualifier=self._alias,
            ProvisionedConcurrentExecutions=environments,
        )

    def remove(self, function: str) -> None:
        # Lambda does not report an error if there is no configuration.
        self._lambdas.delete_provisioned_concurrency_config(
            FunctionName=function, Qualifier=self._alias
        )


class SchedulerWakeUps:
    """See :class:`shop.peak.ports.WakeUpScheduler`: one-off schedules that delete themselves."""

    def __init__(
        self, scheduler: Any, *, group: str, target: str, role: str, dead_letters: str
    ) -> None:
        self._scheduler = scheduler
        self._group = group
        self._target = {
            "Arn": target,
            "RoleArn": role,
            "DeadLetterConfig": {"Arn": dead_letters},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10},
        }

    def set(self, wake_up: WakeUp) -> None:
        # Whole seconds, rounded up: a run a moment too early would find no demand yet.
        rounded_up = wake_up.at.astimezone(UTC) + timedelta(microseconds=999_999)
        moment = rounded_up.replace(microsecond=0, tzinfo=None)
        schedule = {
            "Name": schedule_name(wake_up.name),
            "GroupName": self._group,
            "Description": wake_up.name,
            "ScheduleExpression": f"at({moment.isoformat()})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "State": "ENABLED",
            "Target": {**self._target, "Input": json.dumps({"schedule": wake_up.name})},
        }
        try:
            self._scheduler.create_schedule(**schedule)
        except self._scheduler.exceptions.ConflictException:
            self._scheduler.update_schedule(**schedule)

    def delete(self, name: str) -> None:
        try:
            self._scheduler.delete_schedule(Name=schedule_name(name), GroupName=self._group)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return  # the schedule has run, or another run deleted it


def schedule_name(name: str) -> str:
    """Return a schedule name for any name: EventBridge Scheduler allows 64 of these characters."""
    if re.fullmatch(r"[0-9a-zA-Z_.-]{1,64}", name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{re.sub(r'[^0-9a-zA-Z_.-]', '-', name)[:47]}-{digest}"
