"""The dashboard: business metrics in the first row, technical metrics below."""

import json
from collections.abc import Iterable
from typing import Any

from functions.manifest import Consumer, Feature, Queue, StreamReader, Table
from infra.constructs.alarms import Alarms
from infra.constructs.iam import SANDBOX_RESOURCES
from infra.constructs.intrinsics import sub
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopApp, ShopStack
from infra.stacks.api import ApiStack

BUSINESS = "Doorbuster"
"""Namespace of the shop's own metrics (embedded metric format, dimension ``Stage``)."""

MESSAGE_ALARMS = {
    "MessagesRejected": "A consumer rejected a partner's message for good; its log has the reason.",
    "TrackingEventsParked": "A carrier reported a parcel that no order has: see "
    "GET /staff/parked-events. The event counts when staff create the parcel.",
}
"""Alarms on metrics of the consumers, with their meaning."""

MINUTE = 60
WIDTH, HEIGHT = 8, 6
"""Size of a graph in cells of the dashboard's grid; three graphs fill a row."""

Metric = list[Any]
"""A metric as a dashboard's JSON writes it: namespace, name, dimensions, options."""

Graph = dict[str, Any]


class ObservabilityStack(ShopStack):
    """One dashboard per stage."""

    def __init__(
        self, scope: ShopApp, names: ResourceNames, api: ApiStack, features: Iterable[Feature]
    ) -> None:
        super().__init__(scope, names, "observability", "the dashboard")
        self._entries = manifest_entries(features)
        rows = (
            self._business(),
            self._gateway(),
            self._lambdas(),
            self._queues(),
            self._tables(),
            self._workflow(),
        )
        widgets = [
            {"type": "metric", "width": WIDTH, "height": HEIGHT, "x": x * WIDTH, "y": y * HEIGHT}
            | {"properties": graph}
            for y, row in enumerate(rows)
            for x, graph in enumerate(row)
        ]
        body = json.dumps({"start": "-PT3H", "widgets": widgets}, separators=(",", ":"))
        self.add(
            "AWS::CloudWatch::Dashboard",
            "Dashboard/Resource",
            {"DashboardName": names.of("shop"), "DashboardBody": sub(body, Api=api.id)},
        )
        messages = Alarms(self, "", "messages")
        for metric, meaning in MESSAGE_ALARMS.items():
            messages.on(
                metric, (BUSINESS, metric), {"Stage": self.stage.name}, above=0, meaning=meaning
            )

    def _business(self) -> list[Graph]:
        placed, confirmed = self._trade("OrdersPlaced"), self._trade("OrdersConfirmed")
        failed = self._trade("PaymentsFailed", id="failed")
        share = {
            "label": "% of payments",
            "expression": "100 * failed / MAX([failed + confirmed, 1])",
            "period": MINUTE,
            "yAxis": "right",
        }
        hidden = self._trade("OrdersConfirmed", id="confirmed", visible=False)
        return [
            _graph("Orders a minute", [placed, confirmed, self._trade("OrdersUntaxedUndecided")]),
            _graph("Revenue a minute, minor units", [self._trade("Revenue")]),
            _graph("Payment failures", [failed, [share], hidden]),
        ]

    def _gateway(self) -> list[Graph]:
        def metric(name: str, statistic: str) -> Metric:
            return _metric("AWS/ApiGateway", name, {"ApiId": "${Api}"}, statistic)

        return [
            _graph("API requests", [metric("Count", "Sum")]),
            _graph("API latency, ms", [metric("Latency", s) for s in ("p50", "p95", "p99")]),
            _graph("API errors", [metric("4xx", "Sum"), metric("5xx", "Sum")]),
        ]

    def _lambdas(self) -> list[Graph]:
        def all_of(metric: str, statistic: str) -> Metric:
            named = f'doorbuster {self.stage.name} MetricName="{metric}"'
            search = f"SEARCH('{{AWS/Lambda,FunctionName}} {named}', '{statistic}', {MINUTE})"
            return [{"expression": search, "period": MINUTE}]

        environments = _metric("AWS/Lambda", "ConcurrentExecutions", {}, "Maximum", yAxis="right")
        return [
            _graph("Lambda errors", [all_of("Errors", "Sum")]),
            _graph("Lambda duration p95, ms", [all_of("Duration", "p95")]),
            _graph("Lambda throttles and environments", [all_of("Throttles", "Sum"), environments]),
        ]

    def _queues(self) -> list[Graph]:
        queues = [q.value for q in Queue if self.stage.sandbox or q not in SANDBOX_RESOURCES]

        def each(metric: str, names: list[str]) -> list[Metric]:
            return [
                _metric(
                    "AWS/SQS", metric, {"QueueName": self.names.of(name)}, "Maximum", label=name
                )
                for name in names
            ]

        age, visible = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
        return [
            _graph("Oldest message, s", each(age, queues)),
            _graph("Messages waiting", each(visible, queues)),
            _graph("Dead letters", each(visible, [f"{name}-dead" for name in queues])),
        ]

    def _tables(self) -> list[Graph]:
        tables = [t for t in Table if self.stage.sandbox or t not in SANDBOX_RESOURCES]

        def each(metric: str) -> list[Metric]:
            return [
                _metric(
                    "AWS/DynamoDB",
                    metric,
                    {"TableName": self.names.table(table)},
                    "Sum",
                    label=table.value,
                )
                for table in tables
            ]

        return [
            _graph("Units written", each("ConsumedWriteCapacityUnits")),
            _graph("Units read", each("ConsumedReadCapacityUnits")),
            _graph(
                "Throttled and conflicting writes",
                [*each("WriteThrottleEvents"), *each("TransactionConflict")],
            ),
        ]

    def _workflow(self) -> list[Graph]:
        machine = str(self.names.workflow_arn["Fn::Sub"])

        def executions(*outcomes: str) -> list[Metric]:
            return [
                _metric("AWS/States", f"Executions{how}", {"StateMachineArn": machine}, "Sum")
                for how in outcomes
            ]

        def of_lambda(name: str, module: str, statistic: str, **options: Any) -> Metric:
            function = {"FunctionName": self.names.function(module)}
            return _metric("AWS/Lambda", name, function, statistic, label=module, **options)

        readers = [x.module for x in self._entries if isinstance(x, StreamReader)]
        consumers = [x.module for x in self._entries if isinstance(x, Consumer)]
        return [
            _graph("Order workflows", executions("Started", "Succeeded")),
            _graph("Failed order workflows", executions("Failed", "TimedOut", "Aborted")),
            _graph(
                "Behind the stream, ms",
                [
                    *(of_lambda("IteratorAge", module, "Maximum") for module in readers),
                    *(of_lambda("Duration", module, "p95", yAxis="right") for module in consumers),
                ],
            ),
        ]

    def _trade(self, name: str, **options: Any) -> Metric:
        return _metric(BUSINESS, name, {"Stage": self.stage.name}, "Sum", **options)


def _metric(
    namespace: str, name: str, dimensions: dict[str, str], statistic: str, **options: Any
) -> Metric:
    """Return a metric per minute. Its label is its name or, for a percentile, the statistic."""
    label = name if statistic in ("Sum", "Maximum") else statistic
    flat = [text for pair in dimensions.items() for text in pair]
    return [namespace, name, *flat, {"label": label, "period": MINUTE, "stat": statistic} | options]


def _graph(title: str, metrics: list[Metric]) -> Graph:
    return {
        "view": "timeSeries",
        "title": title,
        "region": "${AWS::Region}",
        "metrics": metrics,
        "yAxis": {},
    }
