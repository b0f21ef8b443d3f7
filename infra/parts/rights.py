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
    DefaultRoute,
    Endpoint,
    Function,
    Queue,
    Schedule,
    Secret,
    StreamReader,
    Table,
)
from infra.parts.names import ALIAS, Names, arn
from infra.parts.tables import SHAPES

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
SET_CLOCK = ("scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule")
KEEP_WARM = (
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:PutProvisionedConcurrencyConfig",
)
WARM = ("dynamodb:DescribeTable", "dynamodb:UpdateTable")
TRACE = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


@dataclass(frozen=True)
class Right:
    """One statement of a role. ``through``: the services on whose behalf alone a key is used;
    ``passed_to``: the one service that a role may be passed to."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    through: tuple[str, ...] = ()
    passed_to: str | None = None


@dataclass(frozen=True)
class Needs:
    """What a line needs once the payment provider's own share is added."""

    reads: frozenset[Table]
    writes: frozenset[Table]
    sends: frozenset[Queue]
    secrets: frozenset[Secret]


@dataclass(frozen=True)
class Users:
    """A user pool, as far as it takes to tell whether a token is one of its own."""

    issuer: str
    keys: str
    """Where its public keys are served (JWKS)."""
    client: str


@dataclass(frozen=True)
class Ground:
    """Identifiers that AWS draws: they cannot be told from a name."""

    key_arn: str
    secret_arns: Mapping[Secret, str]
    stream_arns: Mapping[Table, str]
    customers: Users
    staff: Users
    shop_url: str
    routes: tuple[str, ...]
    """Of all endpoints: ``"GET /orders/{id}"``."""
    peaks: Mapping[str, float] = field(default_factory=dict)
    """Module of a shopper-facing Lambda → environments that an order a second keeps busy."""


class ManifestRefused(ValueError):
    """A manifest line asks for what its stage does not have."""


PRETENCE: frozenset[Table | Queue | Secret] = frozenset(
    {Table.SANDBOX_PAYMENTS, Queue.SANDBOX_SETTLEMENTS, Secret.SANDBOX_WEBHOOK}
)
"""What only the sandbox provider has. A stage with a real provider has none of it."""


STRIPE = frozenset({Secret.STRIPE_KEY, Secret.STRIPE_WEBHOOK})
"""What only a stage with Stripe has."""


def needs_of(line: Function, names: Names) -> Needs:
    """The tables, queues and secrets of a line, the stage's payment provider included.

    Raises :class:`ManifestRefused` when the line names the sandbox's own where there is no sandbox.
    """
    reads, writes = set(line.reads), set(line.writes)
    sends, secrets = set(line.sends), set(line.secrets)
    if isinstance(line, Endpoint) and line.switches:
        reads.add(Table.PEAK)
    if line.payments:
        if names.stage.sandbox:
            writes.add(Table.SANDBOX_PAYMENTS)
            sends.add(Queue.SANDBOX_SETTLEMENTS)
            secrets.add(Secret.SANDBOX_WEBHOOK)
        else:
            secrets.add(Secret.STRIPE_KEY)
    if not names.stage.sandbox:
        pretence = PRETENCE & (reads | writes | sends | secrets)
        if pretence:
            raise ManifestRefused(
                f"{line.module} uses {', '.join(sorted(pretence))}, which stage "
                f"{names.stage.name} does not have"
            )
    return Needs(frozenset(reads - writes), frozenset(writes), frozenset(sends), frozenset(secrets))


