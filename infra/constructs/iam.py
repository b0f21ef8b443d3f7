"""The IAM statements that a manifest entry implies for its Lambda's role.

Pure data in, pure data out. The contract tests compare the synthesized templates with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.manifest import (
    Consumer,
    Endpoint,
    Function,
    Queue,
    Schedule,
    Secret,
    StreamReader,
    Table,
)
from infra.constructs.intrinsics import Value, arn, aws_service, role_arn
from infra.constructs.resource_names import ResourceNames
from infra.constructs.tables import TABLE_SCHEMAS

READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
WRITE = (
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
CONSUME = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
DECRYPT = ("kms:Decrypt", "kms:DescribeKey")
ENCRYPT = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
MANAGE_SCHEDULES = (
    "scheduler:CreateSchedule",
    "scheduler:DeleteSchedule",
    "scheduler:UpdateSchedule",
)
MANAGE_PROVISIONED_CONCURRENCY = (
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:PutProvisionedConcurrencyConfig",
)
MANAGE_WARM_THROUGHPUT = ("dynamodb:DescribeTable", "dynamodb:UpdateTable")
TRACE = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


@dataclass(frozen=True)
class Statement:
    """One statement of a role."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[Value, ...]
    through: tuple[str, ...] = ()
    """The only services on whose behalf a key may be used."""
    passed_to: str | None = None
    """The only service that a role may be passed to."""

    def document(self) -> dict[str, Any]:
        """Return the statement as IAM writes it."""
        equal: dict[str, Any] = {}
        if self.through:
            equal["kms:ViaService"] = [aws_service(service) for service in self.through]
        if self.passed_to:
            equal["iam:PassedToService"] = self.passed_to
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **({"Condition": {"StringEquals": equal}} if equal else {}),
        }


@dataclass(frozen=True)
class ResourceAccess:
    """The tables, queues and secrets of an entry, including those of the payment provider."""

    reads: frozenset[Table]
    writes: frozenset[Table]
    sends: frozenset[Queue]
    secrets: frozenset[Secret]


@dataclass(frozen=True)
class UserPool:
    """The facts of a user pool that verify one of its tokens."""

    issuer: Value
    keys: Value
    """The URL of its public keys (JWKS)."""
    client: Value


@dataclass(frozen=True)
class SharedResources:
    """Identifiers that AWS generates: they cannot be derived from a name."""

    key_arn: Value
    secret_arns: Mapping[Secret, Value]
    stream_arns: Mapping[Table, Value]
    customers: UserPool
    staff: UserPool
    shop_url: str
    peaks: Mapping[str, float] = field(default_factory=dict)
    """Module of a shopper-facing Lambda → environments that one order per second keeps busy."""


class InvalidManifest(ValueError):
    """A manifest entry uses a resource that its stage does not have."""


SANDBOX_RESOURCES: frozenset[Table | Queue | Secret] = frozenset(
    {Table.SANDBOX_PAYMENTS, Queue.SANDBOX_SETTLEMENTS, Secret.SANDBOX_WEBHOOK}
)
"""Resources of the sandbox provider. A stage with a real provider has none of them."""


STRIPE = frozenset({Secret.STRIPE_KEY, Secret.STRIPE_WEBHOOK})
"""Secrets that only a stage with Stripe has."""


def resource_access_of(entry: Function, names: ResourceNames) -> ResourceAccess:
    """Return the tables, queues and secrets of an entry, including the payment provider's.

    Raises :class:`InvalidManifest` if it names a sandbox resource in a stage without a sandbox.
    """
    reads, writes = set(entry.reads), set(entry.writes)
    sends, secrets = set(entry.sends), set(entry.secrets)
    if isinstance(entry, Endpoint) and entry.switches:
        reads.add(Table.PEAK)
    if entry.payments:
        if names.stage.sandbox:
            writes.add(Table.SANDBOX_PAYMENTS)
            sends.add(Queue.SANDBOX_SETTLEMENTS)
            secrets.add(Secret.SANDBOX_WEBHOOK)
        else:
            secrets.add(Secret.STRIPE_KEY)
    if not names.stage.sandbox:
        missing = SANDBOX_RESOURCES & (reads | writes | sends | secrets)
        if missing:
            raise InvalidManifest(
                f"{entry.module} uses {', '.join(sorted(missing))}, which stage "
                f"{names.stage.name} does not have"
            )
    return ResourceAccess(
        frozenset(reads - writes), frozenset(writes), frozenset(sends), frozenset(secrets)
    )


def policy_statements(
    entry: Function, names: ResourceNames, shared: SharedResources, dead_letters: Value | None
) -> list[Statement]:
    """Return the statements of the entry's role, in a fixed order. ``dead_letters`` is an ARN."""
    access = resource_access_of(entry, names)
    log_group = f"log-group:/aws/lambda/{names.function(entry.module)}:*"
    return [
        Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (arn("logs", log_group),)),
        Statement("Trace", TRACE, ("*",)),
        *_table_statements(access, names),
        *_source_statements(entry, names, shared),
        *_queue_and_secret_statements(access, names, shared, dead_letters),
        *_service_statements(entry, names),
        *_file_statements(entry, names),
        *(_peak_statements(entry, names, shared) if isinstance(entry, Schedule) else ()),
        *_invoke_statements(entry, names),
        *_key_statements(entry, access, shared, dead_letters),
    ]


