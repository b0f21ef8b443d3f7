"""The stack of a feature: its Lambdas, and the routes, queues and events that invoke them."""

import json
from typing import Any

from functions.manifest import (
    Access,
    Consumer,
    DefaultRoute,
    Endpoint,
    Feature,
    Function,
    Reaction,
    Schedule,
    StreamReader,
)
from infra.constructs.asset_packages import AssetPackages
from infra.constructs.iam import SharedResources
from infra.constructs.intrinsics import ACCOUNT, Value, aws_service, sub
from infra.constructs.lambda_function import ShopFunction, lambda_build_context, trust
from infra.constructs.queues import policy_document
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopApp, ShopStack
from infra.stacks.api import ApiStack

_NO_AUTHORIZER = {
    Access.PUBLIC: "Public: the response is the same for all callers.",
    Access.SHOPPER: "Guests may shop; the Lambda verifies any token and fails closed.",
    Access.WEBHOOK: "The sender signs the raw body; the Lambda verifies the signature.",
}
"""Why routes with this access have no authorizer at the gateway."""

_ROWS_WITH_EVENTS = json.dumps({"dynamodb": {"NewImage": {"events": {"B": [{"exists": True}]}}}})
"""Matches changes of rows that carry events (see :mod:`shop.storage.outbox`)."""

_REPORT_FAILURES = ["ReportBatchItemFailures"]


