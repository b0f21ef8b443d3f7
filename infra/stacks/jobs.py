"""The workflows of jobs: long work of staff, such as the import of a large file."""

import json
from collections.abc import Iterable

from functions.manifest import Feature, JobStep, JobWorkflow
from infra.constructs.alarms import Alarms
from infra.constructs.intrinsics import sub
from infra.constructs.job_workflows import job_definition
from infra.constructs.lambda_function import add_log_group
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopApp, ShopStack
from infra.stacks.workflow import function_arn, workflow_role


class JobsStack(ShopStack):
    """A state machine per workflow; an execution per job, named by the job's id."""

    def __init__(self, scope: ShopApp, names: ResourceNames, features: Iterable[Feature]) -> None:
        super().__init__(scope, names, "jobs", "the workflows of imports and exports")
        steps = [x for x in manifest_entries(features) if isinstance(x, JobStep)]
        for workflow in JobWorkflow:
            own = {x.name: x for x in steps if x.workflow is workflow}
            if own:
                self._machine(workflow, own)

    def _machine(self, workflow: JobWorkflow, steps: dict[str, JobStep]) -> None:
        name, path = self.names.job_workflow(workflow), workflow.value.capitalize()
        role = workflow_role(
            self, f"{path}/Role/Resource", sorted(step.module for step in steps.values())
        )
        log = add_log_group(self, f"{path}/Log", f"/aws/vendedlogs/states/{name}")
        text = json.dumps(job_definition(workflow, steps, function_arn(self.names)), indent=1)
        self.add(
            "AWS::StepFunctions::StateMachine",
            f"{path}/Machine",
            {
                "StateMachineName": name,
                "StateMachineType": "STANDARD",
                "RoleArn": role.arn,
                "DefinitionString": sub(text),
                "LoggingConfiguration": {
                    "Level": "ALL",
                    "IncludeExecutionData": False,
                    "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": log.arn}}],
                },
                "TracingConfiguration": {"Enabled": True},
            },
        )
        alarms = Alarms(self, path, f"{workflow.value}-workflow")
        for metric, meaning in {
            "ExecutionsFailed": f"An {workflow.value} failed and has no report.",
            "ExecutionsTimedOut": f"An {workflow.value} timed out as a whole.",
            "ExecutionsAborted": f"An {workflow.value} was stopped by hand, so it has no report.",
            "ExecutionThrottled": "Step Functions throttles executions: raise the quota.",
        }.items():
            alarms.on(
                metric,
                ("AWS/States", metric),
                {"StateMachineArn": self.names.job_workflow_arn(workflow)},
                above=0,
                meaning=meaning,
            )
