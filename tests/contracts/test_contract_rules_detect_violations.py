"""Each rule is seen to fail: what it forbids is planted, and it must be named."""

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
from tests.contracts import rules
from tests.contracts.conftest import machine_of
from tests.contracts.templates import Cloud

CART = "doorbuster-prod-cart"
FOUNDATION = "doorbuster-prod-foundation"
REACTIONS = "doorbuster-prod-event-handlers"


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


def test_a_lambda_without_a_line_and_a_line_without_a_lambda_are_found(
    prod: Cloud, prod_lines: dict[str, Function]
) -> None:
    removed = prod_lines.pop("doorbuster-prod-cart-create_cart")
    prod_lines["doorbuster-prod-cart-forget_cart"] = removed
    breaches = rules.missing_functions(prod, prod_lines)
    assert breaches == [
        "doorbuster-prod-cart-forget_cart is deployed 0 times",
        "doorbuster-prod-cart-create_cart is deployed without a line",
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
def test_a_function_unlike_the_others_is_found(prod: Cloud, key: str, value: Any) -> None:
    first(prod, CART, rules.FUNCTION)["Properties"][key] = value
    assert len(rules.plain_functions(prod, PROD)) == 1


def test_a_log_group_that_never_forgets_is_found(prod: Cloud) -> None:
    del first(prod, CART, "AWS::Logs::LogGroup")["Properties"]["RetentionInDays"]
    assert len(rules.plain_functions(prod, PROD)) == 1


def test_a_stack_that_grows_too_large_is_found(prod: Cloud) -> None:
    for at in range(400):
        resources(prod, CART)[f"More{at}"] = {"Type": "AWS::SNS::Topic"}
    assert rules.full_stacks(prod, 400) == [f"{CART} has {len(resources(prod, CART))} resources"]


def test_a_feature_that_imports_from_another_is_found(prod: Cloud) -> None:
    prod.stacks["doorbuster-prod-catalog"].setdefault("Outputs", {})["Words"] = {
        "Value": "x",
        "Export": {"Name": "catalog-words"},
    }
    resources(prod, CART)["Odd"] = {
        "Type": "AWS::SNS::Topic",
        "Properties": {"TopicName": {"Fn::ImportValue": "catalog-words"}},
    }
    (breach,) = rules.entangled_stacks(prod)
    assert breach == f"{CART} imports catalog-words of doorbuster-prod-catalog"


def test_a_route_without_its_guard_is_found(prod: Cloud, prod_lines: dict[str, Function]) -> None:
    route = first(prod, "doorbuster-prod-staff-catalog", "AWS::ApiGatewayV2::Route")["Properties"]
    route["AuthorizationType"] = "NONE"
    del route["AuthorizerId"]
    assert len(rules.wrong_routes(prod, prod_lines)) == 1


def test_a_route_without_its_throttle_is_found(
    prod: Cloud, prod_lines: dict[str, Function]
) -> None:
    (there,) = prod.of("AWS::ApiGatewayV2::Stage")
    routes = there.properties["RouteSettings"]
    routes["POST /checkout-sessions"]["ThrottlingRateLimit"] += 1
    del routes["POST /carts"]
    routes["GET /nowhere"] = {}
    found = rules.unthrottled_routes(prod, prod_lines, PROD)
    assert len(found) == 3, found


def test_a_route_that_leads_past_its_alias_is_found(
    prod: Cloud, prod_lines: dict[str, Function]
) -> None:
    integration = first(prod, CART, "AWS::ApiGatewayV2::Integration")["Properties"]
    alias = integration["IntegrationUri"]["Ref"]
    function = resources(prod, CART)[alias]["Properties"]["FunctionName"]
    integration["IntegrationUri"] = {"Fn::GetAtt": [function["Ref"], "Arn"]}
    assert rules.wrong_routes(prod, prod_lines) != []


def test_staff_routes_open_to_customers_are_found(
    prod: Cloud, prod_lines: dict[str, Function]
) -> None:
    customers = next(
        r.properties["AuthorizerId"]
        for r in prod.of("AWS::ApiGatewayV2::Route")
        if r.properties["RouteKey"] == "GET /account/orders"
    )
    route = first(prod, "doorbuster-prod-staff-catalog", "AWS::ApiGatewayV2::Route")["Properties"]
    route["AuthorizerId"] = customers
    (breach,) = rules.wrong_routes(prod, prod_lines)
    assert "'customers'), not" in breach


def test_an_undeclared_route_is_found(prod: Cloud, prod_lines: dict[str, Function]) -> None:
    route = first(prod, CART, "AWS::ApiGatewayV2::Route")["Properties"]
    route["RouteKey"] = "GET /carts"
    assert "GET /carts is in no manifest" in rules.wrong_routes(prod, prod_lines)


# ---------------------------------------------------------------------- rights


@pytest.mark.parametrize(
    ("action", "table"),
    [
        ("dynamodb:Scan", "sessions"),
        ("dynamodb:DeleteTable", "sessions"),
        ("dynamodb:PutItem", "orders"),
        ("dynamodb:UpdateItem", "catalog"),
    ],
)
def test_a_right_that_no_line_implies_is_found(
    prod: Cloud, prod_lines: dict[str, Function], action: str, table: str
) -> None:
    where = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/doorbuster-prod-"
    statements(prod).append(
        {"Effect": "Allow", "Action": action, "Resource": {"Fn::Sub": where + table}}
    )
    assert rules.excess_rights(prod, prod_lines, PROD) == [
        f"cart.create_cart may {action} on {where}{table}"
    ]


def test_a_missing_right_is_found(prod: Cloud, prod_lines: dict[str, Function]) -> None:
    saved = statements(prod)
    saved[:] = [s for s in saved if s["Sid"] != "WriteSessions"]
    breaches = rules.missing_rights(prod, prod_lines, PROD)
    assert len(breaches) == len(rules.WRITES)
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
def test_a_wildcard_is_found(prod: Cloud, action: str, resource: str) -> None:
    statements(prod).append({"Effect": "Allow", "Action": action, "Resource": resource})
    assert len(rules.wildcards(prod, PROD)) == 1


def test_a_managed_policy_and_a_policy_beside_the_role_are_found(prod: Cloud) -> None:
    role = first(prod, CART, "AWS::IAM::Role")["Properties"]
    role["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    resources(prod, CART)["Beside"] = {"Type": "AWS::IAM::Policy", "Properties": {}}
    assert len(rules.wildcards(prod, PROD)) == 2


# ---------------------------------------------------------------------- queues and failures


def test_a_queue_that_hides_messages_too_briefly_is_found(
    prod: Cloud, prod_lines: dict[str, Function]
) -> None:
    for queue in prod.of(rules.QUEUE):
        if queue.properties["QueueName"] == "doorbuster-prod-payment-events":
            resources(prod, queue.stack)[queue.id]["Properties"]["VisibilityTimeout"] = 179
    (breach,) = rules.impatient_queues(prod, prod_lines, PROD)
    assert "hidden 179 s" in breach


@pytest.mark.parametrize(
    ("key", "count"), [("RedrivePolicy", 1), ("KmsMasterKeyId", 1), ("MessageRetentionPeriod", 1)]
)
def test_a_queue_without_hope_is_found(prod: Cloud, key: str, count: int) -> None:
    for queue in prod.of(rules.QUEUE):
        dead = queue.properties["QueueName"].endswith("-dead")
        if dead == (key == "MessageRetentionPeriod"):
            resources(prod, queue.stack)[queue.id]["Properties"].pop(key)
            break
    assert len(rules.hopeless_queues(prod)) == count


@pytest.mark.parametrize(
    ("kind", "stack", "lost"),
    [
        ("AWS::Lambda::EventInvokeConfig", REACTIONS, "call"),
        ("AWS::Lambda::EventSourceMapping", "doorbuster-prod-webhooks", "item"),
        ("AWS::Events::Rule", REACTIONS, "delivery"),
        ("AWS::Scheduler::Schedule", "doorbuster-prod-scheduled", "delivery"),
    ],
)
def test_a_failure_without_a_dead_letter_queue_is_found(
    prod: Cloud, prod_lines: dict[str, Function], kind: str, stack: str, lost: str
) -> None:
    properties = first(prod, stack, kind)["Properties"]
    for key in ("DestinationConfig", "FunctionResponseTypes"):
        properties.pop(key, None)
    for target in [*properties.get("Targets", ()), properties.get("Target", {})]:
        target.pop("DeadLetterConfig", None)
    (breach,) = rules.lost_failures(prod, prod_lines)
    assert breach.endswith(f"nobody keeps a failed {lost}")


def test_a_stream_whose_poison_blocks_is_found(
    prod: Cloud, prod_lines: dict[str, Function]
) -> None:
    mapping = first(prod, REACTIONS, "AWS::Lambda::EventSourceMapping")["Properties"]
    mapping["BisectBatchOnFunctionError"] = False
    del mapping["DestinationConfig"]
    assert len(rules.lost_failures(prod, prod_lines)) == 2


def test_every_alarm_that_is_taken_away_is_missed(prod: Cloud) -> None:
    needed = {"Slow", "Faults", "Blocked", "DeadLetters", "Waiting", "ExecutionsAborted"}
    for alarm in prod.of(rules.ALARM):
        name = alarm.properties["AlarmName"].rpartition(": ")[2]
        if name in needed or name.startswith("ExecutionThrottled"):
            continue
        saved = resources(prod, alarm.stack).pop(alarm.id)
        assert rules.silent_resources(prod), alarm
        resources(prod, alarm.stack)[alarm.id] = saved
    assert rules.silent_resources(prod) == []


def test_an_alarm_without_a_subscriber_is_found(prod: Cloud) -> None:
    first(prod, CART, rules.ALARM)["Properties"]["AlarmActions"] = []
    (breach,) = rules.silent_resources(prod)
    assert breach.endswith("tells nobody")


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
def test_an_unprotected_table_is_found(prod: Cloud, key: str) -> None:
    del first(prod, FOUNDATION, rules.TABLE)["Properties"][key]
    assert len(rules.unprotected_data(prod, PROD)) == 1


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Cognito::UserPool",
        "AWS::SecretsManager::Secret",
    ],
)
def test_data_that_goes_with_its_stack_is_found(prod: Cloud, kind: str) -> None:
    first(prod, FOUNDATION, kind)["DeletionPolicy"] = "Delete"
    assert len(rules.unprotected_data(prod, PROD)) == 1


