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
    DefaultRoute,
    Endpoint,
    Feature,
    Function,
    Reaction,
    Schedule,
    StreamReader,
)
from infra.parts.accept import accept
from infra.parts.function import ShopFunction, workshop
from infra.parts.names import Names
from infra.parts.packages import Packages
from infra.parts.rights import Ground
from infra.parts.stack import ShopStack
from infra.stacks.api import Api

_OPEN = {
    Access.PUBLIC: "Meant for everybody; the answer is the same for everybody.",
    Access.SHOPPER: "Guests may shop; a token that is sent is verified in the Lambda, fail closed.",
    Access.WEBHOOK: "The sender signs the raw body, which is checked in the Lambda.",
}
"""Why routes with this access have no authorizer at the gateway."""


_TELLING = json.dumps({"dynamodb": {"NewImage": {"events": {"B": [{"exists": True}]}}}})
"""Changes of rows that carry events (see :mod:`shop.storage.outbox`)."""

_Mapping = lambda_.CfnEventSourceMapping


def _filters(line: StreamReader) -> _Mapping.FilterCriteriaProperty | None:
    patterns = (*((_TELLING,) if line.only_events else ()), *line.only)
    filters = [_Mapping.FilterProperty(pattern=pattern) for pattern in patterns]
    return _Mapping.FilterCriteriaProperty(filters=filters) if filters else None


class FeatureStack(ShopStack):
    """The Lambdas of one folder below ``functions/``, each with its route, queue or clock."""

    def __init__(
        self,
        scope: Construct,
        names: Names,
        feature: Feature,
        ground: Ground,
        api: Api,
        packages: Packages,
    ) -> None:
        super().__init__(scope, names, feature.name, f"the feature {feature.name}")
        self._ground, self._api = ground, api
        shop = workshop(self, feature.name, names, ground, packages)
        for line in feature.functions:
            made = ShopFunction(self, line, shop)
            match line:
                case Endpoint():
                    self._route(line, made)
                case DefaultRoute():
                    self._catch(line, made)
                case Consumer():
                    self._consume(line, made)
                case StreamReader():
                    self._read_stream(line, made)
                case Reaction():
                    self._react(line, made)
                case Schedule():
                    self._schedule(line, made)
                    if line.event_types:
                        self._react(line, made)

    # ------------------------------------------------------------------ HTTP

    def _route(self, line: Endpoint, function: ShopFunction) -> None:
        authorizer = {
            Access.CUSTOMER: self._api.customers,
            Access.STAFF: self._api.staff,
        }.get(line.access)
        route = apigateway.CfnRoute(
            function,
            "Route",
            api_id=self._api.id,
            route_key=line.route,
            target=self._target(line, function),
            authorization_type="JWT" if authorizer else "NONE",
            authorizer_id=authorizer,
        )
        if not authorizer:
            accept(route, "AwsSolutions-APIG4", _OPEN[line.access])
        self._let_in(function, line.path.replace("{", "${!"))

    def _catch(self, line: DefaultRoute, function: ShopFunction) -> None:
        route = apigateway.CfnRoute(
            function,
            "Route",
            api_id=self._api.id,
            route_key="$default",
            target=self._target(line, function),
            authorization_type="NONE",
        )
        accept(route, "AwsSolutions-APIG4", "It tells everybody that there is nothing here.")
        self._let_in(function, "")

    def _target(self, line: Function, function: ShopFunction) -> str:
        integration = apigateway.CfnIntegration(
            function,
            "Integration",
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.callable.function_arn,
            payload_format_version="2.0",
            timeout_in_millis=min(line.timeout * 1000 + 500, 30_000),
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

    def _consume(self, line: Consumer, function: ShopFunction) -> None:
        mapping = lambda_.CfnEventSourceMapping(
            function,
            "Messages",
            function_name=function.function.function_arn,
            event_source_arn=self.names.queue_arn(line.queue),
            batch_size=line.batch,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=line.concurrency
            ),
        )
        accept(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "SQS itself moves a message to the dead-letter queue after five attempts.",
        )

    def _read_stream(self, line: StreamReader, function: ShopFunction) -> None:
        lambda_.CfnEventSourceMapping(
            function,
            "Changes",
            function_name=function.function.function_arn,
            event_source_arn=self._ground.stream_arns[line.table],
            starting_position="TRIM_HORIZON",
            batch_size=line.batch,
            parallelization_factor=line.parallel,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=10,
            maximum_record_age_in_seconds=6 * 3600,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=_filters(line),
            maximum_batching_window_in_seconds=line.window or None,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=function.given_up().queue.queue_arn
                )
            ),
        )
        function.alarms.on(
            "Behind",
            ("AWS/Lambda", "IteratorAge"),
            {"FunctionName": self.names.function(line.module)},
            above=60_000,
            statistic="Maximum",
            meaning=f"{line.module} reads changes over a minute after they were made.",
        )

    # ------------------------------------------------------------------ events and clocks

    def _react(self, line: Reaction | Schedule, function: ShopFunction) -> None:
        rule = events.CfnRule(
            function,
            "Rule",
            name=self.names.function(line.module),
            description=f"{', '.join(line.event_types)} → {line.module}",
            event_bus_name=self.names.bus,
            event_pattern={"detail-type": list(line.event_types)},
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="lambda",
                    arn=function.function.function_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=function.given_up().queue.queue_arn
                    ),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=6 * 3600, maximum_retry_attempts=20
                    ),
                )
            ],
        )
        function.given_up().open_to("events.amazonaws.com", rule.attr_arn)
        function.function.add_permission(
            "Bus",
            principal=iam.ServicePrincipal("events.amazonaws.com"),
            source_arn=rule.attr_arn,
        )

    def _schedule(self, line: Schedule, function: ShopFunction) -> None:
        dead = function.given_up().queue.queue_arn
        role = iam.Role(
            function,
            "Clock",
            role_name=self.names.clock_role(line.module) if line.manages_schedules else None,
            description=f"Lets the scheduler wake {line.module}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
            inline_policies={
                "wake": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            sid="Wake",
                            actions=["lambda:InvokeFunction"],
                            resources=[function.function.function_arn],
                        ),
                        iam.PolicyStatement(
                            sid="GiveUp", actions=["sqs:SendMessage"], resources=[dead]
                        ),
                        iam.PolicyStatement(
                            sid="Encrypt",
                            actions=["kms:Decrypt", "kms:GenerateDataKey"],
                            resources=[self._ground.key_arn],
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
        if line.manages_schedules:
            scheduler.CfnScheduleGroup(function, "Clocks", name=self.names.clock)
        scheduler.CfnSchedule(
            function,
            "Schedule",
            name=self.names.function(line.module),
            schedule_expression=line.rate,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state="ENABLED",
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function.function_arn,
                role_arn=role.role_arn,
                input=json.dumps({"schedule": line.module}),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=5
                ),
            ),
        )
