"""`make up` after a kill repeats no deployment that is saved, and only the changed stacks else."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.synthesis import Assembly
from local import cdk_deploy, stack_deployment
from local import cloud as cloud_module
from local.cloud import Cloud
from local.processes import CloudError, servers
from local.stack_deployment import StackDeployment
from tests.local.polling import GUARD_SECONDS

pytestmark = pytest.mark.slow


class Shop:
    """A stage of one stack on an emulated AWS, and the steps of each deployment."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.cloud = cloud
        self.sources = "first"
        self.steps: list[str] = []
        self._templates = folder / "templates"
        self._templates.mkdir()
        step = cloud.progress.step

        def counted(text: str, total: int | None = None) -> Any:
            self.steps.append(text)
            return step(text, total)

        def link(templates: Path, target: Path, **_: str) -> None:
            shutil.copytree(templates, target)
            (target / "shop.template.json").write_text(template(self.sources))

        monkeypatch.setattr(cloud.progress, "step", counted)
        monkeypatch.setattr(cdk_deploy, "sources_fingerprint", lambda _: self.sources)
        monkeypatch.setattr(stack_deployment, "assembly_of", lambda _: Assembly(self._templates))
        monkeypatch.setattr(stack_deployment, "link", link)
        (self._templates / "shop.assets.json").write_text(json.dumps({"files": {}}))
        monkeypatch.setattr(StackDeployment, "_deploy_with_cdk", self._create)

    def deploy(self, *, save: Callable[[], None] | None = None) -> list[str]:
        """Start the emulated AWS and deploy. Return the steps."""
        self.steps.clear()
        self.cloud.up(stacks=False)
        deployment = self.cloud._deployment()
        if save is not None:
            object.__setattr__(deployment, "save", save)
        deployment.run()
        return [step for step in self.steps if "start the emulated AWS" not in step]

    def kill(self) -> None:
        (emulator,) = servers(self.cloud.home, "local.emulator")
        os.kill(emulator.pid, signal.SIGKILL)
        emulator.wait(GUARD_SECONDS)

    def setting(self) -> str:
        value: str = self.cloud.client("ssm").get_parameter(Name="set")["Parameter"]["Value"]
        return value

    def _create(self, assembly: Path) -> None:
        """Create the stack in place of the CDK CLI, which deploys whole stages."""
        self.steps.append("cdk deploy")
        formation = self.cloud.client("cloudformation")
        body = (assembly / "shop.template.json").read_text()
        formation.create_stack(StackName="shop", TemplateBody=body)
        formation.get_waiter("stack_create_complete").wait(StackName="shop")


def template(value: str) -> str:
    properties = {"Name": "set", "Type": "String", "Value": value}
    resource = {"Type": "AWS::SSM::Parameter", "Properties": properties}
    return json.dumps({"Resources": {"Setting": resource}})


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    cloud = Cloud(tmp_path / "cloud", stage="test", port=0, lifeline=True, quiet=True)
    shop = Shop(cloud, monkeypatch, tmp_path)
    assert shop.deploy() == [
        "build templates and packages of stage test",
        "cdk deploy",
        "save the deployed stacks",
    ]
    yield shop
    cloud.down()


def test_deployment_is_saved_when_it_ends(shop: Shop) -> None:
    shop.kill()
    assert shop.deploy() == []
    assert shop.setting() == "first"


def test_update_that_a_kill_lost_is_repeated_without_the_cdk(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sources = "second"

    def kill_and_save() -> None:
        shop.kill()
        shop.cloud.save()

    monkeypatch.setattr(cloud_module, "SAVE_TIMEOUT_SECONDS", 10 * GUARD_SECONDS)
    with pytest.raises(CloudError, match="did not save"):  # at once: no emulator runs any more
        shop.deploy(save=kill_and_save)
    assert shop.deploy() == [
        "build templates and packages of stage test",
        "update the 1 changed stacks",
        "save the deployed stacks",
    ]
    assert shop.setting() == "second"


def test_update_after_a_kill_behind_the_save_needs_no_cdk(shop: Shop) -> None:
    shop.sources = "second"

    def save_and_end() -> None:
        shop.cloud.save()
        shop.kill()
        raise KeyboardInterrupt  # the command is killed too

    with pytest.raises(KeyboardInterrupt):
        shop.deploy(save=save_and_end)
    assert shop.deploy() == []
    shop.sources = "third"
    assert "update the 1 changed stacks" in shop.deploy()
    assert shop.setting() == "third"
    assert [entry.name for entry in shop.cloud.home.glob("cdk.out*")] == ["cdk.out"]
