"""The dashboard. Its first row is the business; what it runs on comes below."""

from collections.abc import Iterable

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from functions.manifest import Consumer, Feature, Queue, StreamReader, Table
from infra.constructs.alarms import Alarms
from infra.constructs.iam import SANDBOX_RESOURCES
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopStack
from infra.stacks.api import ApiStack

BUSINESS = "Doorbuster"
"""Namespace of the shop's own metrics (embedded metric format, dimension ``Stage``)."""

MINUTE = Duration.minutes(1)


class ObservabilityStack(ShopStack):
    """One dashboard a stage."""

    def __init__(
        self, scope: Construct, names: ResourceNames, api: ApiStack, features: Iterable[Feature]
    ) -> None:
        super().__init__(scope, names, "observability", "the dashboard")
        self._api = api
        self._entries = manifest_entries(features)
        dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=names.of("shop"),
            default_interval=Duration.hours(3),
        )
        for row in (
            self._business(),
            self._gateway(),
            self._lambdas(),
            self._queues(),
            self._tables(),
            self._workflow(),
        ):
            dashboard.add_widgets(*row)
        Alarms(self, names, "messages").on(
            "MessagesRefused",
            (BUSINESS, "MessagesRefused"),
            {"Stage": self.stage.name},
            above=0,
            meaning="A partner's message was refused for good; the consumer's log has the reason.",
        )

    def _business(self) -> list[cloudwatch.IWidget]:
        placed, confirmed = self._trade("OrdersPlaced"), self._trade("OrdersConfirmed")
        failed = self._trade("PaymentsFailed")
        return [
            _graph("Orders a minute", [placed, confirmed]),
            _graph("Revenue a minute, minor units", [self._trade("Revenue")]),
            _graph(
                "Payment failures",
                [failed],
                right=[
                    cloudwatch.MathExpression(
                        expression="100 * failed / MAX([failed + confirmed, 1])",
                        using_metrics={"failed": failed, "confirmed": confirmed},
                        label="% of payments",
                        period=MINUTE,
                    )
                ],
            ),
        ]

    def _gateway(self) -> list[cloudwatch.IWidget]:
        def metric(name: str, statistic: str) -> cloudwatch.IMetric:
            return _metric("AWS/ApiGateway", name, {"ApiId": self._api.id}, statistic)

        return [
            _graph("API requests", [metric("Count", "Sum")]),
            _graph("API latency, ms", [metric("Latency", s) for s in ("p50", "p95", "p99")]),
            _graph("API refusals and faults", [metric("4xx", "Sum"), metric("5xx", "Sum")]),
        ]

    def _lambdas(self) -> list[cloudwatch.IWidget]:
        def all_of(metric: str, statistic: str) -> cloudwatch.IMetric:
            named = f'doorbuster {self.stage.name} MetricName="{metric}"'
            return cloudwatch.MathExpression(
                expression=f"SEARCH('{{AWS/Lambda,FunctionName}} {named}', '{statistic}', 60)",
                using_metrics={},
                label="",
                period=MINUTE,
            )

        return [
            _graph("Lambda errors", [all_of("Errors", "Sum")]),
            _graph("Lambda duration p95, ms", [all_of("Duration", "p95")]),
            _graph(
                "Lambda throttles and environments",
                [all_of("Throttles", "Sum")],
                right=[_metric("AWS/Lambda", "ConcurrentExecutions", {}, "Maximum")],
            ),
        ]

    def _queues(self) -> list[cloudwatch.IWidget]:
        queues = [q for q in Queue if self.stage.sandbox or q not in SANDBOX_RESOURCES]

        def metric(name: str, metric: str) -> cloudwatch.IMetric:
            return _metric("AWS/SQS", metric, {"QueueName": self.names.of(name)}, "Maximum", name)

        dead = [f"{q.value}-dead" for q in queues]
        return [
            _graph(
                "Oldest message, s",
                [metric(q.value, "ApproximateAgeOfOldestMessage") for q in queues],
            ),
            _graph(
                "Messages waiting",
                [metric(q.value, "ApproximateNumberOfMessagesVisible") for q in queues],
            ),
            _graph(
                "Dead letters",
                [metric(d, "ApproximateNumberOfMessagesVisible") for d in dead],
            ),
        ]

    def _tables(self) -> list[cloudwatch.IWidget]:
        tables = [t for t in Table if self.stage.sandbox or t not in SANDBOX_RESOURCES]

        def each(metric: str) -> list[cloudwatch.IMetric]:
            return [
                _metric("AWS/DynamoDB", metric, {"TableName": self.names.table(t)}, "Sum", t.value)
                for t in tables
            ]

        return [
            _graph("Units written", each("ConsumedWriteCapacityUnits")),
            _graph("Units read", each("ConsumedReadCapacityUnits")),
            _graph(
                "Throttled and conflicting writes",
                [*each("WriteThrottleEvents"), *each("TransactionConflict")],
            ),
        ]

    def _workflow(self) -> list[cloudwatch.IWidget]:
        def metric(name: str) -> cloudwatch.IMetric:
            machine = {"StateMachineArn": self.names.workflow_arn}
            return _metric("AWS/States", name, machine, "Sum")

        readers = [x for x in self._entries if isinstance(x, StreamReader)]
        consumers = [x for x in self._entries if isinstance(x, Consumer)]
        return [
            _graph("Order workflows", [metric("ExecutionsStarted"), metric("ExecutionsSucceeded")]),
            _graph(
                "Order workflows in trouble",
                [metric(f"Executions{how}") for how in ("Failed", "TimedOut", "Aborted")],
            ),
            _graph(
                "Behind the stream, ms",
                [
                    _metric(
                        "AWS/Lambda",
                        "IteratorAge",
                        {"FunctionName": self.names.function(x.module)},
                        "Maximum",
                        x.module,
                    )
                    for x in readers
                ],
                right=[
                    _metric(
                        "AWS/Lambda",
                        "Duration",
                        {"FunctionName": self.names.function(x.module)},
                        "p95",
                        x.module,
                    )
                    for x in consumers
                ],
            ),
        ]

    def _trade(self, name: str) -> cloudwatch.IMetric:
        return _metric(BUSINESS, name, {"Stage": self.stage.name}, "Sum")


def _metric(
    namespace: str, name: str, dimensions: dict[str, str], statistic: str, label: str | None = None
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        label=label or (name if statistic in ("Sum", "Maximum") else statistic),
        period=MINUTE,
    )


def _graph(
    title: str,
    left: list[cloudwatch.IMetric],
    right: list[cloudwatch.IMetric] | None = None,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=left, right=right or [], width=8, height=6)