def _table_statements(access: ResourceAccess, names: ResourceNames) -> Iterator[Statement]:
    for table in sorted(access.reads | access.writes):
        title = _title(table)
        yield Statement(f"Read{title}", READ, (names.table_arn(table),))
        indexes = [names.index_arn(table, index) for index in sorted(TABLE_SCHEMAS[table].indexes)]
        if indexes:
            yield Statement(f"Query{title}", ("dynamodb:Query",), tuple(indexes))
        if table in access.writes:
            yield Statement(f"Write{title}", WRITE, (names.table_arn(table),))


def _source_statements(
    entry: Function, names: ResourceNames, shared: SharedResources
) -> Iterator[Statement]:
    """Statements for the stream or queue that invokes the Lambda."""
    if isinstance(entry, StreamReader):
        yield Statement("Stream", STREAM, (shared.stream_arns[entry.table],))
        yield Statement("FindStreams", ("dynamodb:ListStreams",), ("*",))
    if isinstance(entry, Consumer):
        yield Statement("Consume", CONSUME, (names.queue_arn(entry.queue),))


def _queue_and_secret_statements(
    access: ResourceAccess,
    names: ResourceNames,
    shared: SharedResources,
    dead_letters: Value | None,
) -> Iterator[Statement]:
    if access.sends:
        queues = tuple(names.queue_arn(queue) for queue in sorted(access.sends))
        yield Statement("Send", ("sqs:SendMessage",), queues)
    if dead_letters:
        yield Statement("SendToDlq", ("sqs:SendMessage",), (dead_letters,))
    if access.secrets:
        secrets = tuple(shared.secret_arns[secret] for secret in sorted(access.secrets))
        yield Statement("Secrets", ("secretsmanager:GetSecretValue",), secrets)


def _service_statements(entry: Function, names: ResourceNames) -> Iterator[Statement]:
    if entry.publishes_events:
        yield Statement("PutEvents", ("events:PutEvents",), (names.bus_arn,))
    if entry.sends_email:
        yield Statement("SendEmail", ("ses:SendEmail",), _mail_resources(names))
    if entry.starts_workflow:
        yield Statement("StartExecution", ("states:StartExecution",), (names.workflow_arn,))
    if entry.starts_job is not None:
        machine = names.job_workflow_arn(entry.starts_job)
        yield Statement("StartJob", ("states:StartExecution",), (machine,))
    if entry.resumes_workflow:
        # IAM has no resource type for these actions; the token itself names the one task.
        actions = ("states:SendTaskFailure", "states:SendTaskSuccess")
        yield Statement("ResumeExecution", actions, ("*",))


def _file_statements(entry: Function, names: ResourceNames) -> Iterator[Statement]:
    if entry.reads_files or entry.writes_files:
        actions = ("s3:GetObject", *(("s3:PutObject",) if entry.writes_files else ()))
        yield Statement("Files", actions, (names.files_arn("/*"),))
        # Without it, S3 answers 403 for a file that does not exist.
        yield Statement("ListFiles", ("s3:ListBucket",), (names.files_arn(),))


def _peak_statements(
    entry: Schedule, names: ResourceNames, shared: SharedResources
) -> Iterator[Statement]:
    if entry.warms_tables:
        tables = tuple(map(names.table_arn, sorted(entry.warms_tables)))
        yield Statement("ManageWarmThroughput", MANAGE_WARM_THROUGHPUT, tables)
    if entry.keeps_warm and shared.peaks:
        aliases = tuple(map(names.alias_arn, sorted(shared.peaks)))
        yield Statement("ManageProvisionedConcurrency", MANAGE_PROVISIONED_CONCURRENCY, aliases)
    if entry.manages_schedules:
        # The emulator authorizes each schedule group as the default one.
        group = "default" if names.stage.is_emulated else names.schedule_group
        schedules = arn("scheduler", f"schedule/{group}/*")
        yield Statement("ManageSchedules", MANAGE_SCHEDULES, (schedules,))
        role = role_arn(names.scheduler_role(entry.module))
        yield Statement(
            "PassSchedulerRole", ("iam:PassRole",), (role,), passed_to="scheduler.amazonaws.com"
        )


def _invoke_statements(entry: Function, names: ResourceNames) -> Iterator[Statement]:
    if entry.invokes:
        functions = tuple(map(names.function_arn, sorted(entry.invokes)))
        yield Statement("Invoke", ("lambda:InvokeFunction",), functions)


def _key_statements(
    entry: Function, access: ResourceAccess, shared: SharedResources, dead_letters: Value | None
) -> Iterator[Statement]:
    """Statements for the key, limited to the services whose data the Lambda touches."""
    encrypts, decrypts = set(), set()
    if access.writes:
        encrypts.add("dynamodb")
    if access.reads or isinstance(entry, StreamReader):
        decrypts.add("dynamodb")
    if access.sends or dead_letters:
        encrypts.add("sqs")
    if isinstance(entry, Consumer):
        decrypts.add("sqs")
    if access.secrets:
        decrypts.add("secretsmanager")
    if entry.writes_files:
        encrypts.add("s3")
    elif entry.reads_files:
        decrypts.add("s3")
    if decrypts - encrypts:
        through = tuple(sorted(decrypts - encrypts))
        yield Statement("Decrypt", DECRYPT, (shared.key_arn,), through)
    if encrypts:
        yield Statement("Encrypt", ENCRYPT, (shared.key_arn,), tuple(sorted(encrypts)))


def _mail_resources(names: ResourceNames) -> tuple[Value, ...]:
    if names.stage.is_emulated:
        return ("*",)  # the emulator's IAM has no identities
    return (
        arn("ses", f"identity/{names.stage.mail_from.partition('@')[2]}"),
        arn("ses", f"configuration-set/{names.of('mail')}"),
    )


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
