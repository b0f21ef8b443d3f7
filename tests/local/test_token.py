"""`make token` and `make admin`: roles, and stages that are not there.

The journeys use the tokens in a running shop (tests/journeys/test_tokens.py).
"""

import json
from typing import Any

import boto3
import pytest

from local import token
from local.processes import CloudError
from tests.kit.shop import mock_aws

TEMPLATE = {
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
    "Outputs": {"StaffPoolId": {"Value": "us-east-1_staff"}},
}


class StoppedCloud:
    def is_up(self) -> bool:
        return False


def test_admin_has_all_groups_and_another_role_the_one_of_its_name() -> None:
    groups = token.staff_groups()
    assert {"admin", "catalog", "fulfilment", "staff"} <= set(groups)
    assert token.groups_of("admin") == groups
    assert token.groups_of("catalog") == ("catalog",)


def test_unknown_role_is_rejected_with_the_roles() -> None:
    with pytest.raises(CloudError, match=r"Use one of: admin, catalog, customer,"):
        token.groups_of("boss")


def test_stopped_shop_is_named() -> None:
    stopped: Any = StoppedCloud()
    with pytest.raises(CloudError, match="make up"):
        token.token_of(stopped, "admin")


@pytest.mark.slow
def test_pool_of_a_deployed_stage_is_found_and_a_missing_stage_is_named() -> None:
    with mock_aws():
        cloudformation = boto3.client("cloudformation", region_name="us-east-1")
        with pytest.raises(CloudError, match="make deploy STAGE=prod"):
            token.staff_pool(cloudformation, "prod")
        cloudformation.create_stack(
            StackName="doorbuster-prod-foundation", TemplateBody=json.dumps(TEMPLATE)
        )
        assert token.staff_pool(cloudformation, "prod") == "us-east-1_staff"


def test_local_stage_needs_no_admin(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        token.main(["--stage", "local", "--email", "mia@example.com"])
    assert "STAGE=prod" in capsys.readouterr().err
