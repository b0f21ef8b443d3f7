"""Rules on the synthesized templates: functions, routes, queues, alarms and data.

Each rule is a function of templates and manifests that names every breach, and returns an empty
list if there is none. The tests check both: that the templates have no breach, and that each rule
finds a planted one. Permissions are in ``iam_rules``, the state machine in ``workflow_rules``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from functions.manifest import (
    Access,
    Consumer,
    DefaultRoute,
    Endpoint,
    Feature,
    Function,
    Reaction,
    Schedule,
    StreamReader,
)
from infra.constructs.nag_suppressions import Suppression
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
DEFAULT_VISIBILITY_SECONDS = 30
MAX_RECEIVE_COUNT = 5
DEAD_LETTER_SECONDS = 1_209_600
"""Retention of dead letters: 14 days, the maximum of SQS."""


def entries_of(features: Iterable[Feature], stage: Stage) -> dict[str, Function]:
    """Return the manifest entries of the features in a stage, by Lambda name."""
    return {
        f"doorbuster-{stage.name}-{entry.module.replace('.', '-')}": entry
        for feature in features
        if feature.stages is None or stage.name in feature.stages
        for entry in feature.functions
    }


# ---------------------------------------------------------------------- functions and stacks


def missing_functions(cloud: Cloud, entries: Mapping[str, Function]) -> list[str]:
    """Every entry is deployed once, and every deployed Lambda has an entry."""
    deployed = Counter(f.properties["FunctionName"] for f in cloud.of(FUNCTION))
    breaches = [f"{name} is deployed {n} times" for name in entries if (n := deployed[name]) != 1]
    return breaches + [f"{name} has no manifest entry" for name in deployed if name not in entries]


def function_differences(cloud: Cloud, stage: Stage) -> list[str]:
    """Functions are arm64, Python 3.13 and traced, with layers and a log group that expires."""
    groups = {g.properties["LogGroupName"]: g for g in cloud.of("AWS::Logs::LogGroup")}
    breaches = []
    for function in cloud.of(FUNCTION):
        has = function.properties
        expected = {"Architectures": ["arm64"], "Runtime": "python3.13"}
        expected["TracingConfig"] = {"Mode": "Active"}  # type: ignore[assignment]
        for key, value in expected.items():
            if has.get(key) != value:
                breaches.append(f"{function}: {key} is {has.get(key)} instead of {value}")
        group = groups.get(f"/aws/lambda/{has['FunctionName']}")
        if group is None or group.properties.get("RetentionInDays") != stage.log_days:
            breaches.append(f"{function}: no log group with a retention of {stage.log_days} days")
        if len(has.get("Layers", ())) != (1 if stage.is_emulated else 2):
            breaches.append(f"{function}: layers are {has.get('Layers')}")
    return breaches


def oversized_stacks(cloud: Cloud, limit: int) -> list[str]:
    """No stack approaches CloudFormation's limit of 500 resources."""
    sizes = {name: len(template["Resources"]) for name, template in cloud.stacks.items()}
    return [f"{name} has {size} resources" for name, size in sizes.items() if size > limit]


def cross_feature_imports(cloud: Cloud) -> list[str]:
    """A feature imports from shared stacks only, so that each feature can be deployed alone."""
    owners = {}
    for stack, template in cloud.stacks.items():
        for output in template.get("Outputs", {}).values():
            if "Export" in output:
                owners[cloud.text(stack, output["Export"]["Name"])] = stack
    shared = ("-foundation", "-api", "-edge")
    return [
        f"{stack} imports {name} of {owners.get(name)}"
        for stack, template in cloud.stacks.items()
        for name in sorted({str(n) for n in _values_of(template, "Fn::ImportValue")})
        if not str(owners.get(name)).endswith(shared)
    ]


# ---------------------------------------------------------------------- routes


