"""The rules, each as a function of templates and manifests that names every breach it finds.

A rule that finds nothing returns an empty list; the tests hold it to that, and hold it to finding
what was planted. They are written from the manifest's words, not from ``infra.constructs.iam``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from functions.all import FEATURES
from functions.manifest import (
    Access,
    Compensation,
    Consumer,
    DefaultRoute,
    Endpoint,
    Feature,
    Function,
    Queue,
    Reaction,
    Schedule,
    Secret,
    Step,
    StreamReader,
    Table,
)
from infra.stages import Stage
from tests.contracts.templates import Cloud, Resource

FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
TABLE = "AWS::DynamoDB::Table"
MACHINE = "AWS::StepFunctions::StateMachine"
ALARM = "AWS::CloudWatch::Alarm"
ALIAS = "AWS::Lambda::Alias"
MAPPING = "AWS::Lambda::EventSourceMapping"

ACCOUNT = "${AWS::Region}:${AWS::AccountId}"


def lines_of(features: Iterable[Feature], stage: Stage) -> dict[str, Function]:
    """Lambda name → manifest line, for the features that the stage has."""
    return {
        f"doorbuster-{stage.name}-{line.module.replace('.', '-')}": line
        for feature in features
        if feature.stages is None or stage.name in feature.stages
        for line in feature.functions
    }


# ---------------------------------------------------------------------- what is there


def missing_functions(cloud: Cloud, lines: Mapping[str, Function]) -> list[str]:
    """Every line is a Lambda, and every Lambda is a line."""
    there = Counter(f.properties["FunctionName"] for f in cloud.of(FUNCTION))
    breaches = [f"{name} is deployed {n} times" for name in lines if (n := there[name]) != 1]
    return breaches + [f"{name} is deployed without a line" for name in there if name not in lines]


def plain_functions(cloud: Cloud, stage: Stage) -> list[str]:
    """arm64, Python 3.13, traced, with a log group that forgets, and layers."""
    groups = {g.properties["LogGroupName"]: g for g in cloud.of("AWS::Logs::LogGroup")}
    breaches = []
    for function in cloud.of(FUNCTION):
        has = function.properties
        wanted = {"Architectures": ["arm64"], "Runtime": "python3.13"}
        wanted["TracingConfig"] = {"Mode": "Active"}  # type: ignore[assignment]
        for key, value in wanted.items():
            if has.get(key) != value:
                breaches.append(f"{function}: {key} is {has.get(key)}, not {value}")
        group = groups.get(f"/aws/lambda/{has['FunctionName']}")
        if group is None or group.properties.get("RetentionInDays") != stage.log_days:
            breaches.append(f"{function}: no log group that keeps {stage.log_days} days")
        if len(has.get("Layers", ())) != (1 if stage.is_emulated else 2):
            breaches.append(f"{function}: layers are {has.get('Layers')}")
    return breaches


def full_stacks(cloud: Cloud, ceiling: int) -> list[str]:
    """No stack comes near CloudFormation's 500 resources."""
    sizes = {name: len(template["Resources"]) for name, template in cloud.stacks.items()}
    return [f"{name} has {size} resources" for name, size in sizes.items() if size > ceiling]


def entangled_stacks(cloud: Cloud) -> list[str]:
    """Features import from the ground only, never from each other: each can be deployed alone."""
    owners = {}
    for stack, template in cloud.stacks.items():
        for output in template.get("Outputs", {}).values():
            if "Export" in output:
                owners[cloud.text(stack, output["Export"]["Name"])] = stack
    shared = ("-foundation", "-api", "-edge")
    return [
        f"{stack} imports {name} of {owners.get(name)}"
        for stack, template in cloud.stacks.items()
        for name in sorted({str(n) for n in _found(template, "Fn::ImportValue")})
        if not str(owners.get(name)).endswith(shared)
    ]


# ---------------------------------------------------------------------- routes