def test_pretence_in_production_is_found(prod: Cloud) -> None:
    clients = prod.of("AWS::Cognito::UserPoolClient")
    resources(prod, FOUNDATION)[clients[0].id]["Properties"]["ExplicitAuthFlows"] = [
        "ALLOW_USER_PASSWORD_AUTH"
    ]
    staff = next(p for p in prod.of("AWS::Cognito::UserPool") if p.id.startswith("Staff"))
    resources(prod, FOUNDATION)[staff.id]["Properties"]["MfaConfiguration"] = "OPTIONAL"
    variables = first(prod, CART, rules.FUNCTION)["Properties"]["Environment"]["Variables"]
    variables["PAYMENT_PROVIDER"] = "sandbox"
    assert len(rules.pretence(prod)) == 3


def test_the_sandbox_cannot_be_switched_on_in_production() -> None:
    with pytest.raises(InvalidStage, match="takes no money"):
        replace(PROD, payment_provider="sandbox")
    with pytest.raises(InvalidStage, match="plain passwords"):
        replace(PROD, passwords=True)
    with pytest.raises(InvalidStage, match="addresses"):
        replace(PROD, is_emulated=True, production=False)


def test_a_line_that_uses_the_sandbox_in_production_is_refused() -> None:
    line = Function(module="orders.cheat", reads=(Table.SANDBOX_PAYMENTS,))
    assert Table.SANDBOX_PAYMENTS in resource_access_of(line, ResourceNames(DEV)).reads
    with pytest.raises(InvalidManifest, match="sandbox_payments, which stage prod does not have"):
        resource_access_of(line, ResourceNames(PROD))


