"""Every template of every stage keeps the rules."""

import re
from collections import Counter
from collections.abc import Mapping

import pytest

from functions.manifest import Function
from infra.check import MAX_RESOURCES
from infra.stages import STAGES, Stage
from tests.contracts import rules
from tests.contracts.conftest import machine_of
from tests.contracts.templates import Cloud, stacks_of


def test_every_line_is_deployed_and_nothing_else(
    cloud: Cloud, lines: Mapping[str, Function]
) -> None:
    assert rules.missing_functions(cloud, lines) == []


def test_functions_are_arm_on_python_3_13_traced_and_logged(cloud: Cloud, stage: Stage) -> None:
    assert rules.plain_functions(cloud, stage) == []


def test_no_stack_comes_near_five_hundred_resources(cloud: Cloud) -> None:
    assert rules.full_stacks(cloud, MAX_RESOURCES) == []


def test_features_do_not_hang_on_each_other(cloud: Cloud) -> None:
    assert rules.entangled_stacks(cloud) == []


def test_every_endpoint_has_its_route_behind_the_right_guard(
    cloud: Cloud, lines: Mapping[str, Function]
) -> None:
    assert rules.wrong_routes(cloud, lines) == []


def test_every_route_is_throttled_as_declared(
    cloud: Cloud, lines: Mapping[str, Function], stage: Stage
) -> None:
    assert rules.unthrottled_routes(cloud, lines, stage) == []


def test_no_role_may_do_more_than_its_line_implies(
    cloud: Cloud, lines: Mapping[str, Function], stage: Stage
) -> None:
    assert rules.excess_rights(cloud, lines, stage) == []


def test_every_role_may_do_what_its_line_implies(
    cloud: Cloud, lines: Mapping[str, Function], stage: Stage
) -> None:
    assert rules.missing_rights(cloud, lines, stage) == []


def test_wildcards_stand_only_where_there_is_nothing_to_name(cloud: Cloud, stage: Stage) -> None:
    assert rules.wildcards(cloud, stage) == []


def test_messages_are_hidden_six_times_as_long_as_their_consumer_may_take(
    cloud: Cloud, lines: Mapping[str, Function], stage: Stage
) -> None:
    assert rules.impatient_queues(cloud, lines, stage) == []


def test_every_queue_has_a_dead_letter_queue(cloud: Cloud) -> None:
    assert rules.hopeless_queues(cloud) == []


def test_no_failure_is_lost(cloud: Cloud, lines: Mapping[str, Function]) -> None:
    assert rules.lost_failures(cloud, lines) == []


def test_everything_has_its_alarms(cloud: Cloud) -> None:
    assert rules.silent_resources(cloud) == []


def test_data_is_encrypted_restorable_and_retained_in_production(
    cloud: Cloud, stage: Stage
) -> None:
    assert rules.unprotected_data(cloud, stage) == []


def test_production_pretends_nothing() -> None:
    assert rules.pretence(Cloud(stacks_of(STAGES["prod"]))) == []


def test_an_order_without_trouble_takes_four_transitions(
    cloud: Cloud, lines: Mapping[str, Function]
) -> None:
    assert rules.crooked_workflow(machine_of(cloud), lines.values()) == []


def test_the_first_row_of_the_dashboard_is_the_business(cloud: Cloud) -> None:
    (dashboard,) = cloud.of("AWS::CloudWatch::Dashboard")
    body = cloud.text(dashboard.stack, dashboard.properties["DashboardBody"])
    titles = [part.partition('"')[0] for part in body.split('"title":"')[1:4]]
    assert titles == ["Orders a minute", "Revenue a minute, minor units", "Payment failures"]
    first_row = body.partition('"title":"API requests"')[0]
    for metric in ("OrdersPlaced", "OrdersConfirmed", "Revenue", "PaymentsFailed"):
        assert f'"Doorbuster","{metric}"' in first_row


def test_stage_test_is_stage_local_with_shorter_clocks() -> None:
    local, test = (str(stacks_of(STAGES[name])) for name in ("local", "test"))
    renamed = test.replace("doorbuster-test-", "doorbuster-local-")
    renamed = renamed.replace("doorbuster/test/", "doorbuster/local/")
    for test_text, local_text in {
        "'STAGE': 'test'": "'STAGE': 'local'",
        "'PAYMENT_WINDOW_SECONDS': '8'": "'PAYMENT_WINDOW_SECONDS': '1800'",
        '"TimeoutSeconds": 8,': '"TimeoutSeconds": 1800,',
        "Doorbuster, test:": "Doorbuster, local:",
        "'Value': 'test'": "'Value': 'local'",
        "'stage': 'test'": "'stage': 'local'",
        "stage test": "stage local",
        '"Stage","test"': '"Stage","local"',
        "doorbuster test ": "doorbuster local ",
    }.items():
        renamed = renamed.replace(test_text, local_text)
    here, there = _without_hashes(renamed), _without_hashes(local)
    assert (here - there, there - here) == (Counter(), Counter())


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
def test_tables_are_warmed_up_to_the_quota_that_the_stage_states(name: str) -> None:
    quotas = []
    cloud = Cloud(stacks_of(STAGES[name]))
    for function in cloud.of(rules.FUNCTION):
        variables = function.properties["Environment"]["Variables"]
        quotas += [cloud.text(function.stack, v) for k, v in variables.items() if "QUOTA" in k]
    assert quotas == [str(STAGES[name].table_quota)]