def rights_of(
    line: Function, names: Names, ground: Ground, dead_letters: str | None
) -> list[Right]:
    """The statements of the line's role, in a fixed order. ``dead_letters`` is its DLQ's ARN."""
    needs = needs_of(line, names)
    log_group = f"log-group:/aws/lambda/{names.function(line.module)}:*"
    rights = [
        Right("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (arn("logs", log_group),)),
        Right("Trace", TRACE, ("*",)),
    ]
    encrypts: set[str] = set()
    decrypts: set[str] = set()

    def add(sid: str, actions: tuple[str, ...], *resources: str) -> None:
        rights.append(Right(sid, actions, resources))

    for table in sorted(needs.reads | needs.writes):
        indexes = [names.index_arn(table, index) for index in sorted(SHAPES[table].indexes)]
        title = _title(table)
        add(f"Read{title}", READ, names.table_arn(table))
        if indexes:
            add(f"Query{title}", ("dynamodb:Query",), *indexes)
        if table in needs.writes:
            add(f"Write{title}", WRITE, names.table_arn(table))
        (encrypts if table in needs.writes else decrypts).add("dynamodb")
    if isinstance(line, StreamReader):
        add("Stream", STREAM, ground.stream_arns[line.table])
        add("FindStreams", ("dynamodb:ListStreams",), "*")
        decrypts.add("dynamodb")
    if isinstance(line, Consumer):
        add("Consume", CONSUME, names.queue_arn(line.queue))
        decrypts.add("sqs")
    if needs.sends:
        add("Send", ("sqs:SendMessage",), *(names.queue_arn(q) for q in sorted(needs.sends)))
        encrypts.add("sqs")
    if dead_letters:
        add("GiveUp", ("sqs:SendMessage",), dead_letters)
        encrypts.add("sqs")
    if needs.secrets:
        arns = (ground.secret_arns[s] for s in sorted(needs.secrets))
        add("Secrets", ("secretsmanager:GetSecretValue",), *arns)
        decrypts.add("secretsmanager")
    if line.publishes_events:
        add("Emit", ("events:PutEvents",), names.bus_arn)
    if line.sends_email:
        add("Mail", ("ses:SendEmail",), *_mail(names))
    if line.starts_workflow:
        add("Start", ("states:StartExecution",), names.workflow_arn)
    if line.resumes_workflow:
        # IAM knows no resource for these; the token itself is what names the one task.
        add("Resume", ("states:SendTaskFailure", "states:SendTaskSuccess"), "*")
    if isinstance(line, Schedule):
        _peak_rights(line, names, ground, rights)
    if line.invokes:
        add("Invoke", ("lambda:InvokeFunction",), *map(names.function_arn, sorted(line.invokes)))
    if decrypts - encrypts:
        rights.append(
            Right("Decrypt", DECRYPT, (ground.key_arn,), tuple(sorted(decrypts - encrypts)))
        )
    if encrypts:
        rights.append(Right("Encrypt", ENCRYPT, (ground.key_arn,), tuple(sorted(encrypts))))
    return rights


def _peak_rights(line: Schedule, names: Names, ground: Ground, rights: list[Right]) -> None:
    if line.warms_tables:
        rights.append(Right("Warm", WARM, tuple(map(names.table_arn, sorted(line.warms_tables)))))
    if line.keeps_warm and ground.peaks:
        aliases = tuple(map(names.alias_arn, sorted(ground.peaks)))
        rights.append(Right("KeepWarm", KEEP_WARM, aliases))
    if line.manages_schedules:
        group = "default" if names.stage.emulated else names.clock  # it takes all groups for one
        schedules = arn("scheduler", f"schedule/{group}/*")
        rights.append(Right("SetClock", SET_CLOCK, (schedules,)))
        role = _role_arn(names.clock_role(line.module))
        rights.append(
            Right("Wake", ("iam:PassRole",), (role,), passed_to="scheduler.amazonaws.com")
        )


def _role_arn(name: str) -> str:
    return Fn.sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}")


