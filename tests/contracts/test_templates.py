"""Every template of every stage follows the rules."""

import re
from collections import Counter
from collections.abc import Mapping

import pytest

from functions.manifest import Function
from infra.check import MAX_RESOURCES
from infra.stages import STAGES, Stage
from infra.synthesis import assembly_of
from tests.contracts import iam_rules, rules, workflow_rules
from tests.contracts.conftest import machine_of
from tests.contracts.templates import Cloud, stacks_of


def test_every_manifest_entry_is_deployed_and_nothing_else(
    cloud: Cloud, entries: Mapping[str, Function]
) -> None:
    assert rules.missing_functions(cloud, entries) == []


def test_functions_are_arm64_on_python_3_13_traced_and_logged(cloud: Cloud, stage: Stage) -> None:
    assert rules.function_differences(cloud, stage) == []


def test_no_stack_approaches_the_limit_of_resources(cloud: Cloud) -> None:
    assert rules.oversized_stacks(cloud, MAX_RESOURCES) == []


def test_features_do_not_import_from_each_other(cloud: Cloud) -> None:
    assert rules.cross_feature_imports(cloud) == []


def test_every_endpoint_has_its_route_and_authorizer(
    cloud: Cloud, entries: Mapping[str, Function]
) -> None:
    assert rules.wrong_routes(cloud, entries) == []


def test_every_route_is_throttled_as_its_entry_declares(
    cloud: Cloud, entries: Mapping[str, Function], stage: Stage
) -> None:
    assert rules.unthrottled_routes(cloud, entries, stage) == []


def test_no_role_has_more_permissions_than_its_entry_implies(
    cloud: Cloud, entries: Mapping[str, Function], stage: Stage
) -> None:
    assert iam_rules.excess_permissions(cloud, entries, stage) == []


def test_every_role_has_the_permissions_that_its_entry_implies(
    cloud: Cloud, entries: Mapping[str, Function], stage: Stage
) -> None:
    assert iam_rules.missing_permissions(cloud, entries, stage) == []


def test_wildcards_are_used_only_without_a_resource_to_name(cloud: Cloud, stage: Stage) -> None:
    assert iam_rules.wildcards(cloud, stage) == []


def test_visibility_timeouts_are_six_times_the_consumers_timeout(
    cloud: Cloud, entries: Mapping[str, Function], stage: Stage
) -> None:
    assert rules.short_visibility_timeouts(cloud, entries, stage) == []


def test_every_queue_has_a_dead_letter_queue(cloud: Cloud) -> None:
    assert rules.queues_without_dead_letters(cloud) == []


def test_every_asynchronous_failure_has_a_destination(
    cloud: Cloud, entries: Mapping[str, Function]
) -> None:
    assert rules.lost_failures(cloud, entries) == []


def test_every_resource_has_its_alarms(cloud: Cloud) -> None:
    assert rules.missing_alarms(cloud) == []


def test_every_alarm_of_production_reaches_a_person() -> None:
    assert rules.unheard_alarms(Cloud(stacks_of(STAGES["prod"]))) == []


def test_accepted_findings_rely_on_the_firewall_only_behind_it(cloud: Cloud, stage: Stage) -> None:
    assert rules.false_firewall_claims(cloud, assembly_of(stage).suppressions()) == []


def test_data_is_encrypted_restorable_and_retained_in_production(
    cloud: Cloud, stage: Stage
) -> None:
    assert rules.unprotected_data(cloud, stage) == []


def test_production_has_no_sandbox() -> None:
    assert rules.sandbox_in_production(Cloud(stacks_of(STAGES["prod"]))) == []


def test_order_without_failures_takes_four_transitions(
    cloud: Cloud, entries: Mapping[str, Function]
) -> None:
    assert workflow_rules.workflow_breaches(machine_of(cloud), entries.values()) == []


def test_first_row_of_the_dashboard_has_business_metrics(cloud: Cloud) -> None:
    (dashboard,) = cloud.of("AWS::CloudWatch::Dashboard")
    body = cloud.text(dashboard.stack, dashboard.properties["DashboardBody"])
    titles = [part.partition('"')[0] for part in body.split('"title":"')[1:4]]
    assert titles == ["Orders a minute", "Revenue a minute, minor units", "Payment failures"]
    first_row = body.partition('"title":"API requests"')[0]
    for metric in ("OrdersPlaced", "OrdersConfirmed", "Revenue", "PaymentsFailed"):
        assert f'"Doorbuster","{metric}"' in first_row


def test_stage_test_is_stage_local_with_shorter_times() -> None:
    local, test = (str(stacks_of(STAGES[name])) for name in ("local", "test"))
    renamed = test.replace("doorbuster-test-", "doorbuster-local-")
    renamed = renamed.replace("doorbuster/test/", "doorbuster/local/")
    for in_test, in_local in {
        "'STAGE': 'test'": "'STAGE': 'local'",
        "'PAYMENT_WINDOW_SECONDS': '60'": "'PAYMENT_WINDOW_SECONDS': '1800'",
        '"TimeoutSeconds": 60,': '"TimeoutSeconds": 1800,',
        "Doorbuster, test:": "Doorbuster, local:",
        "'Value': 'test'": "'Value': 'local'",
        "'stage': 'test'": "'stage': 'local'",
        "stage test": "stage local",
        '"Stage","test"': '"Stage","local"',
        "doorbuster test ": "doorbuster local ",
    }.items():
        renamed = renamed.replace(in_test, in_local)
    texts, expected = _without_hashes(renamed), _without_hashes(local)
    assert (texts - expected, expected - texts) == (Counter(), Counter())


def _without_hashes(text: str) -> Counter[str]:
    hashes = r"[0-9A-F]{8}\b|Version[0-9a-f]{12}zz\w+|[0-9a-f]{64}"
    return Counter(re.sub(hashes, "#", text).split("'"))


@pytest.mark.parametrize("name", STAGES)
def test_environments_fit_into_four_kilobytes(name: str) -> None:
    cloud = Cloud(stacks_of(STAGES[name]))
    for function in cloud.of(rules.FUNCTION):
        variables = function.properties["Environment"]["Variables"]
        size = sum(len(k) + len(cloud.text(function.stack, v)) for k, v in variables.items())
        assert size < 4096, function


@pytest.mark.parametrize("name", STAGES)
def test_tables_are_warmed_up_to_the_quota_of_the_stage(name: str) -> None:
    quotas = []
    cloud = Cloud(stacks_of(STAGES[name]))
    for function in cloud.of(rules.FUNCTION):
        variables = function.properties["Environment"]["Variables"]
        quotas += [cloud.text(function.stack, v) for k, v in variables.items() if "QUOTA" in k]
    assert quotas == [str(STAGES[name].table_quota)]