# ---------------------------------------------------------------------- the workflow

Break = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("breaking", "expected"),
    [
        (lambda states: states["AwaitPayment"].pop("TimeoutSeconds"), "may run for a year"),
        (lambda states: states["CompensatePayment"].pop("Retry"), "gives up at the first accident"),
        (lambda states: states["AwaitShipment"].pop("Catch"), "an undo that nothing leads to"),
        (
            lambda states: states["AwaitShipment"].update(
                Resource="arn:aws:states:::lambda:invoke"
            ),
            "waits is True",
        ),
        (
            lambda states: states["AwaitShipment"].update(Next="CompleteOrder"),
            "without trouble it runs",
        ),
        (
            lambda states: states["CompleteOrder"].update(Catch=[{"Next": "CompensateDelivery"}]),
            "undone past the pivot",
        ),
        (
            lambda states: states["CompleteOrder"].update(
                Resource="arn:aws:states:::dynamodb:updateItem"
            ),
            "writes to a table by itself",
        ),
    ],
)
def test_a_crooked_workflow_is_found(
    prod: Cloud, prod_lines: dict[str, Function], breaking: Break, expected: str
) -> None:
    machine = machine_of(prod)
    breaking(machine["States"])
    breaches = rules.crooked_workflow(machine, prod_lines.values())
    assert any(expected in breach for breach in breaches), breaches


