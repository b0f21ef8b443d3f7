"""The API's stage: throttles and access logs. It comes last, since it names the routes."""

import json
from collections.abc import Iterable

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions.manifest import Endpoint, Feature, Otherwise
from infra.constructs.alarms import Alarms
from infra.constructs.lambda_function import log_retention
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopStack
from infra.stacks.api import ApiStack

ACCESS_LOG = {
    "at": "$context.requestTime",
    "request": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "error": "$context.error.message",
    "authorizer": "$context.authorizer.error",
    "integration": "$context.integrationErrorMessage",
}
"""Who asked is not in it: an address is personal data. CloudFront's own log has it."""


class ApiStage(ShopStack):
    """The one stage, ``$default``. Nobody gets in before every route is there."""

    def __init__(
        self, scope: Construct, names: ResourceNames, api: ApiStack, features: Iterable[Feature]
    ) -> None:
        super().__init__(scope, names, "entrance", "throttles and access logs")
        stage = self.stage
        log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{names.of('api')}",
            retention=log_retention(stage.log_days),
            removal_policy=RemovalPolicy.RETAIN if stage.production else RemovalPolicy.DESTROY,
        )
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=api.id,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(ACCESS_LOG)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.rate,
                throttling_burst_limit=stage.burst,
                detailed_metrics_enabled=True,
            ),
            route_settings={
                entry.route if isinstance(entry, Endpoint) else "$default": {
                    "ThrottlingRateLimit": min(entry.limit, stage.rate),
                    "ThrottlingBurstLimit": min(entry.limit * 2, stage.burst),
                    "DetailedMetricsEnabled": True,
                }
                for entry in manifest_entries(features)
                if isinstance(entry, Endpoint | Otherwise)
            },
        )
        alarms = Alarms(self, names, "api")
        dimensions = {"ApiId": api.id}
        alarms.on(
            "Faults", ("AWS/ApiGateway", "5xx"), dimensions, above=0,
            meaning="The API answered with a 5xx: a door broke, or Lambda refused it.",
        )  # fmt: skip
        alarms.on(
            "Slow", ("AWS/ApiGateway", "Latency"), dimensions, above=3_000, statistic="p99",
            periods=3, meaning="One request in a hundred takes over 3 s.",
        )  # fmt: skip
