"""What a manifest line implies: the rights of the Lambda's role, and its environment.

Pure data in, pure data out; the contract tests hold the synthesized templates against it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import Fn, SecretValue

from functions.manifest import (
    Access,
    Consumer,
    Endpoint,
    Function,
    Otherwise,
    Queue,
    Schedule,
    Secret,
    StreamReader,
    Table,
)
from infra.constructs.resource_names import ALIAS, ResourceNames, arn
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
    """One statement of a role. ``through``: the services on whose behalf alone a key is used;
    ``passed_to``: the one service that a role may be passed to."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    through: tuple[str, ...] = ()
    passed_to: str | None = None


@dataclass(frozen=True)
class ResourceAccess:
    """What a line needs once the payment provider's own share is added."""

    reads: frozenset[Table]
    writes: frozenset[Table]
    sends: frozenset[Queue]
    secrets: frozenset[Secret]


@dataclass(frozen=True)
class UserPool:
    """A user pool, as far as it takes to tell whether a token is one of its own."""

    issuer: str
    keys: str
    """Where its public keys are served (JWKS)."""
    client: str


@dataclass(frozen=True)
class SharedResources:
    """Identifiers that AWS draws: they cannot be told from a name."""

    key_arn: str
    secret_arns: Mapping[Secret, str]
    stream_arns: Mapping[Table, str]
    customers: UserPool
    staff: UserPool
    shop_url: str
    routes: tuple[str, ...]
    """Of all endpoints: ``"GET /orders/{id}"``."""
    peaks: Mapping[str, float] = field(default_factory=dict)
    """Module of a shopper-facing Lambda → environments that an order a second keeps busy."""


class InvalidManifest(ValueError):
    """A manifest line asks for what its stage does not have."""


SANDBOX_RESOURCES: frozenset[Table | Queue | Secret] = frozenset(
    {Table.SANDBOX_PAYMENTS, Queue.SANDBOX_SETTLEMENTS, Secret.SANDBOX_WEBHOOK}
)
"""What only the sandbox provider has. A stage with a real provider has none of it."""


STRIPE = frozenset({Secret.STRIPE_KEY, Secret.STRIPE_WEBHOOK})
"""What only a stage with Stripe has."""