def environment_of(line: Function, names: Names, ground: Ground, release: str) -> dict[str, str]:
    """The environment of the line's Lambda: nothing that the line does not imply."""
    stage, needs = names.stage, needs_of(line, names)
    env = {
        "STAGE": stage.name,
        "RELEASE": release,
        "SHOP_URL": ground.shop_url,
        "TERMS_URL": stage.terms_url or f"{ground.shop_url}/sandbox",
        "PRIVACY_URL": stage.privacy_url or f"{ground.shop_url}/sandbox",
        "LOG_LEVEL": stage.log_level,
        "POWERTOOLS_SERVICE_NAME": line.module.partition(".")[0],
        "POWERTOOLS_METRICS_NAMESPACE": "Doorbuster",
        "PAYMENT_PROVIDER": stage.payment_provider,
        "WRITES": ",".join(sorted(names.table(table) for table in needs.writes)),
    }
    if stage.payment_public_key is not None:
        env["PAYMENT_PUBLIC_KEY"] = stage.payment_public_key
    if stage.shop_page is not None:
        env["SHOP_PAGE"] = stage.shop_page
    if isinstance(line, Endpoint):
        if stage.cdn and line.access in (Access.PUBLIC, Access.SHOPPER):
            env["EDGE_KEY"] = SecretValue.secrets_manager(names.edge_key).unsafe_unwrap()
        env["ACCESS"] = line.access.value
        env["ACCESS_GROUPS"] = ",".join(line.groups)
        if line.access in (Access.SHOPPER, Access.CUSTOMER, Access.STAFF):
            users = ground.staff if line.access is Access.STAFF else ground.customers
            env["TOKEN_ISSUER"] = users.issuer
            env["TOKEN_KEYS"] = users.keys
            env["TOKEN_CLIENTS"] = users.client
    if isinstance(line, DefaultRoute):
        env["ACCESS"] = Access.PUBLIC.value
        env["ROUTES"] = ",".join(ground.routes)
    for table in needs.reads | needs.writes:
        env[f"TABLE_{table.name}"] = names.table(table)
    if isinstance(line, StreamReader):
        env[f"TABLE_{line.table.name}"] = names.table(line.table)
    for queue in needs.sends:
        env[f"QUEUE_{queue.name}"] = names.queue_url(queue)
    for secret in needs.secrets:
        env[f"SECRET_{secret.name}"] = ground.secret_arns[secret]
    if line.publishes_events:
        env["BUS_NAME"] = names.bus
    if line.sends_email:
        env["MAIL_FROM"] = stage.mail_from
    if line.mails_staff:
        env["STAFF_MAIL"] = stage.staff_mail
    if line.starts_workflow:
        env["WORKFLOW_ARN"] = names.workflow_arn
    for module in line.invokes:
        env[f"FUNCTION_{module.replace('.', '_').upper()}"] = names.function(module)
    if isinstance(line, Endpoint) and line.switches:
        env["SWITCHES"] = ",".join(line.switches)
    if isinstance(line, Schedule):
        env |= _peak_environment(line, names, ground)
    if line.payments:
        env["PAYMENT_WINDOW_SECONDS"] = str(stage.payment_window)
    return dict(sorted(env.items()))


def _peak_environment(line: Schedule, names: Names, ground: Ground) -> dict[str, str]:
    env = {f"TABLE_{table.name}": names.table(table) for table in line.warms_tables}
    if line.keeps_warm:
        peaks = {names.function(module): busy for module, busy in sorted(ground.peaks.items())}
        env["PEAK_FUNCTIONS"] = json.dumps(peaks, separators=(",", ":"))
        env["PEAK_ALIAS"] = ALIAS
        env["PEAK_TABLE_QUOTA"] = str(names.stage.table_quota)
    if line.manages_schedules:
        env["CLOCK_GROUP"] = names.clock
        env["CLOCK_TARGET"] = names.function_arn(line.module)
        env["CLOCK_ROLE"] = _role_arn(names.clock_role(line.module))
        env["CLOCK_DEAD_LETTERS"] = arn("sqs", names.of(names.dead_letters(line.module)))
    return env


def _mail(names: Names) -> tuple[str, ...]:
    if names.stage.emulated:
        return ("*",)  # the emulator, where it enforces IAM, knows no identities
    return (
        arn("ses", f"identity/{names.stage.mail_from.partition('@')[2]}"),
        arn("ses", f"configuration-set/{names.of('mail')}"),
    )


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