def test_a_fifth_transition_is_found() -> None:
    steps = [Step(name=f"Step{n}", module=f"workflows.step_{n}") for n in range(5)]
    machine = definition(steps, {}, str)
    assert rules.crooked_workflow(machine, steps) == ["5 transitions an order; four is the budget"]


def test_the_way_back_undoes_the_last_step_first_and_ends_at_the_pivot() -> None:
    lines: list[Function] = []
    for name, pivot in (("First", False), ("Second", False), ("Third", True), ("Fourth", False)):
        undo = None if name == "Fourth" else f"workflows.undo_{name}"
        lines.append(Step(name=name, module=f"workflows.{name}", compensation=undo, pivot=pivot))
        if undo:
            lines.append(Compensation(name=f"Undo{name}", module=undo))
    steps = [x for x in lines if isinstance(x, Step)]
    undos = {x.module: x for x in lines if isinstance(x, Compensation)}
    states = definition(steps, undos, str)["States"]
    ways = {}
    for name in ("First", "Second", "Third"):
        way = rules.walk(states, states[name]["Catch"][0]["Next"])
        ways[name] = [state for state in way if states[state]["Type"] == "Task"]
    assert ways == {
        "First": ["UndoFirst"],
        "Second": ["UndoSecond", "UndoFirst"],
        "Third": ["UndoThird"],
    }
    assert "Catch" not in states["Fourth"]
    assert rules.crooked_workflow(definition(steps, undos, str), lines) == []


# ---------------------------------------------------------------------- manifests

GOOD = Endpoint(
    route="GET /things/{id}", module="things.show", access=Access.PUBLIC, summary="Show a thing"
)