class FeatureStack(ShopStack):
    """The Lambdas of one folder below ``functions/``, each with its route, queue or schedule."""

    def __init__(
        self,
        scope: ShopApp,
        names: ResourceNames,
        feature: Feature,
        shared: SharedResources,
        api: ApiStack,
        packages: AssetPackages,
    ) -> None:
        super().__init__(scope, names, feature.name, f"the feature {feature.name}")
        self._shared, self._api = shared, api
        context = lambda_build_context(self, feature.name, shared, packages)
        for entry in feature.functions:
            self._connect(entry, ShopFunction(self, entry, context))

    def _connect(self, entry: Function, function: ShopFunction) -> None:
        """Add the resources that invoke the function."""
        senders: list[tuple[str, Value]] = []
        match entry:
            case Endpoint():
                self._route(entry, function)
            case DefaultRoute():
                self._default_route(entry, function)
            case Consumer():
                self._consume(entry, function)
            case StreamReader():
                self._read_stream(entry, function)
            case Reaction():
                senders = self._react(entry, function)
            case Schedule():
                self._schedule(entry, function)
                senders = self._react(entry, function) if entry.event_types else []
        if function.dead_letters:
            function.dead_letters.set_policy(*senders)

    # ------------------------------------------------------------------ HTTP

    def _route(self, entry: Endpoint, function: ShopFunction) -> None:
        authorizer = {
            Access.CUSTOMER: self._api.customers,
            Access.STAFF: self._api.staff,
        }.get(entry.access)
        reason = None if authorizer else _NO_AUTHORIZER[entry.access]
        self._add_route(entry, function, entry.route, authorizer, reason)
        self._allow_gateway(function, entry.path.replace("{", "${!"))

    def _default_route(self, entry: DefaultRoute, function: ShopFunction) -> None:
        reason = "Its response is the same for all callers: the route does not exist."
        self._add_route(entry, function, "$default", None, reason)
        self._allow_gateway(function, "")

    def _add_route(
        self,
        entry: Function,
        function: ShopFunction,
        key: str,
        authorizer: Value | None,
        no_authorizer: str | None,
    ) -> None:
        integration = self.add(
            "AWS::ApiGatewayV2::Integration",
            f"{function.path}/Integration",
            {
                "ApiId": self._api.id,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": function.route_target,
                "PayloadFormatVersion": "2.0",
                # Half a second more, so that a timeout is the Lambda's and has a log.
                "TimeoutInMillis": min(entry.timeout * 1000 + 500, 30_000),
            },
        )
        route = self.add(
            "AWS::ApiGatewayV2::Route",
            f"{function.path}/Route",
            {
                "ApiId": self._api.id,
                "RouteKey": key,
                "Target": {"Fn::Join": ["/", ["integrations", integration.ref]]},
                "AuthorizationType": "JWT" if authorizer else "NONE",
                "AuthorizerId": authorizer,
            },
        )
        if no_authorizer:
            self.suppress(route, "AwsSolutions-APIG4", no_authorizer)

    def _allow_gateway(self, function: ShopFunction, path: str) -> None:
        api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*"
        source = sub(api + path, Api=self._api.id)
        function.allow("apigateway.amazonaws.com", "Gateway", source)

    # ------------------------------------------------------------------ queues and streams

    def _consume(self, entry: Consumer, function: ShopFunction) -> None:
        mapping = self.add(
            "AWS::Lambda::EventSourceMapping",
            f"{function.path}/Messages",
            {
                "FunctionName": function.arn,
                "EventSourceArn": self.names.queue_arn(entry.queue),
                "BatchSize": entry.batch,
                "FunctionResponseTypes": _REPORT_FAILURES,
                "ScalingConfig": {"MaximumConcurrency": entry.concurrency},
            },
        )
        self.suppress(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "SQS itself moves a message to the dead-letter queue after five attempts.",
        )

    def _read_stream(self, entry: StreamReader, function: ShopFunction) -> None:
        dead_letters = function.dead_letter_queue()
        self.add(
            "AWS::Lambda::EventSourceMapping",
            f"{function.path}/Changes",
            {
                "FunctionName": function.arn,
                "EventSourceArn": self._shared.stream_arns[entry.table],
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": entry.batch,
                "ParallelizationFactor": entry.parallel,
                "BisectBatchOnFunctionError": True,
                "MaximumRetryAttempts": 10,
                "MaximumRecordAgeInSeconds": 6 * 3600,
                "FunctionResponseTypes": _REPORT_FAILURES,
                "FilterCriteria": _filters(entry),
                "MaximumBatchingWindowInSeconds": entry.window or None,
                "DestinationConfig": {"OnFailure": {"Destination": dead_letters.arn}},
            },
        )
        function.alarms.on(
            "Behind",
            ("AWS/Lambda", "IteratorAge"),
            {"FunctionName": self.names.function(entry.module)},
            above=60_000,
            statistic="Maximum",
            meaning=f"{entry.module} reads changes over a minute after they were made.",
        )

    # ------------------------------------------------------------------ events and schedules

    def _react(self, entry: Reaction | Schedule, function: ShopFunction) -> list[tuple[str, Value]]:
        """Add the rule for the entry's events. Returns the senders of its dead letters."""
        dead_letters = function.dead_letter_queue()
        rule = self.add(
            "AWS::Events::Rule",
            f"{function.path}/Rule",
            {
                "Name": self.names.function(entry.module),
                "Description": f"{', '.join(entry.event_types)} → {entry.module}",
                "EventBusName": self.names.bus,
                "EventPattern": {"detail-type": list(entry.event_types)},
                "State": "ENABLED",
                "Targets": [
                    {
                        "Id": "lambda",
                        "Arn": function.arn,
                        "DeadLetterConfig": {"Arn": dead_letters.arn},
                        "RetryPolicy": {
                            "MaximumEventAgeInSeconds": 6 * 3600,
                            "MaximumRetryAttempts": 20,
                        },
                    }
                ],
            },
        )
        function.allow("events.amazonaws.com", "Bus", rule.arn)
        return [("events.amazonaws.com", rule.arn)]

    def _schedule(self, entry: Schedule, function: ShopFunction) -> None:
        dead_letters = function.dead_letter_queue()
        role = self._scheduler_role(entry, function)
        if entry.manages_schedules:
            self.add(
                "AWS::Scheduler::ScheduleGroup",
                f"{function.path}/Clocks",
                {"Name": self.names.schedule_group},
            )
        self.add(
            "AWS::Scheduler::Schedule",
            f"{function.path}/Schedule",
            {
                "Name": self.names.function(entry.module),
                "ScheduleExpression": entry.rate,
                "ScheduleExpressionTimezone": "UTC",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "State": "ENABLED",
                "Target": {
                    "Arn": function.arn,
                    "RoleArn": role,
                    "Input": json.dumps({"schedule": entry.module}),
                    "DeadLetterConfig": {"Arn": dead_letters.arn},
                    "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5},
                },
            },
        )

    def _scheduler_role(self, entry: Schedule, function: ShopFunction) -> Value:
        statements: list[dict[str, Any]] = [
            _allow("InvokeFunction", "lambda:InvokeFunction", function.arn),
            _allow("SendToDlq", "sqs:SendMessage", function.dead_letter_queue().arn),
            {
                **_allow("Encrypt", "kms:Decrypt", self._shared.key_arn),
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Condition": {"StringEquals": {"kms:ViaService": aws_service("sqs")}},
            },
        ]
        return self.add(
            "AWS::IAM::Role",
            f"{function.path}/Clock/Resource",
            {
                "RoleName": self.names.scheduler_role(entry.module)
                if entry.manages_schedules
                else None,
                "Description": f"Lets EventBridge Scheduler invoke {entry.module}",
                "AssumeRolePolicyDocument": trust(
                    "scheduler.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
                ),
                "Policies": [
                    {"PolicyName": "invoke", "PolicyDocument": policy_document(statements)}
                ],
            },
        ).arn


def _allow(sid: str, action: str, resource: Value) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}


def _filters(entry: StreamReader) -> dict[str, Any] | None:
    patterns = (*((_ROWS_WITH_EVENTS,) if entry.only_events else ()), *entry.only)
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]} if patterns else None