def wrong_routes(cloud: Cloud, entries: Mapping[str, Function]) -> list[str]:
    """Every endpoint has its route and its authorizer, and the gateway may call it."""
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
            name = f"an inconsistent authorizer ({has['AuthorizationType']})"
        routes[has["RouteKey"]] = (_target(cloud, route), name)
    guards = {Access.CUSTOMER: "customers", Access.STAFF: "staff"}
    breaches = []
    for name, entry in entries.items():
        if isinstance(entry, Endpoint | DefaultRoute):
            expected = (
                _target_name(name, entry),
                guards.get(entry.access) if isinstance(entry, Endpoint) else None,
            )
            route_key = _route_of(entry)
            if routes.get(route_key) != expected:
                found = routes.get(route_key)
                breaches.append(f"{route_key} invokes {found} instead of {expected}")
    declared = {_route_of(x) for x in entries.values() if isinstance(x, Endpoint | DefaultRoute)}
    breaches += [
        f"{route_key} is in no manifest" for route_key in routes if route_key not in declared
    ]
    callable_ = {
        _called(cloud, p.stack, p.properties["FunctionName"])
        for p in cloud.of("AWS::Lambda::Permission")
        if p.properties["Principal"] == "apigateway.amazonaws.com"
    }
    return breaches + [
        f"the gateway may not call {name}"
        for name, entry in entries.items()
        if isinstance(entry, Endpoint | DefaultRoute) and _target_name(name, entry) not in callable_
    ]


def unthrottled_routes(cloud: Cloud, entries: Mapping[str, Function], stage: Stage) -> list[str]:
    """Every route accepts the requests per second of its entry, and no more than the stage."""
    (api_stage,) = cloud.of("AWS::ApiGatewayV2::Stage")
    default = api_stage.properties["DefaultRouteSettings"]
    breaches = []
    limits = (default["ThrottlingRateLimit"], default["ThrottlingBurstLimit"])
    if limits != (stage.rate, stage.burst):
        breaches.append(f"the API accepts {default}")
    routes = dict(api_stage.properties["RouteSettings"])
    for entry in entries.values():
        if isinstance(entry, Endpoint | DefaultRoute):
            route = entry.route if isinstance(entry, Endpoint) else "$default"
            has = routes.pop(route, {})
            expected = (min(entry.limit, stage.rate), min(2 * entry.limit, stage.burst))
            if (has.get("ThrottlingRateLimit"), has.get("ThrottlingBurstLimit")) != expected:
                breaches.append(f"{route} is throttled by {has} instead of {expected}")
    return breaches + [f"{route} is throttled, but no route" for route in routes]


def _target_name(name: str, entry: Endpoint | DefaultRoute) -> str:
    """Return the target of a route. Shoppers' handlers have an alias, so they can be warmed."""
    plain = isinstance(entry, DefaultRoute) or entry.access in (Access.STAFF, Access.WEBHOOK)
    return name if plain else f"{name}:live"


def _route_of(entry: Endpoint | DefaultRoute) -> str:
    return entry.route if isinstance(entry, Endpoint) else "$default"


def _target(cloud: Cloud, route: Resource) -> str:
    integration = cloud.named(route.stack, route.properties["Target"]["Fn::Join"][1][1])
    return _called(cloud, route.stack, integration.properties["IntegrationUri"])


def _called(cloud: Cloud, stack: str, reference: Any) -> str:
    """Return the name of a function, or ``name:alias``."""
    target = cloud.named(stack, reference)
    if target.kind != ALIAS:
        return str(target.properties["FunctionName"])
    version = cloud.named(stack, target.properties["FunctionVersion"])
    names = {
        str(cloud.named(stack, one.properties["FunctionName"]).properties["FunctionName"])
        for one in (target, version)
    }
    return f"{'|'.join(sorted(names))}:{target.properties['Name']}"


# ---------------------------------------------------------------------- queues and failures


