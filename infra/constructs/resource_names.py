"""The names of all resources of one stage.

The names are derived from the stage and the manifest. A stack therefore knows the tables, queues
and functions of other stacks without importing them, and no export blocks its deployment.
"""

from dataclasses import dataclass

from functions.manifest import JobWorkflow, Queue, Secret, Table
from infra.constructs.intrinsics import Intrinsic, arn, sub
from infra.stages import Stage

ALIAS = "live"
"""The alias of a shopper-facing Lambda; its route invokes it."""


@dataclass(frozen=True)
class ResourceNames:
    """Physical names of one stage, and the ARNs that contain them."""

    stage: Stage

    def of(self, name: str) -> str:
        return f"doorbuster-{self.stage.name}-{name.replace('_', '-')}"

    def table(self, table: Table) -> str:
        return self.of(table.value)

    def table_arn(self, table: Table) -> Intrinsic:
        return arn("dynamodb", f"table/{self.table(table)}")

    def index_arn(self, table: Table, index: str) -> Intrinsic:
        return arn("dynamodb", f"table/{self.table(table)}/index/{index}")

    def queue(self, queue: Queue) -> str:
        return self.of(queue.value)

    def queue_arn(self, queue: Queue) -> Intrinsic:
        return arn("sqs", self.queue(queue))

    def queue_url(self, queue: Queue) -> Intrinsic:
        host = "https://sqs.${AWS::Region}.${AWS::URLSuffix}"
        return sub(f"{host}/${{AWS::AccountId}}/{self.queue(queue)}")

    def secret(self, secret: Secret) -> str:
        return f"doorbuster/{self.stage.name}/{secret.value.replace('_', '-')}"

    @property
    def edge_key(self) -> str:
        """The secret that proves to the Lambdas that a request came through the CDN."""
        return f"doorbuster/{self.stage.name}/edge"

    @property
    def edge_key_reference(self) -> str:
        """The secret's value, which CloudFormation fills in during a deployment."""
        return f"{{{{resolve:secretsmanager:{self.edge_key}:SecretString:::}}}}"

    def function(self, module: str) -> str:
        """``"checkout.complete_session"`` → ``"doorbuster-prod-checkout-complete_session"``."""
        return f"doorbuster-{self.stage.name}-{module.replace('.', '-')}"

    def function_arn(self, module: str) -> Intrinsic:
        return arn("lambda", f"function:{self.function(module)}")

    def alias_arn(self, module: str) -> Intrinsic:
        """The Lambda's version in use; only shopper-facing ones have that alias."""
        return arn("lambda", f"function:{self.function(module)}:{ALIAS}")

    def dead_letters(self, module: str) -> str:
        """The name of an asynchronous Lambda's dead-letter queue, without the stage."""
        return f"{module.replace('.', '-')}-dead"

    def scheduler_role(self, module: str) -> str:
        """The role with which EventBridge Scheduler invokes a Lambda."""
        return self.of(f"{module.replace('.', '-')}-clock")

    @property
    def schedule_group(self) -> str:
        """The group of the one-off schedules."""
        return self.of("peak")

    @property
    def bus(self) -> str:
        return self.of("events")

    @property
    def bus_arn(self) -> Intrinsic:
        return arn("events", f"event-bus/{self.bus}")

    @property
    def workflow(self) -> str:
        return self.of("order")

    @property
    def workflow_arn(self) -> Intrinsic:
        return arn("states", f"stateMachine:{self.workflow}")

    def job_workflow(self, workflow: JobWorkflow) -> str:
        return self.of(f"{workflow.value}-job")

    def job_workflow_arn(self, workflow: JobWorkflow) -> Intrinsic:
        return arn("states", f"stateMachine:{self.job_workflow(workflow)}")

    @property
    def files_bucket(self) -> Intrinsic:
        """The bucket's name, which must differ from those of all accounts."""
        return sub(f"{self.of('files')}-${{AWS::AccountId}}-${{AWS::Region}}")

    def files_arn(self, objects: str = "") -> Intrinsic:
        """Return the ARN of the bucket or, with ``/*``, that of its objects."""
        bucket = f"{self.of('files')}-${{AWS::AccountId}}-${{AWS::Region}}"
        return sub(f"arn:${{AWS::Partition}}:s3:::{bucket}{objects}")

    @property
    def alarms_arn(self) -> Intrinsic:
        return arn("sns", self.of("alarms"))