def wrong_routes(cloud: Cloud, lines: Mapping[str, Function]) -> list[str]:
    """Every endpoint has its route, guarded as its access says, and the gateway may call it."""
    authorizers = {
        cloud.text(a.stack, {"Ref": a.id}): a.properties["Name"]
        for a in cloud.of("AWS::ApiGatewayV2::Authorizer")
    }
    routes: dict[str, tuple[str, str | None]] = {}
    for route in cloud.of("AWS::ApiGatewayV2::Route"):
        has = route.properties
        guard = has.get("AuthorizerId")
        name = authorizers.get(cloud.text(route.stack, guard)) if guard else None
        if has["AuthorizationType"] != ("JWT" if guard else "NONE"):
            name = f"a broken guard ({has['AuthorizationType']})"
        routes[has["RouteKey"]] = (_target(cloud, route), name)
    guards = {Access.CUSTOMER: "customers", Access.STAFF: "staff"}
    breaches = []
    for name, line in lines.items():
        if isinstance(line, Endpoint | DefaultRoute):
            wanted = (
                _in_use(name, line),
                guards.get(line.access) if isinstance(line, Endpoint) else None,
            )
            if routes.get(_route_of(line)) != wanted:
                at = _route_of(line)
                breaches.append(f"{at} leads to {routes.get(at)}, not {wanted}")
    wanted_routes = {_route_of(x) for x in lines.values() if isinstance(x, Endpoint | DefaultRoute)}
    breaches += [f"{route} is in no manifest" for route in routes if route not in wanted_routes]
    callable_ = {
        _called(cloud, p.stack, p.properties["FunctionName"])
        for p in cloud.of("AWS::Lambda::Permission")
        if p.properties["Principal"] == "apigateway.amazonaws.com"
    }
    return breaches + [
        f"the gateway may not call {name}"
        for name, line in lines.items()
        if isinstance(line, Endpoint | DefaultRoute) and _in_use(name, line) not in callable_
    ]


def unthrottled_routes(cloud: Cloud, lines: Mapping[str, Function], stage: Stage) -> list[str]:
    """Every route takes so many requests a second as its line says, and no more than the stage."""
    (there,) = cloud.of("AWS::ApiGatewayV2::Stage")
    every = there.properties["DefaultRouteSettings"]
    breaches = []
    if (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) != (stage.rate, stage.burst):
        breaches.append(f"the API takes {every}")
    routes = dict(there.properties["RouteSettings"])
    for line in lines.values():
        if isinstance(line, Endpoint | DefaultRoute):
            route = line.route if isinstance(line, Endpoint) else "$default"
            has = routes.pop(route, {})
            wanted = (min(line.limit, stage.rate), min(2 * line.limit, stage.burst))
            if (has.get("ThrottlingRateLimit"), has.get("ThrottlingBurstLimit")) != wanted:
                breaches.append(f"{route} is throttled by {has}, not {wanted}")
    return breaches + [f"{route} is throttled and not there" for route in routes]


def _in_use(name: str, line: Endpoint | DefaultRoute) -> str:
    """What a route leads to: what shoppers call has an alias, so that it can be kept warm."""
    plain = isinstance(line, DefaultRoute) or line.access in (Access.STAFF, Access.WEBHOOK)
    return name if plain else f"{name}:live"


def _route_of(line: Endpoint | DefaultRoute) -> str:
    return line.route if isinstance(line, Endpoint) else "$default"


def _target(cloud: Cloud, route: Resource) -> str:
    integration = cloud.named(route.stack, route.properties["Target"]["Fn::Join"][1][1])
    return _called(cloud, route.stack, integration.properties["IntegrationUri"])


def _called(cloud: Cloud, stack: str, reference: Any) -> str:
    """The name of a function, or ``name:alias`` of a version in use."""
    target = cloud.named(stack, reference)
    if target.kind != ALIAS:
        return str(target.properties["FunctionName"])
    version = cloud.named(stack, target.properties["FunctionVersion"])
    names = {
        str(cloud.named(stack, one.properties["FunctionName"]).properties["FunctionName"])
        for one in (target, version)
    }
    return f"{'|'.join(sorted(names))}:{target.properties['Name']}"


# ---------------------------------------------------------------------- rights

READS = {"GetItem", "BatchGetItem", "Query"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"}
NAMED_AT_RUN_TIME = r"(:log-group:[^*]+:\*|/index/\*|:schedule/([^*/]+-peak|default)/\*)$"
"""What nobody can name beforehand: log streams of a group, schedules of the peak's own group."""
NOWHERE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "dynamodb:ListStreams",
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
}
"""Actions for which IAM knows no resource, and which alone may therefore stand on ``*``."""


