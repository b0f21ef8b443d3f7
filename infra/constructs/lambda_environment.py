"""The environment variables that a manifest entry implies for its Lambda."""

import json

from functions.manifest import (
    Access,
    DefaultRoute,
    Endpoint,
    Function,
    Schedule,
    StreamReader,
)
from infra.constructs.iam import SharedResources, resource_access_of
from infra.constructs.intrinsics import Value, arn, role_arn
from infra.constructs.resource_names import ALIAS, ResourceNames

Environment = dict[str, Value]


def lambda_environment(
    entry: Function, names: ResourceNames, shared: SharedResources, release: str
) -> Environment:
    """Return the environment of the entry's Lambda: exactly the settings that the entry implies."""
    env = {
        **_common(entry, names, shared, release),
        **_resources(entry, names, shared),
        **_services(entry, names),
    }
    if isinstance(entry, Endpoint):
        env |= _endpoint(entry, names, shared)
    if isinstance(entry, DefaultRoute):
        env["ACCESS"] = Access.PUBLIC.value
    if isinstance(entry, Schedule):
        env |= _peak(entry, names, shared)
    return dict(sorted(env.items()))


def _common(
    entry: Function, names: ResourceNames, shared: SharedResources, release: str
) -> Environment:
    stage, access = names.stage, resource_access_of(entry, names)
    env: Environment = {
        "STAGE": stage.name,
        "RELEASE": release,
        "SHOP_URL": shared.shop_url,
        "TERMS_URL": stage.terms_url or f"{shared.shop_url}/sandbox",
        "TIME_ZONE": stage.time_zone,
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
    if entry.payments:
        env["PAYMENT_WINDOW_SECONDS"] = str(stage.payment_window)
    return env


def _endpoint(entry: Endpoint, names: ResourceNames, shared: SharedResources) -> Environment:
    env: Environment = {
        "ACCESS": entry.access.value,
        "ACCESS_GROUPS": ",".join(entry.groups),
        "QUERY": ",".join(parameter.name for parameter in entry.query),
    }
    if names.stage.cdn and entry.access in (Access.PUBLIC, Access.SHOPPER):
        env["EDGE_KEY"] = names.edge_key_reference
    if entry.access in (Access.SHOPPER, Access.CUSTOMER, Access.STAFF):
        pool = shared.staff if entry.access is Access.STAFF else shared.customers
        env["TOKEN_ISSUER"] = pool.issuer
        env["TOKEN_KEYS"] = pool.keys
        env["TOKEN_CLIENTS"] = pool.client
    if entry.switches:
        env["SWITCHES"] = ",".join(entry.switches)
    return env


def _resources(entry: Function, names: ResourceNames, shared: SharedResources) -> Environment:
    access = resource_access_of(entry, names)
    tables = access.reads | access.writes
    if isinstance(entry, StreamReader):
        tables |= {entry.table}
    return {
        **{f"TABLE_{table.name}": names.table(table) for table in tables},
        **{f"QUEUE_{queue.name}": names.queue_url(queue) for queue in access.sends},
        **{f"SECRET_{secret.name}": shared.secret_arns[secret] for secret in access.secrets},
    }


def _services(entry: Function, names: ResourceNames) -> Environment:
    env: Environment = {}
    if entry.publishes_events:
        env["BUS_NAME"] = names.bus
    if entry.sends_email:
        env["MAIL_FROM"] = names.stage.mail_from
    if entry.mails_staff:
        env["STAFF_MAIL"] = names.stage.staff_mail
    if isinstance(entry, Schedule) and entry.sends_order_digest:
        env["ORDER_DIGEST_MINUTES"] = str(names.stage.order_digest_minutes)
    if entry.starts_workflow:
        env["WORKFLOW_ARN"] = names.workflow_arn
    if entry.starts_job is not None:
        env[f"WORKFLOW_{entry.starts_job.name}"] = names.job_workflow_arn(entry.starts_job)
    if entry.reads_files or entry.writes_files:
        env["FILES_BUCKET"] = names.files_bucket
    for module in entry.invokes:
        env[f"FUNCTION_{module.replace('.', '_').upper()}"] = names.function(module)
    return env


def _peak(entry: Schedule, names: ResourceNames, shared: SharedResources) -> Environment:
    env: Environment = {f"TABLE_{table.name}": names.table(table) for table in entry.warms_tables}
    if entry.keeps_warm:
        peaks = {names.function(module): busy for module, busy in sorted(shared.peaks.items())}
        env["PEAK_FUNCTIONS"] = json.dumps(peaks, separators=(",", ":"))
        env["PEAK_ALIAS"] = ALIAS
        env["PEAK_TABLE_QUOTA"] = str(names.stage.table_quota)
    if entry.manages_schedules:
        env["CLOCK_GROUP"] = names.schedule_group
        env["CLOCK_TARGET"] = names.function_arn(entry.module)
        env["CLOCK_ROLE"] = role_arn(names.scheduler_role(entry.module))
        env["CLOCK_DEAD_LETTERS"] = arn("sqs", names.of(names.dead_letters(entry.module)))
    return env
