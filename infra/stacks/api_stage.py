"""The API's stage: throttles and access logs. It is deployed last, because it names the routes."""

import json
from collections.abc import Iterable

from functions.manifest import DefaultRoute, Endpoint, Feature
from infra.constructs.alarms import Alarms
from infra.constructs.lambda_function import add_log_group
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopApp, ShopStack
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
"""Without the caller's address, which is personal data. CloudFront's own log has it."""


class ApiStage(ShopStack):
    """The one stage, ``$default``. It serves no request before every route is deployed."""

    def __init__(
        self, scope: ShopApp, names: ResourceNames, api: ApiStack, features: Iterable[Feature]
    ) -> None:
        super().__init__(scope, names, "api-stage", "throttles and access logs")
        stage = self.stage
        log = add_log_group(self, "AccessLog", f"/aws/apigateway/{names.of('api')}")
        self.add(
            "AWS::ApiGatewayV2::Stage",
            "Stage",
            {
                "ApiId": api.id,
                "StageName": "$default",
                "AutoDeploy": True,
                "AccessLogSettings": {
                    "DestinationArn": log.arn,
                    "Format": json.dumps(ACCESS_LOG),
                },
                "DefaultRouteSettings": {
                    "ThrottlingRateLimit": stage.rate,
                    "ThrottlingBurstLimit": stage.burst,
                    "DetailedMetricsEnabled": True,
                },
                "RouteSettings": {
                    entry.route if isinstance(entry, Endpoint) else "$default": {
                        "ThrottlingRateLimit": min(entry.limit, stage.rate),
                        "ThrottlingBurstLimit": min(entry.limit * 2, stage.burst),
                        "DetailedMetricsEnabled": True,
                    }
                    for entry in manifest_entries(features)
                    if isinstance(entry, Endpoint | DefaultRoute)
                },
            },
        )
        alarms = Alarms(self, "", "api")
        dimensions = {"ApiId": api.id}
        alarms.on(
            "Faults", ("AWS/ApiGateway", "5xx"), dimensions, above=0,
            meaning="The API responded with a 5xx: a handler failed, or Lambda rejected the call.",
        )  # fmt: skip
        alarms.on(
            "Slow", ("AWS/ApiGateway", "Latency"), dimensions, above=3_000, statistic="p99",
            periods=3, meaning="One request in a hundred takes over 3 s.",
        )  # fmt: skip
