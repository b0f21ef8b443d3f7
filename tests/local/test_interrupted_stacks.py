"""A stack operation that a kill interrupted can be repeated; nothing waits for its end."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.processes import servers
from tests.local.polling import GUARD_SECONDS, eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path / "cloud", stage="test", port=0, lifeline=True, quiet=True)
    cloud.up(stacks=False)
    yield cloud
    cloud.down()


def template(value: str, *, waits: bool) -> str:
    """Return a template with a parameter, and a resource that ``waits`` for a signal."""
    resources: dict[str, Any] = {
        "Setting": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "setting", "Type": "String", "Value": value},
        }
    }
    if waits:
        resources["Handle"] = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
        resources["Signal"] = {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": ["Setting"],
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "3600"},
        }
    return json.dumps({"Resources": resources})


def status(cloud: Cloud) -> str:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="shop")["Stacks"]
    return str(stack["StackStatus"])


def setting(cloud: Cloud) -> str:
    value: str = cloud.client("ssm").get_parameter(Name="setting")["Parameter"]["Value"]
    return value


def is_waiting(cloud: Cloud) -> bool:
    """Return whether the operation has reached the resource that waits."""
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")
    return any(event["LogicalResourceId"] == "Signal" for event in events["StackEvents"])


def kill_and_restart(cloud: Cloud) -> None:
    cloud.save()
    (emulator,) = servers(cloud.home, "local.emulator")
    os.kill(emulator.pid, signal.SIGKILL)
    emulator.wait(GUARD_SECONDS)
    cloud.up(stacks=False)


def test_interrupted_creation_can_be_repeated_after_a_deletion(cloud: Cloud) -> None:
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName="shop", TemplateBody=template("first", waits=True))
    eventually(lambda: is_waiting(cloud))
    kill_and_restart(cloud)

    assert status(cloud) == "ROLLBACK_COMPLETE"
    formation = cloud.client("cloudformation")
    formation.delete_stack(StackName="shop")
    formation.get_waiter("stack_delete_complete").wait(StackName="shop")
    formation.create_stack(StackName="shop", TemplateBody=template("second", waits=False))
    eventually(lambda: status(cloud) == "CREATE_COMPLETE")
    assert setting(cloud) == "second"


def test_interrupted_update_can_be_repeated(cloud: Cloud) -> None:
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName="shop", TemplateBody=template("first", waits=False))
    eventually(lambda: status(cloud) == "CREATE_COMPLETE")
    formation.update_stack(StackName="shop", TemplateBody=template("second", waits=True))
    eventually(lambda: is_waiting(cloud))
    kill_and_restart(cloud)

    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    formation = cloud.client("cloudformation")
    # The CDK CLI skips an update if the deployed template equals the new one.
    deployed = formation.get_template(StackName="shop")["TemplateBody"]
    assert "Signal" not in json.dumps(deployed)
    formation.update_stack(StackName="shop", TemplateBody=template("third", waits=False))
    eventually(lambda: status(cloud) == "UPDATE_COMPLETE")
    assert setting(cloud) == "third"
