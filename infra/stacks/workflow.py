"""The order workflow: a Step Functions state machine over the manifest's steps."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

from aws_cdk import Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from functions.manifest import Feature, Step, Undo
from infra.constructs.alarms import Alarms
from infra.constructs.lambda_function import log_retention
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.nag_suppressions import suppress_finding
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopStack
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
    """One execution an order, named by the order's id."""

    def __init__(self, scope: Construct, names: ResourceNames, features: Iterable[Feature]) -> None:
        super().__init__(scope, names, "workflow", "the order workflow")
        every = manifest_entries(features)
        window = names.stage.payment_window
        steps = [
            replace(x, deadline=window) if x.deadline == "payment_window" else x
            for x in every
            if isinstance(x, Step)
        ]
        undos = {x.module: x for x in every if isinstance(x, Undo)}
        tasks = sorted({x.module for x in steps} | {x.undo for x in steps if x.undo})
        log = logs.LogGroup(
            self,
            "Log",
            # Below /aws/vendedlogs/, where AWS keeps its own resource policy from overflowing.
            log_group_name=f"/aws/vendedlogs/states/{names.workflow}",
            retention=log_retention(names.stage.log_days),
            removal_policy=RemovalPolicy.RETAIN
            if names.stage.production
            else RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            description="What the order workflow may do: call its tasks",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
            inline_policies={
                "rights": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            sid="Tasks",
                            actions=["lambda:InvokeFunction"],
                            resources=[names.function_arn(m) for m in tasks],
                        ),
                        iam.PolicyStatement(sid="Logs", actions=[*DELIVER_LOGS], resources=["*"]),
                        iam.PolicyStatement(sid="Trace", actions=[*TRACE], resources=["*"]),
                    ]
                )
            },
        )
        suppress_finding(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "Log deliveries and X-Ray have no resources that a policy could name.",
        )
        text = json.dumps(definition(steps, undos, _function_arn(names)), indent=1)
        machine = stepfunctions.CfnStateMachine(
            self,
            "Order",
            state_machine_name=names.workflow,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=Fn.sub(text),
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                include_execution_data=False,  # it would hold task tokens
                destinations=[
                    stepfunctions.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group={"logGroupArn": log.log_group_arn}
                    )
                ],
            ),
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(
                enabled=True
            ),
        )
        machine.node.add_dependency(role)
        alarms = Alarms(self, names, "workflow")
        for metric, meaning in {
            "ExecutionsFailed": "An order's workflow or its undo failed: a person decides.",
            "ExecutionsTimedOut": "An order's workflow timed out as a whole.",
            "ExecutionsAborted": "Somebody stopped an order's workflow by hand.",
            "ExecutionThrottled": "Step Functions slows executions down: raise the quota.",
        }.items():
            alarms.on(
                metric,
                ("AWS/States", metric),
                {"StateMachineArn": names.workflow_arn},
                above=0,
                meaning=meaning,
            )


def _function_arn(names: ResourceNames) -> Callable[[str], str]:
    def arn(module: str) -> str:
        return (
            "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:"
            + names.function(module)
        )

    return arn
