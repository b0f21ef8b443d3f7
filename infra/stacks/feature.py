"""One feature, one stack: its Lambdas and whatever wakes them."""

import json

from aws_cdk import Fn
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from functions.manifest import (
    Access,
    Consumer,
    Endpoint,
    Feature,
    Function,
    Otherwise,
    Reaction,
    Schedule,
    StreamReader,
)
from infra.constructs.asset_packages import AssetPackages
from infra.constructs.iam import SharedResources
from infra.constructs.lambda_function import ShopFunction, lambda_build_context
from infra.constructs.nag_suppressions import suppress_finding
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopStack
from infra.stacks.api import ApiStack

_OPEN = {
    Access.PUBLIC: "Meant for everybody; the answer is the same for everybody.",
    Access.SHOPPER: "Guests may shop; a token that is sent is verified in the Lambda, fail closed.",
    Access.WEBHOOK: "The sender signs the raw body, which is checked in the Lambda.",
}
"""Why routes with this access have no authorizer at the gateway."""


_TELLING = json.dumps({"dynamodb": {"NewImage": {"events": {"B": [{"exists": True}]}}}})
"""Changes of rows that carry events (see :mod:`shop.storage.outbox`)."""

_Mapping = lambda_.CfnEventSourceMapping


def _filters(entry: StreamReader) -> _Mapping.FilterCriteriaProperty | None:
    patterns = (*((_TELLING,) if entry.only_events else ()), *entry.only)
    filters = [_Mapping.FilterProperty(pattern=pattern) for pattern in patterns]
    return _Mapping.FilterCriteriaProperty(filters=filters) if filters else None