def short_visibility_timeouts(
    cloud: Cloud, entries: Mapping[str, Function], stage: Stage
) -> list[str]:
    """The visibility timeout is six times the timeout of the consumer, as AWS recommends."""
    breaches = []
    for entry in entries.values():
        if not isinstance(entry, Consumer):
            continue
        name = f"doorbuster-{stage.name}-{entry.queue.replace('_', '-')}"
        for queue in cloud.of(QUEUE):
            hidden = queue.properties.get("VisibilityTimeout", DEFAULT_VISIBILITY_SECONDS)
            if queue.properties["QueueName"] == name and hidden < 6 * entry.timeout:
                text = f"visibility timeout {hidden} s, consumer timeout {entry.timeout} s"
                breaches.append(f"{name}: {text}")
    return breaches


def queues_without_dead_letters(cloud: Cloud) -> list[str]:
    """Every queue is encrypted and has a dead-letter queue after five attempts."""
    dead = set()
    breaches = []
    for queue in cloud.of(QUEUE):
        policy = queue.properties.get("RedrivePolicy")
        if policy:
            dead.add(cloud.text(queue.stack, policy["deadLetterTargetArn"]))
            if policy["maxReceiveCount"] != MAX_RECEIVE_COUNT:
                breaches.append(f"{queue}: {policy['maxReceiveCount']} attempts")
        if not queue.properties.get("KmsMasterKeyId"):
            breaches.append(f"{queue}: is not encrypted with the shop's key")
    for queue in cloud.of(QUEUE):
        is_dead = queue.properties["QueueName"].endswith("-dead")
        if not is_dead and not queue.properties.get("RedrivePolicy"):
            breaches.append(f"{queue}: has no dead-letter queue")
        if is_dead and queue.properties.get("MessageRetentionPeriod") != DEAD_LETTER_SECONDS:
            breaches.append(f"{queue}: retains dead letters for less than 14 days")
    return breaches


def lost_failures(cloud: Cloud, entries: Mapping[str, Function]) -> list[str]:
    """Every asynchronous trigger of a Lambda has a destination for failures."""
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
    required = {
        Consumer: {"item"},
        StreamReader: {"item", "batch", "bisect"},
        Reaction: {"call", "delivery"},
        Schedule: {"call", "delivery"},
    }
    return [
        f"{entry.module}: no destination for a failed {kind}"
        for name, entry in entries.items()
        for kind in sorted(required.get(type(entry), set()) - caught[name])
    ]


# ---------------------------------------------------------------------- files