@pytest.mark.parametrize(
    ("lines", "breach"),
    [
        ((GOOD, GOOD), "module things.show is there 2 times"),
        (
            (GOOD, replace(GOOD, module="things.other", route="GET /things/{name}")),
            "route GET /things/{} is there 2 times",
        ),
        ((replace(GOOD, module="stuff.show"),), "not in the folder of feature things"),
        ((replace(GOOD, route="FETCH /things"),), "is not a route"),
        ((replace(GOOD, access=Access.STAFF),), "groups go with STAFF"),
        ((replace(GOOD, groups=("ops",)),), "groups go with STAFF"),
        ((replace(GOOD, access=Access.STAFF, groups=("two words",)),), "has more than a-z"),
        ((replace(GOOD, cached=True, access=Access.SHOPPER),), "can be cached"),
        ((replace(GOOD, timeout=31),), "gives up after 30 s"),
        ((replace(GOOD, route="POST /things"),), "no switch closes it"),
        (
            (replace(GOOD, access=Access.STAFF, groups=("a",), peak=Peak(1, 1)),),
            "only what shoppers call is prepared",
        ),
        ((replace(GOOD, module="things." + "x" * 50),), "64 characters"),
        (
            (
                Consumer(module="things.a", queue=Queue.CARRIER_EVENTS),
                Consumer(module="things.b", queue=Queue.CARRIER_EVENTS),
            ),
            "consumer of queue carrier_events is there 2 times",
        ),
        (
            (Step(module="things.wait", name="Wait", waits_for_token=True),),
            "waits without a deadline",
        ),
        (
            (Step(module="things.do", name="Do", compensation="things.undo"),),
            "is not a Compensation entry",
        ),
        (
            tuple(
                replace(GOOD, module=f"things.n{n}", route=f"GET /things/{n}") for n in range(200)
            ),
            "all routes together exceed",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    lines: tuple[Function, ...], breach: str
) -> None:
    with pytest.raises(InvalidManifest) as refused:
        features_in_stage([Feature("things", lines)], LOCAL)
    assert breach in str(refused.value)


def test_a_missing_file_and_an_invocation_without_a_target_are_found() -> None:
    feature = Feature("things", (replace(GOOD, invokes=("things.other",)),))
    assert list(missing_references([feature])) == [
        "things.show: there is no such file below functions/",
        "things.show: invokes things.other, which no manifest has",
    ]


# ---------------------------------------------------------------------- cdk-nag


QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
"""A lone queue without a dead-letter queue and without TLS."""


def nag_rules(folder: Path, *, reason: str | None = None) -> set[str]:
    """What cdk-nag finds on the lone queue."""
    template = folder / "Planted.template.json"
    folder.mkdir(exist_ok=True)
    template.write_text(json.dumps(QUEUE))
    accepted = []
    if reason is not None:
        accepted.append(Suppression("Planted", "Queue", "AwsSolutions-SQS3", reason))
    found = nag_findings({"Planted": template}, accepted, folder / "out")
    return {finding.rule for finding in found}


def test_a_finding_without_a_reason_is_found_and_one_with_a_reason_is_not(tmp_path: Path) -> None:
    plain = nag_rules(tmp_path / "plain")
    assert {"AwsSolutions-SQS3", "AwsSolutions-SQS4", "Serverless-SQSRedrivePolicy"} <= plain
    accepted = nag_rules(tmp_path / "accepted", reason="Nothing of worth passes through it.")
    assert plain - accepted == {"AwsSolutions-SQS3"}


def test_an_acceptance_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a reason"):
        nag_rules(tmp_path, reason=" ")


def test_a_reaction_of_a_feature_that_a_stage_lacks_is_not_deployed_there() -> None:
    feature = Feature(
        "things", (Reaction(module="things.react", event_types=("X",)),), frozenset({"dev"})
    )
    assert features_in_stage([feature], DEV) == (feature,)
    assert features_in_stage([feature], PROD) == ()


# ---------------------------------------------------------------------- references and cfn-lint


def test_a_reference_without_a_target_is_found(prod: Cloud) -> None:
    template = prod.stacks[CART]
    assert missing_targets(template) == set()
    function = first(prod, CART, "AWS::Lambda::Function")
    function["Properties"]["Role"] = {"Fn::GetAtt": ["NoRole", "Arn"]}
    function["Properties"]["Layers"] = [{"Ref": "NoLayer"}]
    function["Properties"]["Description"] = {"Fn::Sub": ["${NoPool.Arn} ${Given}", {"Given": "x"}]}
    assert missing_targets(template) == {"NoRole", "NoLayer", "NoPool"}


def test_a_template_with_a_value_of_its_own_is_linted_and_an_equal_one_is_not(prod: Cloud) -> None:
    equal = json.loads(re.sub(r"\bprod\b", "dev", json.dumps(prod.stacks[CART])))
    stages = {"prod": {Path("prod"): prod.stacks[CART]}, "dev": {Path("dev"): equal}}
    assert templates_to_lint(stages) == [Path("prod")]
    first(Cloud({CART: equal}), CART, "AWS::Lambda::Function")["Properties"]["MemorySize"] = 7
    assert templates_to_lint(stages) == [Path("prod"), Path("dev")]


def test_a_wrong_value_is_found_by_cfn_lint_and_a_clean_template_is_not_linted_again(
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
