"""The order workflow: a Step Functions state machine over the manifest's steps."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from functions.manifest import Compensation, Feature, Step
from infra.constructs.alarms import Alarms
from infra.constructs.intrinsics import ACCOUNT, sub
from infra.constructs.lambda_function import add_log_group, trust
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.queues import policy_document
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import Resource, ShopApp, ShopStack
from infra.constructs.workflow import definition

DELIVER_LOGS = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
TRACE = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)


class WorkflowStack(ShopStack):
    """One execution per order, named by the order's id."""

    def __init__(self, scope: ShopApp, names: ResourceNames, features: Iterable[Feature]) -> None:
        super().__init__(scope, names, "workflow", "the order workflow")
        entries = manifest_entries(features)
        window = names.stage.payment_window
        steps = [
            replace(x, deadline=window) if x.deadline == "payment_window" else x
            for x in entries
            if isinstance(x, Step)
        ]
        compensations = {x.module: x for x in entries if isinstance(x, Compensation)}
        tasks = sorted(
            {x.module for x in steps} | {x.compensation for x in steps if x.compensation}
        )
        role = workflow_role(self, "Role/Resource", tasks)
        # Below /aws/vendedlogs/, where AWS keeps its own resource policy from overflowing.
        log = add_log_group(self, "Log", f"/aws/vendedlogs/states/{names.workflow}")
        text = json.dumps(definition(steps, compensations, function_arn(names)), indent=1)
        self.add(
            "AWS::StepFunctions::StateMachine",
            "Order",
            {
                "StateMachineName": names.workflow,
                "StateMachineType": "STANDARD",
                "RoleArn": role.arn,
                "DefinitionString": sub(text),
                "LoggingConfiguration": {
                    "Level": "ALL",
                    "IncludeExecutionData": False,  # it would hold task tokens
                    "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": log.arn}}],
                },
                "TracingConfiguration": {"Enabled": True},
            },
        )
        self._alarms()

    def _alarms(self) -> None:
        alarms = Alarms(self, "", "workflow")
        for metric, meaning in {
            "ExecutionsFailed": "An order's workflow or a compensation failed: staff must decide.",
            "ExecutionsTimedOut": "An order's workflow timed out as a whole.",
            "ExecutionsAborted": "An order's workflow was stopped by hand.",
            "ExecutionThrottled": "Step Functions throttles executions: raise the quota.",
        }.items():
            alarms.on(
                metric,
                ("AWS/States", metric),
                {"StateMachineArn": self.names.workflow_arn},
                above=0,
                meaning=meaning,
            )


def workflow_role(stack: ShopStack, path: str, tasks: list[str]) -> Resource:
    """Add the role of a state machine that calls these Lambdas."""
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Tasks",
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [stack.names.function_arn(module) for module in tasks],
        },
        {"Sid": "Logs", "Effect": "Allow", "Action": list(DELIVER_LOGS), "Resource": "*"},
        {"Sid": "Trace", "Effect": "Allow", "Action": list(TRACE), "Resource": "*"},
    ]
    role = stack.add(
        "AWS::IAM::Role",
        path,
        {
            "Description": "What the workflow may do: call its tasks",
            "AssumeRolePolicyDocument": trust(
                "states.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
            ),
            "Policies": [
                {"PolicyName": "permissions", "PolicyDocument": policy_document(statements)}
            ],
        },
    )
    stack.suppress(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "Log deliveries and X-Ray have no resources that a policy could name.",
    )
    return role


def function_arn(names: ResourceNames) -> Callable[[str], str]:
    def arn(module: str) -> str:
        return (
            "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:"
            + names.function(module)
        )

    return arn
