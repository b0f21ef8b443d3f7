"""`make deploy` bootstraps an account once, deploys only to AWS, and explains its failures."""

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.stages import STAGES
from local import deploy
from local.processes import CloudError

DEPLOY = ["cdk", "deploy", "--all", "--no-notices"]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Return the list of commands and environments that `make deploy` starts."""
    seen: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], *, env: dict[str, str], **_: Any) -> Any:
        seen.append((command, env))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return seen


@pytest.fixture
def own_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give production settings that are not those of the example shop."""
    own = {
        name: str(getattr(STAGES["prod"], name))
        .replace(".example", ".com")
        .replace("your_own", "x")
        for name in STAGES["prod"].placeholders()
    }
    monkeypatch.setitem(STAGES, "prod", dataclasses.replace(STAGES["prod"], **own))  # type: ignore[arg-type]


def bootstrapped(region: str) -> None:
    boto3.client("ssm", region).put_parameter(
        Name=deploy.BOOTSTRAP_PARAMETER, Value="30", Type="String"
    )


def test_account_without_bootstrap_is_bootstrapped_first(ran: Any) -> None:
    deploy.main(["dev"])
    bootstrap = ["cdk", "bootstrap", "aws://123456789012/us-east-1", "--no-notices"]
    assert [command for command, _ in ran] == [bootstrap, DEPLOY]
    assert all(env["DOORBUSTER_STAGE"] == "dev" for _, env in ran)


@pytest.mark.usefixtures("own_shop")
def test_bootstrapped_account_is_only_deployed_to(ran: Any) -> None:
    bootstrapped("us-east-1")
    deploy.main(["prod"])
    assert [command for command, _ in ran] == [DEPLOY]


def test_production_with_settings_of_the_example_shop_is_not_deployed(
    ran: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main(["prod"])
    assert (ended.value.code, ran) == (1, [])
    error = capsys.readouterr().err
    for name in ("alarm_mail", "terms_url", "payment_public_key", "infra/stages.py"):
        assert name in error


def test_stage_in_another_region_needs_that_region_and_the_one_of_the_cdn() -> None:
    stage = dataclasses.replace(STAGES["dev"], region="eu-central-1")
    assert deploy.regions(stage) == ["eu-central-1", "us-east-1"]
    bootstrapped("us-east-1")
    assert deploy.regions_without_bootstrap(deploy.regions(stage)) == ["eu-central-1"]


def test_failed_bootstrap_prevents_the_deployment(
    monkeypatch: pytest.MonkeyPatch, ran: Any
) -> None:
    def fails(command: list[str], **_: Any) -> Any:
        ran.append((command, {}))
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(SystemExit) as ended:
        deploy.main(["dev"])
    assert ended.value.code == 3
    assert len(ran) == 1


@pytest.mark.parametrize("stage", ["local", "test", "staging", ""])
def test_emulated_and_unknown_stages_are_rejected(
    stage: str, ran: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        deploy.main([stage])
    assert ran == []
    assert "STAGE=dev or STAGE=prod" in capsys.readouterr().err


def test_endpoint_of_an_emulator_is_rejected(monkeypatch: pytest.MonkeyPatch, ran: Any) -> None:
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with pytest.raises(CloudError, match="would not reach AWS"):
        deploy.deployable("dev")
    assert ran == []


def test_missing_credentials_are_explained(
    monkeypatch: pytest.MonkeyPatch, ran: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from botocore.exceptions import NoCredentialsError

    def no_credentials(*_: Any, **__: Any) -> Any:
        raise NoCredentialsError

    monkeypatch.setattr(boto3, "client", no_credentials)
    with pytest.raises(SystemExit):
        deploy.main(["dev"])
    assert "Sign in first" in capsys.readouterr().err
    assert ran == []