def resource_access_of(entry: Function, names: ResourceNames) -> ResourceAccess:
    """The tables, queues and secrets of a line, the stage's payment provider included.

    Raises :class:`ManifestRefused` when the line names the sandbox's own where there is no sandbox.
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
        pretence = SANDBOX_RESOURCES & (reads | writes | sends | secrets)
        if pretence:
            raise InvalidManifest(
                f"{entry.module} uses {', '.join(sorted(pretence))}, which stage "
                f"{names.stage.name} does not have"
            )
    return ResourceAccess(
        frozenset(reads - writes), frozenset(writes), frozenset(sends), frozenset(secrets)
    )


def policy_statements(
    entry: Function, names: ResourceNames, shared: SharedResources, dead_letters: str | None
) -> list[Statement]:
    """The statements of the line's role, in a fixed order. ``dead_letters`` is its DLQ's ARN."""
    access = resource_access_of(entry, names)
    log_group = f"log-group:/aws/lambda/{names.function(entry.module)}:*"
    statements = [
        Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (arn("logs", log_group),)),
        Statement("Trace", TRACE, ("*",)),
    ]
    encrypts: set[str] = set()
    decrypts: set[str] = set()

    def add(sid: str, actions: tuple[str, ...], *resources: str) -> None:
        statements.append(Statement(sid, actions, resources))

    for table in sorted(access.reads | access.writes):
        indexes = [names.index_arn(table, index) for index in sorted(TABLE_SCHEMAS[table].indexes)]
        title = _title(table)
        add(f"Read{title}", READ, names.table_arn(table))
        if indexes:
            add(f"Query{title}", ("dynamodb:Query",), *indexes)
        if table in access.writes:
            add(f"Write{title}", WRITE, names.table_arn(table))
        (encrypts if table in access.writes else decrypts).add("dynamodb")
    if isinstance(entry, StreamReader):
        add("Stream", STREAM, shared.stream_arns[entry.table])
        add("FindStreams", ("dynamodb:ListStreams",), "*")
        decrypts.add("dynamodb")
    if isinstance(entry, Consumer):
        add("Consume", CONSUME, names.queue_arn(entry.queue))
        decrypts.add("sqs")
    if access.sends:
        add("Send", ("sqs:SendMessage",), *(names.queue_arn(q) for q in sorted(access.sends)))
        encrypts.add("sqs")
    if dead_letters:
        add("SendToDlq", ("sqs:SendMessage",), dead_letters)
        encrypts.add("sqs")
    if access.secrets:
        arns = (shared.secret_arns[s] for s in sorted(access.secrets))
        add("Secrets", ("secretsmanager:GetSecretValue",), *arns)
        decrypts.add("secretsmanager")
    if entry.emits:
        add("PutEvents", ("events:PutEvents",), names.bus_arn)
    if entry.mails:
        add("SendEmail", ("ses:SendEmail",), *_mail(names))
    if entry.starts_workflow:
        add("StartExecution", ("states:StartExecution",), names.workflow_arn)
    if entry.resumes_workflow:
        # IAM knows no resource for these; the token itself is what names the one task.
        add("ResumeExecution", ("states:SendTaskFailure", "states:SendTaskSuccess"), "*")
    if isinstance(entry, Schedule):
        _peak_rights(entry, names, shared, statements)
    if entry.invokes:
        add("Invoke", ("lambda:InvokeFunction",), *map(names.function_arn, sorted(entry.invokes)))
    if decrypts - encrypts:
        statements.append(
            Statement("Decrypt", DECRYPT, (shared.key_arn,), tuple(sorted(decrypts - encrypts)))
        )
    if encrypts:
        statements.append(Statement("Encrypt", ENCRYPT, (shared.key_arn,), tuple(sorted(encrypts))))
    return statements


def _peak_rights(
    entry: Schedule, names: ResourceNames, shared: SharedResources, statements: list[Statement]
) -> None:
    if entry.warms:
        statements.append(
            Statement(
                "ManageWarmThroughput",
                MANAGE_WARM_THROUGHPUT,
                tuple(map(names.table_arn, sorted(entry.warms))),
            )
        )
    if entry.keeps_warm and shared.peaks:
        aliases = tuple(map(names.alias_arn, sorted(shared.peaks)))
        statements.append(
            Statement("ManageProvisionedConcurrency", MANAGE_PROVISIONED_CONCURRENCY, aliases)
        )
    if entry.sets_clock:
        group = (
            "default" if names.stage.is_emulated else names.schedule_group
        )  # it takes all groups for one
        schedules = arn("scheduler", f"schedule/{group}/*")
        statements.append(Statement("ManageSchedules", MANAGE_SCHEDULES, (schedules,)))
        role = _role_arn(names.scheduler_role(entry.module))
        statements.append(
            Statement(
                "PassSchedulerRole", ("iam:PassRole",), (role,), passed_to="scheduler.amazonaws.com"
            )
        )


def _role_arn(name: str) -> str:
    return Fn.sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}")


def lambda_environment(
    entry: Function, names: ResourceNames, shared: SharedResources, release: str
) -> dict[str, str]:
    """The environment of the line's Lambda: nothing that the line does not imply."""
    stage, access = names.stage, resource_access_of(entry, names)
    env = {
        "STAGE": stage.name,
        "RELEASE": release,
        "SHOP_URL": shared.shop_url,
        "TERMS_URL": stage.terms_url or f"{shared.shop_url}/sandbox",
        "PRIVACY_URL": stage.privacy_url or f"{shared.shop_url}/sandbox",
        "LOG_LEVEL": stage.log_level,
        "POWERTOOLS_SERVICE_NAME": entry.module.partition(".")[0],
        "POWERTOOLS_METRICS_NAMESPACE": "Doorbuster",
        "PAYMENT_PROVIDER": stage.payment_provider,
        "WRITES": ",".join(sorted(names.table(table) for table in access.writes)),
    }
    if stage.payment_public_key is not None:
        env["PAYMENT_PUBLIC_KEY"] = stage.payment_public_key
    if stage.shop_page is not None:
        env["SHOP_PAGE"] = stage.shop_page
    if isinstance(entry, Endpoint):
        if stage.cdn and entry.access in (Access.PUBLIC, Access.SHOPPER):
            env["EDGE_KEY"] = SecretValue.secrets_manager(names.edge_key).unsafe_unwrap()
        env["ACCESS"] = entry.access.value
        env["ACCESS_GROUPS"] = ",".join(entry.groups)
        if entry.access in (Access.SHOPPER, Access.CUSTOMER, Access.STAFF):
            pool = shared.staff if entry.access is Access.STAFF else shared.customers
            env["TOKEN_ISSUER"] = pool.issuer
            env["TOKEN_KEYS"] = pool.keys
            env["TOKEN_CLIENTS"] = pool.client
    if isinstance(entry, Otherwise):
        env["ACCESS"] = Access.PUBLIC.value
        env["ROUTES"] = ",".join(shared.routes)
    for table in access.reads | access.writes:
        env[f"TABLE_{table.name}"] = names.table(table)
    if isinstance(entry, StreamReader):
        env[f"TABLE_{entry.table.name}"] = names.table(entry.table)
    for queue in access.sends:
        env[f"QUEUE_{queue.name}"] = names.queue_url(queue)
    for secret in access.secrets:
        env[f"SECRET_{secret.name}"] = shared.secret_arns[secret]
    if entry.emits:
        env["BUS_NAME"] = names.bus
    if entry.mails:
        env["MAIL_FROM"] = stage.mail_from
    if entry.mails_staff:
        env["STAFF_MAIL"] = stage.staff_mail
    if entry.starts_workflow:
        env["WORKFLOW_ARN"] = names.workflow_arn
    for module in entry.invokes:
        env[f"FUNCTION_{module.replace('.', '_').upper()}"] = names.function(module)
    if isinstance(entry, Endpoint) and entry.switches:
        env["SWITCHES"] = ",".join(entry.switches)
    if isinstance(entry, Schedule):
        env |= _peak_environment(entry, names, shared)
    if entry.payments:
        env["PAYMENT_WINDOW_SECONDS"] = str(stage.payment_window)
    return dict(sorted(env.items()))