class FeatureStack(ShopStack):
    """The Lambdas of one folder below ``functions/``, each with its route, queue or clock."""

    def __init__(
        self,
        scope: Construct,
        names: ResourceNames,
        feature: Feature,
        shared: SharedResources,
        api: ApiStack,
        packages: AssetPackages,
    ) -> None:
        super().__init__(scope, names, feature.name, f"the feature {feature.name}")
        self._shared, self._api = shared, api
        context = lambda_build_context(self, feature.name, names, shared, packages)
        for entry in feature.functions:
            function = ShopFunction(self, entry, context)
            match entry:
                case Endpoint():
                    self._route(entry, function)
                case Otherwise():
                    self._catch(entry, function)
                case Consumer():
                    self._consume(entry, function)
                case StreamReader():
                    self._read_stream(entry, function)
                case Reaction():
                    self._react(entry, function)
                case Schedule():
                    self._schedule(entry, function)
                    if entry.on:
                        self._react(entry, function)

    # ------------------------------------------------------------------ HTTP

    def _route(self, entry: Endpoint, function: ShopFunction) -> None:
        authorizer = {
            Access.CUSTOMER: self._api.customers,
            Access.STAFF: self._api.staff,
        }.get(entry.access)
        route = apigateway.CfnRoute(
            function,
            "Route",
            api_id=self._api.id,
            route_key=entry.route,
            target=self._target(entry, function),
            authorization_type="JWT" if authorizer else "NONE",
            authorizer_id=authorizer,
        )
        if not authorizer:
            suppress_finding(route, "AwsSolutions-APIG4", _OPEN[entry.access])
        self._let_in(function, entry.path.replace("{", "${!"))

    def _catch(self, entry: Otherwise, function: ShopFunction) -> None:
        route = apigateway.CfnRoute(
            function,
            "Route",
            api_id=self._api.id,
            route_key="$default",
            target=self._target(entry, function),
            authorization_type="NONE",
        )
        suppress_finding(
            route, "AwsSolutions-APIG4", "It tells everybody that there is nothing here."
        )
        self._let_in(function, "")

    def _target(self, entry: Function, function: ShopFunction) -> str:
        integration = apigateway.CfnIntegration(
            function,
            "Integration",
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.callable.function_arn,
            payload_format_version="2.0",
            timeout_in_millis=min(entry.timeout * 1000 + 500, 30_000),
        )
        return Fn.join("/", ["integrations", integration.ref])

    def _let_in(self, function: ShopFunction, path: str) -> None:
        function.callable.add_permission(
            "Gateway",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=Fn.sub(
                "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*"
                + path,
                {"Api": self._api.id},
            ),
        )

    # ------------------------------------------------------------------ queues and streams

    def _consume(self, entry: Consumer, function: ShopFunction) -> None:
        mapping = lambda_.CfnEventSourceMapping(
            function,
            "Messages",
            function_name=function.function.function_arn,
            event_source_arn=self.names.queue_arn(entry.queue),
            batch_size=entry.batch,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=entry.concurrency
            ),
        )
        suppress_finding(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "SQS itself moves a message to the dead-letter queue after five attempts.",
        )

    def _read_stream(self, entry: StreamReader, function: ShopFunction) -> None:
        lambda_.CfnEventSourceMapping(
            function,
            "Changes",
            function_name=function.function.function_arn,
            event_source_arn=self._shared.stream_arns[entry.table],
            starting_position="TRIM_HORIZON",
            batch_size=entry.batch,
            parallelization_factor=entry.parallel,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=10,
            maximum_record_age_in_seconds=6 * 3600,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=_filters(entry),
            maximum_batching_window_in_seconds=entry.window or None,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=function.dead_letter_queue().queue.queue_arn
                )
            ),
        )
        function.alarms.on(
            "Behind",
            ("AWS/Lambda", "IteratorAge"),
            {"FunctionName": self.names.function(entry.module)},
            above=60_000,
            statistic="Maximum",
            meaning=f"{entry.module} reads changes over a minute after they were made.",
        )

    # ------------------------------------------------------------------ events and clocks

    def _react(self, entry: Reaction | Schedule, function: ShopFunction) -> None:
        rule = events.CfnRule(
            function,
            "Rule",
            name=self.names.function(entry.module),
            description=f"{', '.join(entry.on)} → {entry.module}",
            event_bus_name=self.names.bus,
            event_pattern={"detail-type": list(entry.on)},
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="lambda",
                    arn=function.function.function_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=function.dead_letter_queue().queue.queue_arn
                    ),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=6 * 3600, maximum_retry_attempts=20
                    ),
                )
            ],
        )
        function.dead_letter_queue().allow_sends_from("events.amazonaws.com", rule.attr_arn)
        function.function.add_permission(
            "Bus",
            principal=iam.ServicePrincipal("events.amazonaws.com"),
            source_arn=rule.attr_arn,
        )

    def _schedule(self, entry: Schedule, function: ShopFunction) -> None:
        dead = function.dead_letter_queue().queue.queue_arn
        role = iam.Role(
            function,
            "Clock",
            role_name=self.names.scheduler_role(entry.module) if entry.sets_clock else None,
            description=f"Lets the scheduler wake {entry.module}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
            inline_policies={
                "wake": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            sid="InvokeFunction",
                            actions=["lambda:InvokeFunction"],
                            resources=[function.function.function_arn],
                        ),
                        iam.PolicyStatement(
                            sid="SendToDlq", actions=["sqs:SendMessage"], resources=[dead]
                        ),
                        iam.PolicyStatement(
                            sid="Encrypt",
                            actions=["kms:Decrypt", "kms:GenerateDataKey"],
                            resources=[self._shared.key_arn],
                            conditions={
                                "StringEquals": {
                                    "kms:ViaService": Fn.sub("sqs.${AWS::Region}.${AWS::URLSuffix}")
                                }
                            },
                        ),
                    ]
                )
            },
        )
        if entry.sets_clock:
            scheduler.CfnScheduleGroup(function, "Clocks", name=self.names.schedule_group)
        scheduler.CfnSchedule(
            function,
            "Schedule",
            name=self.names.function(entry.module),
            schedule_expression=entry.rate,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state="ENABLED",
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function.function_arn,
                role_arn=role.role_arn,
                input=json.dumps({"schedule": entry.module}),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=5
                ),
            ),
        )