def excess_rights(cloud: Cloud, lines: Mapping[str, Function], stage: Stage) -> list[str]:
    """No role may do what its line does not imply, on anything that its line does not name."""
    breaches = []
    for function in cloud.of(FUNCTION):
        line = lines[function.properties["FunctionName"]]
        implied = implied_rights(cloud, line, stage)
        for action, resource in rights_of(cloud, function):
            where = {where for what, where in implied if what == action}
            if resource not in where:
                breaches.append(f"{line.module} may {action} on {resource}")
    return breaches


def missing_rights(cloud: Cloud, lines: Mapping[str, Function], stage: Stage) -> list[str]:
    """Every role may do what its line implies."""
    breaches = []
    for function in cloud.of(FUNCTION):
        line = lines[function.properties["FunctionName"]]
        granted = set(rights_of(cloud, function))
        needed = {r for r in implied_rights(cloud, line, stage) if not r[0].startswith("kms:")}
        breaches += [f"{line.module} may not {a} on {r}" for a, r in sorted(needed - granted)]
    return breaches


def wildcards(cloud: Cloud, stage: Stage) -> list[str]:
    """Wildcards stand only where IAM has nothing to name: traces, log streams, an index."""
    breaches = []
    for role in cloud.of("AWS::IAM::Role"):
        if role.properties.get("ManagedPolicyArns"):
            breaches.append(f"{role}: has AWS's managed policies, which grant what AWS likes")
        for action, resource in _rights_in(cloud, role):
            if "*" in action or "?" in resource:
                breaches.append(f"{role}: {action} on {resource}")
            elif resource == "*":
                unnameable = action in NOWHERE or action.startswith(("xray:", "logs:"))
                unnameable |= action == "ses:SendEmail" and stage.is_emulated
                if not unnameable:
                    breaches.append(f"{role}: {action} on everything")
            elif "*" in resource and not re.search(NAMED_AT_RUN_TIME, resource):
                breaches.append(f"{role}: {action} on {resource}")
    return breaches + [f"{p}: a policy beside the roles" for p in cloud.of("AWS::IAM::Policy")]


def implied_rights(cloud: Cloud, line: Function, stage: Stage) -> set[tuple[str, str]]:
    """(action, resource) pairs that a manifest line means, in its own words."""
    prefix = f"doorbuster-{stage.name}-"
    name = prefix + line.module.replace(".", "-")
    reads, writes, sends, secrets = _uses(line, stage)
    rights = {(f"xray:{a}", "*") for a in ("PutTraceSegments", "PutTelemetryRecords")}
    rights |= {
        (f"logs:{a}", _arn("logs", f"log-group:/aws/lambda/{name}:*"))
        for a in ("CreateLogStream", "PutLogEvents")
    }
    rights |= _table_rights(cloud, prefix, reads, writes)
    rights |= _source_rights(cloud, line, prefix)
    rights |= {("sqs:SendMessage", _arn("sqs", _hyphened(prefix, queue))) for queue in sends}
    for secret in cloud.of("AWS::SecretsManager::Secret"):
        if secret.properties["Name"].rpartition("/")[2].replace("-", "_") in secrets:
            ref = cloud.text(secret.stack, {"Fn::GetAtt": [secret.id, "Id"]})
            rights.add(("secretsmanager:GetSecretValue", ref))
    rights |= _service_rights(line, stage, prefix)
    (key,) = cloud.of("AWS::KMS::Key")
    encrypts = {"Encrypt", "GenerateDataKey"} if writes or sends or _async(line) else set()
    touches_data = encrypts or reads or secrets or isinstance(line, Consumer)
    if touches_data:
        rights |= {(f"kms:{a}", cloud.arn(key)) for a in {"Decrypt", "DescribeKey"} | encrypts}
    return rights


