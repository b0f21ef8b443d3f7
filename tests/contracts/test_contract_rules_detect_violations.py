"""Each rule detects a planted violation and names it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.manifest import (
    Access,
    Compensation,
    Consumer,
    Endpoint,
    Feature,
    Function,
    Peak,
    Queue,
    Reaction,
    Step,
    Table,
)
from infra.constructs.iam import InvalidManifest, resource_access_of
from infra.constructs.manifest_validation import features_in_stage, missing_references
from infra.constructs.nag_suppressions import Suppression
from infra.constructs.resource_names import ResourceNames
from infra.constructs.workflow import definition
from infra.lint import lint, missing_targets, templates_to_lint
from infra.nag import nag_findings
from infra.stages import DEV, LOCAL, PROD, InvalidStage
from tests.contracts import iam_rules, rules, workflow_rules
from tests.contracts.conftest import machine_of, machines_of
from tests.contracts.templates import Cloud

CART = "doorbuster-prod-cart"
FOUNDATION = "doorbuster-prod-foundation"
EVENT_HANDLERS = "doorbuster-prod-event-handlers"

Break = Callable[[dict[str, Any]], Any]


def resources(cloud: Cloud, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = cloud.stacks[stack]["Resources"]
    return found


def first(cloud: Cloud, stack: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in resources(cloud, stack).values() if r["Type"] == kind)
    return found


def statements(cloud: Cloud, stack: str = CART) -> list[dict[str, Any]]:
    policies = first(cloud, stack, "AWS::IAM::Role")["Properties"]["Policies"]
    found: list[dict[str, Any]] = policies[0]["PolicyDocument"]["Statement"]
    return found


# ---------------------------------------------------------------------- templates


def test_lambda_without_entry_and_entry_without_lambda_are_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    moved = prod_entries.pop("doorbuster-prod-cart-create_cart")
    prod_entries["doorbuster-prod-cart-forget_cart"] = moved
    assert rules.missing_functions(prod, prod_entries) == [
        "doorbuster-prod-cart-forget_cart is deployed 0 times",
        "doorbuster-prod-cart-create_cart has no manifest entry",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Architectures", ["x86_64"]),
        ("Runtime", "python3.12"),
        ("TracingConfig", {"Mode": "PassThrough"}),
        ("Layers", []),
    ],
)
def test_function_with_other_properties_is_detected(prod: Cloud, key: str, value: Any) -> None:
    first(prod, CART, rules.FUNCTION)["Properties"][key] = value
    assert len(rules.function_differences(prod, PROD)) == 1


def test_log_group_without_retention_is_detected(prod: Cloud) -> None:
    del first(prod, CART, "AWS::Logs::LogGroup")["Properties"]["RetentionInDays"]
    assert len(rules.function_differences(prod, PROD)) == 1


def test_oversized_stack_is_detected(prod: Cloud) -> None:
    for at in range(400):
        resources(prod, CART)[f"More{at}"] = {"Type": "AWS::SNS::Topic"}
    assert rules.oversized_stacks(prod, 400) == [
        f"{CART} has {len(resources(prod, CART))} resources"
    ]


def test_import_from_another_feature_is_detected(prod: Cloud) -> None:
    prod.stacks["doorbuster-prod-catalog"].setdefault("Outputs", {})["Words"] = {
        "Value": "x",
        "Export": {"Name": "catalog-words"},
    }
    resources(prod, CART)["Odd"] = {
        "Type": "AWS::SNS::Topic",
        "Properties": {"TopicName": {"Fn::ImportValue": "catalog-words"}},
    }
    (breach,) = rules.cross_feature_imports(prod)
    assert breach == f"{CART} imports catalog-words of doorbuster-prod-catalog"


def test_route_without_its_authorizer_is_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    route = first(prod, "doorbuster-prod-staff-catalog", "AWS::ApiGatewayV2::Route")["Properties"]
    route["AuthorizationType"] = "NONE"
    del route["AuthorizerId"]
    assert len(rules.wrong_routes(prod, prod_entries)) == 1


def test_route_without_its_throttle_is_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    (api_stage,) = prod.of("AWS::ApiGatewayV2::Stage")
    routes = api_stage.properties["RouteSettings"]
    routes["POST /checkout-sessions"]["ThrottlingRateLimit"] += 1
    del routes["POST /carts"]
    routes["GET /nowhere"] = {}
    found = rules.unthrottled_routes(prod, prod_entries, PROD)
    assert len(found) == 3, found


def test_route_that_bypasses_its_alias_is_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    integration = first(prod, CART, "AWS::ApiGatewayV2::Integration")["Properties"]
    alias = integration["IntegrationUri"]["Ref"]
    function = resources(prod, CART)[alias]["Properties"]["FunctionName"]
    integration["IntegrationUri"] = {"Fn::GetAtt": [function["Ref"], "Arn"]}
    assert rules.wrong_routes(prod, prod_entries) != []


def test_staff_route_open_to_customers_is_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    customers = next(
        r.properties["AuthorizerId"]
        for r in prod.of("AWS::ApiGatewayV2::Route")
        if r.properties["RouteKey"] == "GET /account/orders"
    )
    route = first(prod, "doorbuster-prod-staff-catalog", "AWS::ApiGatewayV2::Route")["Properties"]
    route["AuthorizerId"] = customers
    (breach,) = rules.wrong_routes(prod, prod_entries)
    assert "'customers') instead of" in breach


def test_undeclared_route_is_detected(prod: Cloud, prod_entries: dict[str, Function]) -> None:
    route = first(prod, CART, "AWS::ApiGatewayV2::Route")["Properties"]
    route["RouteKey"] = "GET /carts"
    assert "GET /carts is in no manifest" in rules.wrong_routes(prod, prod_entries)


# ---------------------------------------------------------------------- permissions


@pytest.mark.parametrize(
    ("action", "table"),
    [
        ("dynamodb:Scan", "sessions"),
        ("dynamodb:DeleteTable", "sessions"),
        ("dynamodb:PutItem", "orders"),
        ("dynamodb:UpdateItem", "catalog"),
    ],
)
def test_permission_that_no_entry_implies_is_detected(
    prod: Cloud, prod_entries: dict[str, Function], action: str, table: str
) -> None:
    where = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/doorbuster-prod-"
    statements(prod).append(
        {"Effect": "Allow", "Action": action, "Resource": {"Fn::Sub": where + table}}
    )
    assert iam_rules.excess_permissions(prod, prod_entries, PROD) == [
        f"cart.create_cart may {action} on {where}{table}"
    ]


def test_permission_that_an_entry_needs_is_detected_if_missing(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    policy = statements(prod)
    policy[:] = [statement for statement in policy if statement["Sid"] != "WriteSessions"]
    breaches = iam_rules.missing_permissions(prod, prod_entries, PROD)
    assert len(breaches) == len(iam_rules.WRITES)
    assert all("cart.create_cart may not dynamodb:" in breach for breach in breaches)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:*", "arn:aws:dynamodb:::table/x"),
        ("dynamodb:GetItem", "*"),
        ("sqs:SendMessage", "arn:aws:sqs:::doorbuster-*"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:::secret:x-??????"),
    ],
)
def test_wildcard_is_detected(prod: Cloud, action: str, resource: str) -> None:
    statements(prod).append({"Effect": "Allow", "Action": action, "Resource": resource})
    assert len(iam_rules.wildcards(prod, PROD)) == 1


def test_managed_policy_and_policy_outside_the_role_are_detected(prod: Cloud) -> None:
    role = first(prod, CART, "AWS::IAM::Role")["Properties"]
    role["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    resources(prod, CART)["Beside"] = {"Type": "AWS::IAM::Policy", "Properties": {}}
    assert len(iam_rules.wildcards(prod, PROD)) == 2


# ---------------------------------------------------------------------- queues and failures


def test_short_visibility_timeout_is_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    for queue in prod.of(rules.QUEUE):
        if queue.properties["QueueName"] == "doorbuster-prod-payment-events":
            resources(prod, queue.stack)[queue.id]["Properties"]["VisibilityTimeout"] = 179
    (breach,) = rules.short_visibility_timeouts(prod, prod_entries, PROD)
    assert "visibility timeout 179 s" in breach


@pytest.mark.parametrize(
    ("key", "count"), [("RedrivePolicy", 1), ("KmsMasterKeyId", 1), ("MessageRetentionPeriod", 1)]
)
def test_unprotected_queue_is_detected(prod: Cloud, key: str, count: int) -> None:
    for queue in prod.of(rules.QUEUE):
        dead = queue.properties["QueueName"].endswith("-dead")
        if dead == (key == "MessageRetentionPeriod"):
            resources(prod, queue.stack)[queue.id]["Properties"].pop(key)
            break
    assert len(rules.queues_without_dead_letters(prod)) == count


@pytest.mark.parametrize(
    ("kind", "stack", "lost"),
    [
        ("AWS::Lambda::EventInvokeConfig", EVENT_HANDLERS, "call"),
        ("AWS::Lambda::EventSourceMapping", "doorbuster-prod-webhooks", "item"),
        ("AWS::Events::Rule", EVENT_HANDLERS, "delivery"),
        ("AWS::Scheduler::Schedule", "doorbuster-prod-scheduled", "delivery"),
    ],
)
def test_failure_without_a_destination_is_detected(
    prod: Cloud, prod_entries: dict[str, Function], kind: str, stack: str, lost: str
) -> None:
    properties = first(prod, stack, kind)["Properties"]
    for key in ("DestinationConfig", "FunctionResponseTypes"):
        properties.pop(key, None)
    for target in [*properties.get("Targets", ()), properties.get("Target", {})]:
        target.pop("DeadLetterConfig", None)
    (breach,) = rules.lost_failures(prod, prod_entries)
    assert breach.endswith(f"no destination for a failed {lost}")


def test_stream_that_a_failing_record_blocks_is_detected(
    prod: Cloud, prod_entries: dict[str, Function]
) -> None:
    mapping = first(prod, EVENT_HANDLERS, "AWS::Lambda::EventSourceMapping")["Properties"]
    mapping["BisectBatchOnFunctionError"] = False
    del mapping["DestinationConfig"]
    assert len(rules.lost_failures(prod, prod_entries)) == 2


def test_every_missing_alarm_is_detected(prod: Cloud) -> None:
    needed = {"Slow", "Faults", "Blocked", "DeadLetters", "Waiting", "ExecutionsAborted"}
    for alarm in prod.of(rules.ALARM):
        name = alarm.properties["AlarmName"].rpartition(": ")[2]
        if name in needed or name.startswith("ExecutionThrottled"):
            continue
        removed = resources(prod, alarm.stack).pop(alarm.id)
        assert rules.missing_alarms(prod), alarm
        resources(prod, alarm.stack)[alarm.id] = removed
    assert rules.missing_alarms(prod) == []


def test_alarm_without_an_action_is_detected(prod: Cloud) -> None:
    first(prod, CART, rules.ALARM)["Properties"]["AlarmActions"] = []
    (breach,) = rules.missing_alarms(prod)
    assert breach.endswith("has no action")


def test_alarms_without_a_subscriber_are_detected(prod: Cloud) -> None:
    alarms = len(prod.of(rules.ALARM))
    (subscription,) = prod.of("AWS::SNS::Subscription")
    removed = resources(prod, FOUNDATION).pop(subscription.id)
    assert len(rules.unheard_alarms(prod)) == alarms
    removed["Properties"]["Endpoint"] = ""
    resources(prod, FOUNDATION)[subscription.id] = removed
    assert len(rules.unheard_alarms(prod)) == alarms


def test_alarm_on_another_topic_is_detected(prod: Cloud) -> None:
    first(prod, CART, rules.ALARM)["Properties"]["AlarmActions"] = ["arn:aws:sns:eu:1:other"]
    (breach,) = rules.unheard_alarms(prod)
    assert breach.endswith("arn:aws:sns:eu:1:other has no subscriber")


def test_accepted_finding_that_relies_on_a_distant_firewall_is_detected(prod: Cloud) -> None:
    pool = next(p for p in prod.of("AWS::Cognito::UserPool") if p.id.startswith("Customers"))
    (distribution,) = prod.of("AWS::CloudFront::Distribution")
    accepted = [
        Suppression(each.stack, each.id, "AwsSolutions-COG8", "The web firewall filters requests.")
        for each in (pool, distribution)
    ]
    (breach,) = rules.false_firewall_claims(prod, accepted)
    assert breach.startswith(f"{pool}: AwsSolutions-COG8")
    resources(prod, FOUNDATION)["Guard"] = {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {"ResourceArn": {"Fn::GetAtt": [pool.id, "Arn"]}, "WebACLArn": "arn"},
    }
    assert rules.false_firewall_claims(prod, accepted) == []


# ---------------------------------------------------------------------- data


@pytest.mark.parametrize(
    "key",
    [
        "BillingMode",
        "SSESpecification",
        "PointInTimeRecoverySpecification",
        "DeletionProtectionEnabled",
    ],
)
def test_unprotected_table_is_detected(prod: Cloud, key: str) -> None:
    del first(prod, FOUNDATION, rules.TABLE)["Properties"][key]
    assert len(rules.unprotected_data(prod, PROD)) == 1


@pytest.mark.parametrize(
    ("breaking", "breach"),
    [
        (
            lambda bucket: bucket["PublicAccessBlockConfiguration"].update(BlockPublicAcls=False),
            "may become public",
        ),
        (
            lambda bucket: bucket["BucketEncryption"].update(
                ServerSideEncryptionConfiguration=[
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            ),
            "is not encrypted with the shop's key",
        ),
        (
            lambda bucket: bucket["LifecycleConfiguration"].update(Rules=[]),
            "keeps files for [] days",
        ),
        (lambda bucket: bucket.pop("BucketName"), "0 buckets with a name"),
    ],
)
def test_exposed_files_are_detected(prod: Cloud, breaking: Break, breach: str) -> None:
    breaking(first(prod, FOUNDATION, "AWS::S3::Bucket")["Properties"])
    (found,) = rules.exposed_files(prod, PROD)
    assert breach in found


@pytest.mark.parametrize(
    ("effect", "breach"),
    [("Deny", "accepts requests without TLS"), ("Allow", "grants access by its policy")],
)
def test_wrong_policies_of_files_are_detected(prod: Cloud, effect: str, breach: str) -> None:
    policy = first(prod, FOUNDATION, "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]
    other = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    policy["Statement"] = [] if effect == "Deny" else [*policy["Statement"], other]
    (found,) = rules.exposed_files(prod, PROD)
    assert breach in found


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Cognito::UserPool",
        "AWS::SecretsManager::Secret",
    ],
)
def test_data_that_is_deleted_with_its_stack_is_detected(prod: Cloud, kind: str) -> None:
    first(prod, FOUNDATION, kind)["DeletionPolicy"] = "Delete"
    assert len(rules.unprotected_data(prod, PROD)) == 1


def test_sandbox_in_production_is_detected(prod: Cloud) -> None:
    clients = prod.of("AWS::Cognito::UserPoolClient")
    resources(prod, FOUNDATION)[clients[0].id]["Properties"]["ExplicitAuthFlows"] = [
        "ALLOW_USER_PASSWORD_AUTH"
    ]
    staff = next(p for p in prod.of("AWS::Cognito::UserPool") if p.id.startswith("Staff"))
    resources(prod, FOUNDATION)[staff.id]["Properties"]["MfaConfiguration"] = "OPTIONAL"
    variables = first(prod, CART, rules.FUNCTION)["Properties"]["Environment"]["Variables"]
    variables["PAYMENT_PROVIDER"] = "sandbox"
    assert len(rules.sandbox_in_production(prod)) == 3


def test_production_stage_rejects_the_sandbox() -> None:
    with pytest.raises(InvalidStage, match="takes no money"):
        replace(PROD, payment_provider="sandbox")
    with pytest.raises(InvalidStage, match="plain passwords"):
        replace(PROD, passwords=True)
    with pytest.raises(InvalidStage, match="addresses"):
        replace(PROD, is_emulated=True, production=False)


def test_entry_that_uses_the_sandbox_is_rejected_in_production() -> None:
    entry = Function(module="orders.cheat", reads=(Table.SANDBOX_PAYMENTS,))
    assert Table.SANDBOX_PAYMENTS in resource_access_of(entry, ResourceNames(DEV)).reads
    with pytest.raises(InvalidManifest, match="sandbox_payments, which stage prod does not have"):
        resource_access_of(entry, ResourceNames(PROD))


# ---------------------------------------------------------------------- the workflow


@pytest.mark.parametrize(
    ("breaking", "breach"),
    [
        (lambda states: states["AwaitPayment"].pop("TimeoutSeconds"), "has no timeout"),
        (lambda states: states["CompensatePayment"].pop("Retry"), "has no retry"),
        (lambda states: states["AwaitShipment"].pop("Catch"), "its compensation is not reachable"),
        (
            lambda states: states["AwaitShipment"].update(
                Resource="arn:aws:states:::lambda:invoke"
            ),
            "waits_for_token is True",
        ),
        (
            lambda states: states["AwaitShipment"].update(Next="CompleteOrder"),
            "without failures it runs",
        ),
        (
            lambda states: states["CompleteOrder"].update(Catch=[{"Next": "CompensateDelivery"}]),
            "compensated after the pivot",
        ),
        (
            lambda states: states["CompleteOrder"].update(
                Resource="arn:aws:states:::dynamodb:updateItem"
            ),
            "writes to a table without a Lambda",
        ),
    ],
)
def test_wrong_workflow_is_detected(
    prod: Cloud, prod_entries: dict[str, Function], breaking: Break, breach: str
) -> None:
    machine = machine_of(prod)
    breaking(machine["States"])
    breaches = workflow_rules.workflow_breaches(machine, prod_entries.values())
    assert any(breach in each for each in breaches), breaches


def test_fifth_transition_is_detected() -> None:
    steps = [Step(name=f"Step{n}", module=f"workflows.step_{n}") for n in range(5)]
    machine = definition(steps, {}, str)
    assert workflow_rules.workflow_breaches(machine, steps) == [
        "5 transitions per order; 4 is the budget"
    ]


@pytest.mark.parametrize(
    ("breaking", "breach"),
    [
        (lambda machine: machine.pop("TimeoutSeconds"), "has no timeout"),
        (lambda machine: machine["States"]["SplitFile"].pop("TimeoutSeconds"), "has no timeout"),
        (lambda machine: machine["States"]["SplitFile"].pop("Catch"), "without a report"),
        (
            lambda machine: machine["States"]["ImportParts"].pop("MaxConcurrency"),
            "runs any number of Lambdas at once",
        ),
        (
            lambda machine: machine["States"]["ImportParts"]["ItemProcessor"]["States"][
                "ImportPart"
            ].pop("Catch"),
            "ImportPart: its failure ends the job without a report",
        ),
        (
            lambda machine: machine["States"]["FinishImport"]["Parameters"].update(
                FunctionName="doorbuster-prod-cart-create_cart"
            ),
            "is no step of the manifest",
        ),
    ],
)
def test_wrong_workflow_of_a_job_is_detected(
    prod: Cloud, prod_entries: dict[str, Function], breaking: Break, breach: str
) -> None:
    machine = machines_of(prod)["doorbuster-prod-import-job"]
    breaking(machine)
    (found,) = workflow_rules.job_breaches(machine, prod_entries.values())
    assert breach in found


def test_compensations_run_backwards_and_end_at_the_pivot() -> None:
    entries: list[Function] = []
    for name, pivot in (("First", False), ("Second", False), ("Third", True), ("Fourth", False)):
        undo = None if name == "Fourth" else f"workflows.undo_{name}"
        entries.append(Step(name=name, module=f"workflows.{name}", compensation=undo, pivot=pivot))
        if undo:
            entries.append(Compensation(name=f"Undo{name}", module=undo))
    steps = [x for x in entries if isinstance(x, Step)]
    compensations = {x.module: x for x in entries if isinstance(x, Compensation)}
    states = definition(steps, compensations, str)["States"]
    paths = {}
    for name in ("First", "Second", "Third"):
        path = workflow_rules.walk(states, states[name]["Catch"][0]["Next"])
        paths[name] = [state for state in path if states[state]["Type"] == "Task"]
    assert paths == {
        "First": ["UndoFirst"],
        "Second": ["UndoSecond", "UndoFirst"],
        "Third": ["UndoThird"],
    }
    assert "Catch" not in states["Fourth"]
    assert workflow_rules.workflow_breaches(definition(steps, compensations, str), entries) == []


# ---------------------------------------------------------------------- manifests

GOOD = Endpoint(
    route="GET /things/{id}", module="things.show", access=Access.PUBLIC, summary="Show a thing"
)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ((GOOD, GOOD), "module things.show is declared 2 times"),
        (
            (GOOD, replace(GOOD, module="things.other", route="GET /things/{name}")),
            "route GET /things/{} is declared 2 times",
        ),
        ((replace(GOOD, module="stuff.show"),), "not in the folder of feature things"),
        ((replace(GOOD, route="FETCH /things"),), "is not a route"),
        ((replace(GOOD, access=Access.STAFF),), "STAFF requires groups"),
        ((replace(GOOD, groups=("ops",)),), "STAFF requires groups"),
        ((replace(GOOD, access=Access.STAFF, groups=("two words",)),), "may contain a-z"),
        ((replace(GOOD, cached=True, access=Access.SHOPPER),), "can be cached"),
        ((replace(GOOD, timeout=31),), "times out after 30 s"),
        ((replace(GOOD, route="POST /things"),), "needs a kill switch"),
        (
            (replace(GOOD, access=Access.STAFF, groups=("a",), peak=Peak(1, 1)),),
            "only shopper-facing endpoints may have a peak",
        ),
        ((replace(GOOD, module="things." + "x" * 50),), "64 characters"),
        (
            (
                Consumer(module="things.a", queue=Queue.CARRIER_EVENTS),
                Consumer(module="things.b", queue=Queue.CARRIER_EVENTS),
            ),
            "consumer of queue carrier_events is declared 2 times",
        ),
        (
            (Step(module="things.wait", name="Wait", waits_for_token=True),),
            "waits without a deadline",
        ),
        (
            (Step(module="things.do", name="Do", compensation="things.undo"),),
            "is not a Compensation entry",
        ),
    ],
)
def test_contradictory_manifest_is_rejected(entries: tuple[Function, ...], problem: str) -> None:
    with pytest.raises(InvalidManifest) as rejected:
        features_in_stage([Feature("things", entries)], LOCAL)
    assert problem in str(rejected.value)


def test_entry_without_file_and_invocation_without_entry_are_detected() -> None:
    feature = Feature("things", (replace(GOOD, invokes=("things.other",)),))
    assert list(missing_references([feature])) == [
        "things.show: its file is missing below functions/",
        "things.show: invokes things.other, which no manifest has",
    ]


# ---------------------------------------------------------------------- cdk-nag


UNPROTECTED_QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
"""A queue without a dead-letter queue and without TLS."""


def nag_rules_of_a_queue(folder: Path, *, reason: str | None = None) -> set[str]:
    """Return the rules of cdk-nag that the unprotected queue breaks."""
    template = folder / "Planted.template.json"
    folder.mkdir(exist_ok=True)
    template.write_text(json.dumps(UNPROTECTED_QUEUE))
    accepted = []
    if reason is not None:
        accepted.append(Suppression("Planted", "Queue", "AwsSolutions-SQS3", reason))
    found = nag_findings({"Planted": template}, accepted, folder / "out")
    return {finding.rule for finding in found}


def test_finding_is_reported_unless_it_has_a_reason(tmp_path: Path) -> None:
    plain = nag_rules_of_a_queue(tmp_path / "plain")
    assert {"AwsSolutions-SQS3", "AwsSolutions-SQS4", "Serverless-SQSRedrivePolicy"} <= plain
    accepted = nag_rules_of_a_queue(tmp_path / "accepted", reason="It carries no data of value.")
    assert plain - accepted == {"AwsSolutions-SQS3"}


def test_suppression_without_a_reason_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a reason"):
        nag_rules_of_a_queue(tmp_path, reason=" ")


def test_feature_of_another_stage_is_not_deployed() -> None:
    feature = Feature(
        "things", (Reaction(module="things.react", event_types=("X",)),), frozenset({"dev"})
    )
    assert features_in_stage([feature], DEV) == (feature,)
    assert features_in_stage([feature], PROD) == ()


# ---------------------------------------------------------------------- references and cfn-lint


def test_reference_without_a_target_is_detected(prod: Cloud) -> None:
    template = prod.stacks[CART]
    assert missing_targets(template) == set()
    function = first(prod, CART, "AWS::Lambda::Function")
    function["Properties"]["Role"] = {"Fn::GetAtt": ["NoRole", "Arn"]}
    function["Properties"]["Layers"] = [{"Ref": "NoLayer"}]
    function["Properties"]["Description"] = {"Fn::Sub": ["${NoPool.Arn} ${Given}", {"Given": "x"}]}
    assert missing_targets(template) == {"NoRole", "NoLayer", "NoPool"}


def test_only_templates_with_a_difference_are_linted(prod: Cloud) -> None:
    equal = json.loads(re.sub(r"\bprod\b", "dev", json.dumps(prod.stacks[CART])))
    stages = {"prod": {Path("prod"): prod.stacks[CART]}, "dev": {Path("dev"): equal}}
    assert templates_to_lint(stages) == [Path("prod")]
    first(Cloud({CART: equal}), CART, "AWS::Lambda::Function")["Properties"]["MemorySize"] = 7
    assert templates_to_lint(stages) == [Path("prod"), Path("dev")]


def test_cfn_lint_detects_an_unknown_property_and_skips_a_clean_template(
    tmp_path: Path, prod: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.lint.CLEAN", tmp_path / "clean")
    template = prod.stacks["doorbuster-prod-status"]
    file = tmp_path / "planted.template.json"
    file.write_text(json.dumps(template))
    assert lint([file]) == []
    with monkeypatch.context() as patch:
        patch.setattr("infra.lint.subprocess.Popen", None)
        assert lint([file]) == []
    function = first(prod, "doorbuster-prod-status", "AWS::Lambda::Function")
    function["Properties"]["MemroySize"] = 512
    file.write_text(json.dumps(template))
    (report,) = lint([file])
    assert "MemroySize" in report
