"""What the keeper asks of AWS. Every call may be repeated."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from shop.peak.model.traffic_peaks import NEW_TABLE_THROUGHPUT, WakeUp, WarmThroughput


class DynamoTableThroughput:
    """See :class:`shop.peak.ports.TableThroughput`. Names come in ``TABLE_<NAME>``."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def get(self, table: str) -> Mapping[str, WarmThroughput]:
        told = self._dynamodb.describe_table(TableName=_name(table))["Table"]
        warm = {"": _warmth(told)}
        for index in told.get("GlobalSecondaryIndexes", ()):
            warm[index["IndexName"]] = _warmth(index)
        return warm

    def raise_to(self, table: str, wanted: Mapping[str, WarmThroughput]) -> None:
        requested_ids: dict[str, Any] = {"TableName": _name(table)}
        if "" in wanted:
            requested_ids["WarmThroughput"] = _units(wanted[""])
        indexes = [
            {"Update": {"IndexName": index, "WarmThroughput": _units(warmth)}}
            for index, warmth in sorted(wanted.items())
            if index
        ]
        if indexes:
            requested_ids["GlobalSecondaryIndexUpdates"] = indexes
        self._dynamodb.update_table(**requested_ids)


def _name(table: str) -> str:
    return os.environ[f"TABLE_{table.upper()}"]


def _warmth(raw: Mapping[str, Any]) -> WarmThroughput:
    warm = raw.get("WarmThroughput") or {}
    return WarmThroughput(
        int(warm.get("ReadUnitsPerSecond", NEW_TABLE_THROUGHPUT.reads)),
        int(warm.get("WriteUnitsPerSecond", NEW_TABLE_THROUGHPUT.writes)),
    )


def _units(warmth: WarmThroughput) -> dict[str, int]:
    return {"ReadUnitsPerSecond": warmth.reads, "WriteUnitsPerSecond": warmth.writes}


class LambdaProvisionedConcurrency:
    """See :class:`shop.peak.ports.ProvisionedConcurrency`. ``alias`` is the one that routes lead to."""

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
        """Deleting what is not there is no error of Lambda's."""
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

    def set(self, alarm: WakeUp) -> None:
        # Whole seconds, rounded up: an alarm a moment too early would find nothing to do yet.
        late = alarm.at.astimezone(UTC) + timedelta(microseconds=999_999)
        moment = late.replace(microsecond=0, tzinfo=None)
        schedule = {
            "Name": schedule_name(alarm.name),
            "GroupName": self._group,
            "Description": alarm.name,
            "ScheduleExpression": f"at({moment.isoformat()})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "State": "ENABLED",
            "Target": {**self._target, "Input": json.dumps({"schedule": alarm.name})},
        }
        try:
            self._scheduler.create_schedule(**schedule)
        except self._scheduler.exceptions.ConflictException:
            self._scheduler.update_schedule(**schedule)

    def delete(self, name: str) -> None:
        try:
            self._scheduler.delete_schedule(Name=schedule_name(name), GroupName=self._group)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return  # it has gone off, or somebody was faster


def schedule_name(name: str) -> str:
    """The same schedule for the same name. EventBridge Scheduler takes 64 of these characters."""
    if re.fullmatch(r"[0-9a-zA-Z_.-]{1,64}", name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{re.sub(r'[^0-9a-zA-Z_.-]', '-', name)[:47]}-{digest}"