def _arn(service: str, what: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:{ACCOUNT}:{what}"


def _hyphened(prefix: str, name: str) -> str:
    return prefix + name.replace("_", "-")


def _uses(line: Function, stage: Stage) -> tuple[set[Table], set[Table], set[Queue], set[Secret]]:
    """The tables read and written, the queues and the secrets, with those of the payments."""
    reads, writes, sends = set(line.reads), set(line.writes), set(line.sends)
    secrets = set(line.secrets)
    if isinstance(line, Endpoint) and line.switches:
        reads.add(Table.PEAK)
    if line.payments and stage.sandbox:
        writes.add(Table.SANDBOX_PAYMENTS)
        sends.add(Queue.SANDBOX_SETTLEMENTS)
        secrets.add(Secret.SANDBOX_WEBHOOK)
    elif line.payments:
        secrets.add(Secret.STRIPE_KEY)
    return reads, writes, sends, secrets


def _tables(cloud: Cloud) -> dict[str, Resource]:
    return {t.properties["TableName"]: t for t in cloud.of(TABLE)}


def _table_rights(
    cloud: Cloud, prefix: str, reads: set[Table], writes: set[Table]
) -> set[tuple[str, str]]:
    rights, tables = set(), _tables(cloud)
    for table in reads | writes:
        name = _hyphened(prefix, table)
        where = _arn("dynamodb", f"table/{name}")
        rights |= {(f"dynamodb:{a}", where) for a in READS | (WRITES if table in writes else set())}
        for index in tables[name].properties.get("GlobalSecondaryIndexes", ()):
            rights.add(("dynamodb:Query", f"{where}/index/{index['IndexName']}"))
    return rights


def _source_rights(cloud: Cloud, line: Function, prefix: str) -> set[tuple[str, str]]:
    """Rights on the stream or queue that invokes a Lambda, and on its dead-letter queue."""
    rights = set()
    if isinstance(line, StreamReader):
        source = _tables(cloud)[_hyphened(prefix, line.table)]
        stream = f"${{{source.stack}.{source.id}.StreamArn}}"
        rights |= {
            (f"dynamodb:{a}", stream) for a in ("DescribeStream", "GetRecords", "GetShardIterator")
        }
        rights.add(("dynamodb:ListStreams", "*"))
    if isinstance(line, Consumer):
        actions = (
            "ReceiveMessage",
            "DeleteMessage",
            "ChangeMessageVisibility",
            "GetQueueAttributes",
        )
        rights |= {(f"sqs:{a}", _arn("sqs", _hyphened(prefix, line.queue))) for a in actions}
    if isinstance(line, StreamReader | Reaction | Schedule):
        dead = _hyphened(prefix, f"{line.module.replace('.', '-')}-dead")
        for queue in cloud.of(QUEUE):
            if queue.properties["QueueName"] == dead:
                rights.add(("sqs:SendMessage", cloud.arn(queue)))
    return rights


def _service_rights(line: Function, stage: Stage, prefix: str) -> set[tuple[str, str]]:
    """Rights to events, email, the order workflow, schedules and other Lambdas."""
    rights = set()
    if line.publishes_events:
        rights.add(("events:PutEvents", _arn("events", f"event-bus/{prefix}events")))
    if line.sends_email:
        domain = stage.mail_from.partition("@")[2]
        mail = (f"identity/{domain}", f"configuration-set/{prefix}mail")
        rights |= {
            ("ses:SendEmail", "*" if stage.is_emulated else _arn("ses", what)) for what in mail
        }
    if line.starts_workflow:
        rights.add(("states:StartExecution", _arn("states", f"stateMachine:{prefix}order")))
    if line.resumes_workflow:
        rights |= {("states:SendTaskSuccess", "*"), ("states:SendTaskFailure", "*")}
    if isinstance(line, Schedule):
        rights |= _peak_rights(stage, line, prefix, _arn)
    for module in line.invokes:
        where = _arn("lambda", f"function:{prefix}{module.replace('.', '-')}")
        rights.add(("lambda:InvokeFunction", where))
    return rights


def _peak_rights(
    stage: Stage, line: Schedule, prefix: str, arn: Callable[[str, str], str]
) -> set[tuple[str, str]]:
    rights = set()
    for table in line.warms_tables:
        where = arn("dynamodb", f"table/{prefix}{table.value.replace('_', '-')}")
        rights |= {("dynamodb:DescribeTable", where), ("dynamodb:UpdateTable", where)}
    if line.keeps_warm:
        for name, other in lines_of(FEATURES, stage).items():
            if isinstance(other, Endpoint) and other.peak:
                where = arn("lambda", f"function:{name}:live")
                rights.add(("lambda:PutProvisionedConcurrencyConfig", where))
                rights.add(("lambda:DeleteProvisionedConcurrencyConfig", where))
    if line.manages_schedules:
        group = "default" if stage.is_emulated else f"{prefix}peak"
        clocks = arn("scheduler", f"schedule/{group}/*")
        rights |= {(f"scheduler:{verb}Schedule", clocks) for verb in ("Create", "Update", "Delete")}
        role = f"{prefix}{line.module.replace('.', '-').replace('_', '-')}-clock"
        rights.add(
            ("iam:PassRole", f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{role}")
        )
    return rights


def rights_of(cloud: Cloud, function: Resource) -> Iterator[tuple[str, str]]:
    role = cloud.named(function.stack, function.properties["Role"])
    yield from _rights_in(cloud, role)


def _rights_in(cloud: Cloud, role: Resource) -> Iterator[tuple[str, str]]:
    for policy in role.properties.get("Policies", ()):
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield action, cloud.text(role.stack, resource)


def _async(line: Function) -> bool:
    return isinstance(line, StreamReader | Reaction | Schedule)


# ---------------------------------------------------------------------- queues and failures


def impatient_queues(cloud: Cloud, lines: Mapping[str, Function], stage: Stage) -> list[str]:
    """Messages stay hidden six times as long as their consumer may take: emulators do not mind."""
    breaches = []
    for line in lines.values():
        if isinstance(line, Consumer):
            name = f"doorbuster-{stage.name}-{line.queue.replace('_', '-')}"
            for queue in cloud.of(QUEUE):
                if queue.properties["QueueName"] == name:
                    hidden = queue.properties.get("VisibilityTimeout", 30)
                    if hidden < 6 * line.timeout:
                        breaches.append(
                            f"{name}: hidden {hidden} s, its consumer has {line.timeout} s"
                        )
    return breaches


def hopeless_queues(cloud: Cloud) -> list[str]:
    """Every queue gives up after five attempts, into a queue that keeps; all are encrypted."""
    dead = set()
    breaches = []
    for queue in cloud.of(QUEUE):
        policy = queue.properties.get("RedrivePolicy")
        if policy:
            dead.add(cloud.text(queue.stack, policy["deadLetterTargetArn"]))
            if policy["maxReceiveCount"] != 5:
                breaches.append(f"{queue}: gives up after {policy['maxReceiveCount']} attempts")
        if not queue.properties.get("KmsMasterKeyId"):
            breaches.append(f"{queue}: is not encrypted with the shop's key")
    for queue in cloud.of(QUEUE):
        is_dead = queue.properties["QueueName"].endswith("-dead")
        if not is_dead and not queue.properties.get("RedrivePolicy"):
            breaches.append(f"{queue}: has no dead-letter queue")
        if is_dead and queue.properties.get("MessageRetentionPeriod") != 1_209_600:
            breaches.append(f"{queue}: forgets dead letters before 14 days")
    return breaches


def lost_failures(cloud: Cloud, lines: Mapping[str, Function]) -> list[str]:
    """Whatever wakes a Lambda without waiting for it has a place for what fails."""
    caught: dict[str, set[str]] = defaultdict(set)
    for config in cloud.of("AWS::Lambda::EventInvokeConfig"):
        if config.properties.get("DestinationConfig", {}).get("OnFailure"):
            function = cloud.named(config.stack, config.properties["FunctionName"])
            caught[function.properties["FunctionName"]].add("call")
    for mapping in cloud.of(MAPPING):
        has = mapping.properties
        function = cloud.named(mapping.stack, has["FunctionName"])
        name = function.properties["FunctionName"]
        if has.get("FunctionResponseTypes") == ["ReportBatchItemFailures"]:
            caught[name].add("item")
        if has.get("DestinationConfig", {}).get("OnFailure"):
            caught[name].add("batch")
        if has.get("BisectBatchOnFunctionError"):
            caught[name].add("bisect")
    for rule in cloud.of("AWS::Events::Rule"):
        for target in rule.properties["Targets"]:
            if target.get("DeadLetterConfig") and target.get("RetryPolicy"):
                function = cloud.named(rule.stack, target["Arn"])
                caught[function.properties["FunctionName"]].add("delivery")
    for schedule in cloud.of("AWS::Scheduler::Schedule"):
        target = schedule.properties["Target"]
        if target.get("DeadLetterConfig") and target.get("RetryPolicy"):
            function = cloud.named(schedule.stack, target["Arn"])
            caught[function.properties["FunctionName"]].add("delivery")
    wanted = {
        Consumer: {"item"},
        StreamReader: {"item", "batch", "bisect"},
        Reaction: {"call", "delivery"},
        Schedule: {"call", "delivery"},
    }
    return [
        f"{line.module}: nobody keeps a failed {what}"
        for name, line in lines.items()
        for what in sorted(wanted.get(type(line), set()) - caught[name])
    ]


# ---------------------------------------------------------------------- alarms


BUSY = ("GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
"""Operations that every table sees most."""


def silent_resources(cloud: Cloud) -> list[str]:
    """Every function, queue, table and state machine has its alarms, and each tells somebody.

    So has what a consumer refuses for good.
    """
    watched: dict[tuple[str, str], set[str]] = defaultdict(set)
    breaches = []
    for alarm in cloud.of(ALARM):
        has = alarm.properties
        if not has.get("AlarmActions"):
            breaches.append(f"{alarm}: tells nobody")
        of = {d["Name"]: cloud.text(alarm.stack, d["Value"]) for d in has.get("Dimensions", ())}
        operation = of.pop("Operation", None)
        metric = has["MetricName"] + (f" of {operation}" if operation else "")
        watched[has["Namespace"], "/".join(of.values())].add(metric)
    subjects: list[tuple[Resource, str, str, set[str]]] = [
        (f, "AWS/Lambda", f.properties["FunctionName"], {"Errors", "Throttles", "Duration"})
        for f in cloud.of(FUNCTION)
    ]
    for queue in cloud.of(QUEUE):
        name = queue.properties["QueueName"]
        dead = name.endswith("-dead")
        count = "ApproximateNumberOfMessagesVisible" if dead else "ApproximateAgeOfOldestMessage"
        subjects.append((queue, "AWS/SQS", name, {count}))
    for table in cloud.of(TABLE):
        needed = {"ReadThrottleEvents", "WriteThrottleEvents"}
        needed |= {f"SystemErrors of {operation}" for operation in BUSY}
        subjects.append((table, "AWS/DynamoDB", table.properties["TableName"], needed))
        for index in table.properties.get("GlobalSecondaryIndexes", ()):
            name = f"{table.properties['TableName']}/{index['IndexName']}"
            needed = {"ReadThrottleEvents", "WriteThrottleEvents"}
            subjects.append((table, "AWS/DynamoDB", name, needed))
    for machine in cloud.of(MACHINE):
        arn = "arn:${AWS::Partition}:states:" + ACCOUNT + ":stateMachine:"
        arn += machine.properties["StateMachineName"]
        needed = {"ExecutionsFailed", "ExecutionsTimedOut"}
        subjects.append((machine, "AWS/States", arn, needed))
    for board in cloud.of("AWS::CloudWatch::Dashboard"):
        stage = board.stack.removeprefix("doorbuster-").removesuffix("-observability")
        subjects.append((board, "Doorbuster", stage, {"MessagesRefused"}))
    for mapping in cloud.of(MAPPING):
        if "StartingPosition" in mapping.properties:
            function = cloud.named(mapping.stack, mapping.properties["FunctionName"])
            name = function.properties["FunctionName"]
            subjects.append((mapping, "AWS/Lambda", name, {"IteratorAge"}))
    return breaches + [
        f"{resource}: no alarm on {metric}"
        for resource, namespace, name, needed in subjects
        for metric in sorted(needed - watched[namespace, name])
    ]


# ---------------------------------------------------------------------- data


def unprotected_data(cloud: Cloud, stage: Stage) -> list[str]:
    """On demand, encrypted with the shop's key, restorable; in production not to be deleted."""
    breaches = []
    for table in cloud.of(TABLE):
        has = table.properties
        if has.get("BillingMode") != "PAY_PER_REQUEST":
            breaches.append(f"{table}: is not on demand")
        if has.get("SSESpecification", {}).get("SSEType") != "KMS":
            breaches.append(f"{table}: is not encrypted with the shop's key")
        if not has.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            breaches.append(f"{table}: cannot be restored to a point in time")
        if stage.production and not has.get("DeletionProtectionEnabled"):
            breaches.append(f"{table}: can be deleted")
    breaches += [
        f"{key}: is not rotated"
        for key in cloud.of("AWS::KMS::Key")
        if not key.properties.get("EnableKeyRotation")
    ]
    if not stage.production:
        return breaches
    breaches += [
        f"{pool}: can be deleted"
        for pool in cloud.of("AWS::Cognito::UserPool")
        if pool.properties.get("DeletionProtection") != "ACTIVE"
    ]
    retained = (TABLE, "AWS::KMS::Key", "AWS::Cognito::UserPool", "AWS::SecretsManager::Secret")
    policies = ("DeletionPolicy", "UpdateReplacePolicy")
    return breaches + [
        f"{resource}: goes with its stack"
        for resource in cloud
        if resource.kind in retained
        and any(resource.whole.get(policy) != "Retain" for policy in policies)
    ]


def pretence(cloud: Cloud) -> list[str]:
    """What a stage with real money must not have: any trace of the sandbox, or plain passwords."""
    breaches = [
        f"{stack}: mentions the sandbox"
        for stack, template in cloud.stacks.items()
        if "sandbox" in str(template).lower()
    ]
    for client in cloud.of("AWS::Cognito::UserPoolClient"):
        flows = client.properties.get("ExplicitAuthFlows", ())
        if any("PASSWORD" in flow for flow in flows):
            breaches.append(f"{client}: lets passwords be sent plainly")
    staff = [p for p in cloud.of("AWS::Cognito::UserPool") if p.id.startswith("Staff")]
    breaches += [
        f"{pool}: staff need no second factor"
        for pool in staff
        if pool.properties.get("MfaConfiguration") != "ON"
    ]
    return breaches if staff else [*breaches, "there is no pool for staff"]


# ---------------------------------------------------------------------- the workflow


def crooked_workflow(machine: Mapping[str, Any], lines: Iterable[Function]) -> list[str]:
    """At most four transitions without trouble, a deadline on every state, a way back that ends."""
    lines = list(lines)
    states = machine["States"]
    steps = {x.name: x for x in lines if isinstance(x, Step)}
    undos = {x.name for x in lines if isinstance(x, Compensation)}
    happy = list(walk(states, machine["StartAt"]))
    breaches = []
    if happy != list(steps):
        breaches.append(f"without trouble it runs {happy}, the manifest says {list(steps)}")
    if len(happy) > 4:
        breaches.append(f"{len(happy)} transitions an order; four is the budget")
    breaches += _unsafe_tasks(states)
    passed_pivot = False
    for name, step in steps.items():
        caught = [c["Next"] for c in states[name].get("Catch", ())]
        back = [n for c in caught for n in walk(states, c) if states[n]["Type"] == "Task"]
        if passed_pivot and caught:
            breaches.append(f"{name}: is undone past the pivot")
        if step.compensation and not caught:
            breaches.append(f"{name}: has an undo that nothing leads to")
        if step.waits_for_token != states[name]["Resource"].endswith(".waitForTaskToken"):
            breaches.append(
                f"{name}: waits is {step.waits_for_token}, but it calls {states[name]['Resource']}"
            )
        if not set(back) <= undos:
            breaches.append(f"{name}: its way back runs {back}")
        passed_pivot = passed_pivot or step.pivot
    reached = {
        n for s in states.values() for c in s.get("Catch", ()) for n in walk(states, c["Next"])
    }
    return breaches + [f"{name}: is never reached" for name in sorted(undos - reached)]


def _unsafe_tasks(states: Mapping[str, Any]) -> Iterator[str]:
    """Tasks without a deadline or retries, and tasks that write to a table without a Lambda."""
    for name, state in states.items():
        if state["Type"] != "Task":
            continue
        if "TimeoutSeconds" not in state:
            yield f"{name}: may run for a year"
        if not state.get("Retry"):
            yield f"{name}: gives up at the first accident"
        if "dynamodb" in state["Resource"]:
            yield f"{name}: writes to a table by itself"


def walk(states: Mapping[str, Any], name: str | None) -> Iterator[str]:
    """The states from here on when nothing fails and no choice turns off."""
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        yield name
        name = states[name].get("Next") or states[name].get("Default")


# ---------------------------------------------------------------------- small tools


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _found(value: Any, key: str) -> Iterator[Any]:
    """Every value that stands under ``key`` anywhere inside."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            else:
                yield from _found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner, key)