def _peak_environment(
    entry: Schedule, names: ResourceNames, shared: SharedResources
) -> dict[str, str]:
    env = {f"TABLE_{table.name}": names.table(table) for table in entry.warms}
    if entry.keeps_warm:
        peaks = {names.function(module): busy for module, busy in sorted(shared.peaks.items())}
        env["PEAK_FUNCTIONS"] = json.dumps(peaks, separators=(",", ":"))
        env["PEAK_ALIAS"] = ALIAS
        env["PEAK_TABLE_QUOTA"] = str(names.stage.table_quota)
    if entry.sets_clock:
        env["CLOCK_GROUP"] = names.schedule_group
        env["CLOCK_TARGET"] = names.function_arn(entry.module)
        env["CLOCK_ROLE"] = _role_arn(names.scheduler_role(entry.module))
        env["CLOCK_DEAD_LETTERS"] = arn("sqs", names.of(names.dead_letters(entry.module)))
    return env


def _mail(names: ResourceNames) -> tuple[str, ...]:
    if names.stage.is_emulated:
        return ("*",)  # the emulator, where it enforces IAM, knows no identities
    return (
        arn("ses", f"identity/{names.stage.mail_from.partition('@')[2]}"),
        arn("ses", f"configuration-set/{names.of('mail')}"),
    )


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