def exposed_files(cloud: Cloud, stage: Stage) -> list[str]:
    """The bucket of jobs is private, encrypted with the shop's key, on TLS only, and emptied."""
    breaches = []
    buckets = [b for b in cloud.of("AWS::S3::Bucket") if "BucketName" in b.properties]
    if len(buckets) != 1:
        return [f"{len(buckets)} buckets with a name instead of the one for files"]
    (bucket,) = buckets
    has = bucket.properties
    if set(has.get("PublicAccessBlockConfiguration", {}).values()) != {True}:
        breaches.append(f"{bucket}: may become public")
    (rule,) = has["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (key,) = cloud.of("AWS::KMS::Key")
    by_default = rule["ServerSideEncryptionByDefault"]
    if cloud.text(bucket.stack, by_default.get("KMSMasterKeyID")) != cloud.arn(key):
        breaches.append(f"{bucket}: is not encrypted with the shop's key")
    days = [r.get("ExpirationInDays") for r in has["LifecycleConfiguration"]["Rules"]]
    if days != [30]:
        breaches.append(f"{bucket}: keeps files for {days} days instead of 30")
    policies = [
        statement
        for policy in cloud.of("AWS::S3::BucketPolicy")
        if policy.properties["Bucket"] == {"Ref": bucket.id} and policy.stack == bucket.stack
        for statement in policy.properties["PolicyDocument"]["Statement"]
    ]
    denies = [
        s
        for s in policies
        if s["Effect"] == "Deny"
        and s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    if not stage.is_emulated and len(denies) != 1:
        breaches.append(f"{bucket}: accepts requests without TLS")
    if len(policies) != len(denies):
        breaches.append(f"{bucket}: grants access by its policy")
    return breaches


# ---------------------------------------------------------------------- alarms


FREQUENT_OPERATIONS = ("GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
"""The most frequent operations of every table."""


def missing_alarms(cloud: Cloud) -> list[str]:
    """Every function, queue, table and state machine has its alarms, each with an action."""
    watched: dict[tuple[str, str], set[str]] = defaultdict(set)
    breaches = []
    for alarm in cloud.of(ALARM):
        has = alarm.properties
        if not has.get("AlarmActions"):
            breaches.append(f"{alarm}: has no action")
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
        needed |= {f"SystemErrors of {operation}" for operation in FREQUENT_OPERATIONS}
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
    for dashboard in cloud.of("AWS::CloudWatch::Dashboard"):
        stage = dashboard.stack.removeprefix("doorbuster-").removesuffix("-observability")
        # Messages that a consumer rejects for good, and those without a parcel.
        needed = {"MessagesRejected", "TrackingEventsParked"}
        subjects.append((dashboard, "Doorbuster", stage, needed))
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


def unheard_alarms(cloud: Cloud) -> list[str]:
    """Every action of an alarm is a topic of the same region that has a subscriber."""
    heard = {
        "arn:${AWS::Partition}:sns:" + ACCOUNT + ":" + topic.properties["TopicName"]
        for subscription in cloud.of("AWS::SNS::Subscription")
        if subscription.properties.get("Endpoint")
        for topic in [cloud.named(subscription.stack, subscription.properties["TopicArn"])]
    }
    return [
        f"{alarm}: {text} has no subscriber"
        for alarm in cloud.of(ALARM)
        for action in alarm.properties.get("AlarmActions", ())
        if (text := cloud.text(alarm.stack, action)) not in heard
    ]


def false_firewall_claims(cloud: Cloud, suppressions: Iterable[Suppression]) -> list[str]:
    """No accepted finding relies on the web firewall for a resource that is not behind it."""
    protected = {
        cloud.text(each.stack, each.properties["ResourceArn"])
        for each in cloud.of("AWS::WAFv2::WebACLAssociation")
    }
    claims = re.compile(r"firewall (?:filters|protects|blocks|limits|stops)|behind the (?:web )?f")
    return [
        f"{resource}: {each.finding} is accepted because of a firewall that is not in front of it"
        for each in suppressions
        if claims.search(each.reason)
        for resource in cloud
        if (resource.stack, resource.id) == (each.stack, each.resource)
        and "WebACLId" not in resource.properties.get("DistributionConfig", {})
        and cloud.arn(resource) not in protected
    ]


# ---------------------------------------------------------------------- data


def unprotected_data(cloud: Cloud, stage: Stage) -> list[str]:
    """Data is encrypted with the shop's key and restorable; in production it is retained."""
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
        f"{resource}: is deleted with its stack"
        for resource in cloud
        if resource.kind in retained
        and any(resource.whole.get(policy) != "Retain" for policy in policies)
    ]


def sandbox_in_production(cloud: Cloud) -> list[str]:
    """A stage with real payments has no sandbox, no plain passwords, and MFA for staff."""
    breaches = [
        f"{stack}: mentions the sandbox"
        for stack, template in cloud.stacks.items()
        if "sandbox" in str(template).lower()
    ]
    for client in cloud.of("AWS::Cognito::UserPoolClient"):
        flows = client.properties.get("ExplicitAuthFlows", ())
        if any("PASSWORD" in flow for flow in flows):
            breaches.append(f"{client}: accepts plain passwords")
    staff = [p for p in cloud.of("AWS::Cognito::UserPool") if p.id.startswith("Staff")]
    breaches += [
        f"{pool}: no second factor for staff"
        for pool in staff
        if pool.properties.get("MfaConfiguration") != "ON"
    ]
    return breaches if staff else [*breaches, "no user pool for staff"]


def _values_of(value: Any, key: str) -> Iterator[Any]:
    """Yield every value of ``key`` at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            else:
                yield from _values_of(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _values_of(inner, key)
