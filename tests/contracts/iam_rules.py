"""Rules on IAM: every role has exactly the permissions that its manifest entry implies."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from functions.all import FEATURES
from functions.manifest import (
    Consumer,
    Endpoint,
    Function,
    Queue,
    Reaction,
    Schedule,
    Secret,
    StreamReader,
    Table,
)
from infra.stages import Stage
from tests.contracts.rules import ACCOUNT, FUNCTION, QUEUE, TABLE, entries_of
from tests.contracts.templates import Cloud, Resource

Permission = tuple[str, str]
"""Action and resource."""
READS = {"GetItem", "BatchGetItem", "Query"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"}
CONSUMER_ACTIONS = (
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
)
RUNTIME_NAMES = r"(:log-group:[^*]+:\*|/index/\*|:schedule/([^*/]+-peak|default)/\*|:::[^*/]+/\*)$"
"""Names that only exist at run time: log streams, schedules of a group, indexes, files."""
WITHOUT_RESOURCES = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "dynamodb:ListStreams",
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
}
"""Actions without resource-level permissions in IAM: only these may have ``*``."""


def excess_permissions(cloud: Cloud, entries: Mapping[str, Function], stage: Stage) -> list[str]:
    """No role has a permission that its manifest entry does not imply."""
    breaches = []
    for function in cloud.of(FUNCTION):
        entry = entries[function.properties["FunctionName"]]
        implied = implied_permissions(cloud, entry, stage)
        for action, resource in permissions_of(cloud, function):
            allowed = {on for implied_action, on in implied if implied_action == action}
            if resource not in allowed:
                breaches.append(f"{entry.module} may {action} on {resource}")
    return breaches


def missing_permissions(cloud: Cloud, entries: Mapping[str, Function], stage: Stage) -> list[str]:
    """Every role has the permissions that its manifest entry implies."""
    breaches = []
    for function in cloud.of(FUNCTION):
        entry = entries[function.properties["FunctionName"]]
        granted = set(permissions_of(cloud, function))
        needed = {
            r for r in implied_permissions(cloud, entry, stage) if not r[0].startswith("kms:")
        }
        breaches += [f"{entry.module} may not {a} on {r}" for a, r in sorted(needed - granted)]
    return breaches


def wildcards(cloud: Cloud, stage: Stage) -> list[str]:
    """A wildcard is allowed only if there is no resource to name: traces, log streams, an index."""
    breaches = []
    for role in cloud.of("AWS::IAM::Role"):
        if role.properties.get("ManagedPolicyArns"):
            breaches.append(f"{role}: has managed policies of AWS, whose permissions AWS changes")
        for action, resource in _permissions_in(cloud, role):
            if "*" in action or "?" in resource:
                breaches.append(f"{role}: {action} on {resource}")
            elif resource == "*":
                unnameable = action in WITHOUT_RESOURCES or action.startswith(("xray:", "logs:"))
                unnameable |= action == "ses:SendEmail" and stage.is_emulated
                if not unnameable:
                    breaches.append(f"{role}: {action} on everything")
            elif "*" in resource and not re.search(RUNTIME_NAMES, resource):
                breaches.append(f"{role}: {action} on {resource}")
    return breaches + [f"{p}: a policy outside the roles" for p in cloud.of("AWS::IAM::Policy")]


def implied_permissions(cloud: Cloud, entry: Function, stage: Stage) -> set[Permission]:
    """Return the (action, resource) pairs that a manifest entry implies.

    Derived from the fields of the manifest, independently of ``infra``.
    """
    implied = _Implied(cloud, entry, stage)
    parts = (
        implied.logs_and_traces(),
        implied.tables(),
        implied.streams(),
        implied.queues(),
        implied.secret_values(),
        implied.events_and_email(),
        implied.workflow(),
        implied.files(),
        implied.peak(),
        implied.invocations(),
        implied.key(),
    )
    return {permission for part in parts for permission in part}


class _Implied:
    """Permissions of one manifest entry, by service."""

    def __init__(self, cloud: Cloud, entry: Function, stage: Stage) -> None:
        self.cloud, self.entry, self.stage = cloud, entry, stage
        self.prefix = f"doorbuster-{stage.name}-"
        self.reads, self.writes = set(entry.reads), set(entry.writes)
        self.sends, self.secrets = set(entry.sends), set(entry.secrets)
        if isinstance(entry, Endpoint) and entry.switches:
            self.reads.add(Table.PEAK)
        if entry.payments and stage.sandbox:
            self.writes.add(Table.SANDBOX_PAYMENTS)
            self.sends.add(Queue.SANDBOX_SETTLEMENTS)
            self.secrets.add(Secret.SANDBOX_WEBHOOK)
        elif entry.payments:
            self.secrets.add(Secret.STRIPE_KEY)

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:${{AWS::Partition}}:{service}:{ACCOUNT}:{resource}"

    def _deployed(self, name: str) -> str:
        return self.prefix + name.replace("_", "-")

    @property
    def _is_asynchronous(self) -> bool:
        return isinstance(self.entry, StreamReader | Reaction | Schedule)

    def logs_and_traces(self) -> Iterator[Permission]:
        name = self.prefix + self.entry.module.replace(".", "-")
        for action in ("PutTraceSegments", "PutTelemetryRecords"):
            yield f"xray:{action}", "*"
        for action in ("CreateLogStream", "PutLogEvents"):
            yield f"logs:{action}", self._arn("logs", f"log-group:/aws/lambda/{name}:*")

    def _table(self, name: str) -> Resource:
        (table,) = [
            table
            for table in self.cloud.of(TABLE)
            if table.properties["TableName"] == self._deployed(name)
        ]
        return table

    def tables(self) -> Iterator[Permission]:
        for table in self.reads | self.writes:
            resource = self._arn("dynamodb", f"table/{self._deployed(table)}")
            for action in READS | (WRITES if table in self.writes else set()):
                yield f"dynamodb:{action}", resource
            for index in self._table(table).properties.get("GlobalSecondaryIndexes", ()):
                yield "dynamodb:Query", f"{resource}/index/{index['IndexName']}"

    def streams(self) -> Iterator[Permission]:
        if isinstance(self.entry, StreamReader):
            source = self._table(self.entry.table)
            for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
                yield f"dynamodb:{action}", f"${{{source.stack}.{source.id}.StreamArn}}"
            yield "dynamodb:ListStreams", "*"

    def queues(self) -> Iterator[Permission]:
        for queue in self.sends:
            yield "sqs:SendMessage", self._arn("sqs", self._deployed(queue))
        if isinstance(self.entry, Consumer):
            for action in CONSUMER_ACTIONS:
                yield f"sqs:{action}", self._arn("sqs", self._deployed(self.entry.queue))
        if self._is_asynchronous:
            dead = self._deployed(f"{self.entry.module.replace('.', '-')}-dead")
            for found in self.cloud.of(QUEUE):
                if found.properties["QueueName"] == dead:
                    yield "sqs:SendMessage", self.cloud.arn(found)

    def secret_values(self) -> Iterator[Permission]:
        for secret in self.cloud.of("AWS::SecretsManager::Secret"):
            if secret.properties["Name"].rpartition("/")[2].replace("-", "_") in self.secrets:
                reference = self.cloud.text(secret.stack, {"Fn::GetAtt": [secret.id, "Id"]})
                yield "secretsmanager:GetSecretValue", reference

    def events_and_email(self) -> Iterator[Permission]:
        if self.entry.publishes_events:
            yield "events:PutEvents", self._arn("events", f"event-bus/{self.prefix}events")
        if self.entry.sends_email:
            domain = self.stage.mail_from.partition("@")[2]
            for resource in (f"identity/{domain}", f"configuration-set/{self.prefix}mail"):
                yield "ses:SendEmail", "*" if self.stage.is_emulated else self._arn("ses", resource)

    def workflow(self) -> Iterator[Permission]:
        if self.entry.starts_workflow:
            machine = self._arn("states", f"stateMachine:{self.prefix}order")
            yield "states:StartExecution", machine
        if self.entry.starts_job is not None:
            name = f"{self.prefix}{self.entry.starts_job.value}-job"
            yield "states:StartExecution", self._arn("states", f"stateMachine:{name}")
        if self.entry.resumes_workflow:
            yield "states:SendTaskSuccess", "*"
            yield "states:SendTaskFailure", "*"

    def files(self) -> Iterator[Permission]:
        bucket = (
            f"arn:${{AWS::Partition}}:s3:::{self.prefix}files-${{AWS::AccountId}}-${{AWS::Region}}"
        )
        if self.entry.reads_files or self.entry.writes_files:
            yield "s3:GetObject", f"{bucket}/*"
            yield "s3:ListBucket", bucket
        if self.entry.writes_files:
            yield "s3:PutObject", f"{bucket}/*"

    def peak(self) -> Iterator[Permission]:
        """Permissions of the schedule that prepares capacity for traffic peaks."""
        if not isinstance(self.entry, Schedule):
            return
        for table in self.entry.warms_tables:
            resource = self._arn("dynamodb", f"table/{self._deployed(table)}")
            yield "dynamodb:DescribeTable", resource
            yield "dynamodb:UpdateTable", resource
        if self.entry.keeps_warm:
            for name, other in entries_of(FEATURES, self.stage).items():
                if isinstance(other, Endpoint) and other.peak:
                    for action in ("Put", "Delete"):
                        resource = self._arn("lambda", f"function:{name}:live")
                        yield f"lambda:{action}ProvisionedConcurrencyConfig", resource
        if self.entry.manages_schedules:
            group = "default" if self.stage.is_emulated else f"{self.prefix}peak"
            for verb in ("Create", "Update", "Delete"):
                yield f"scheduler:{verb}Schedule", self._arn("scheduler", f"schedule/{group}/*")
            role = self._deployed(self.entry.module.replace(".", "-")) + "-clock"
            yield "iam:PassRole", f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{role}"

    def invocations(self) -> Iterator[Permission]:
        for module in self.entry.invokes:
            name = f"{self.prefix}{module.replace('.', '-')}"
            yield "lambda:InvokeFunction", self._arn("lambda", f"function:{name}")

    def key(self) -> Iterator[Permission]:
        (key,) = self.cloud.of("AWS::KMS::Key")
        encrypts = bool(
            self.writes or self.sends or self.entry.writes_files or self._is_asynchronous
        )
        decrypts = encrypts or self.reads or self.secrets or isinstance(self.entry, Consumer)
        decrypts = decrypts or self.entry.reads_files
        if decrypts:
            yield "kms:Decrypt", self.cloud.arn(key)
            yield "kms:DescribeKey", self.cloud.arn(key)
        if encrypts:
            yield "kms:Encrypt", self.cloud.arn(key)
            yield "kms:GenerateDataKey", self.cloud.arn(key)


def permissions_of(cloud: Cloud, function: Resource) -> Iterator[Permission]:
    role = cloud.named(function.stack, function.properties["Role"])
    yield from _permissions_in(cloud, role)


def _permissions_in(cloud: Cloud, role: Resource) -> Iterator[Permission]:
    for policy in role.properties.get("Policies", ()):
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield action, cloud.text(role.stack, resource)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
