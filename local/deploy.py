"""`make deploy STAGE=dev|prod`: deploy to an AWS account with the caller's credentials.

The CDK CLI needs a bucket and roles of its own in each region. ``cdk bootstrap`` creates missing
ones, once for an account and region and for all CDK apps in it.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.stages import EDGE_REGION, STAGES, Stage
from local.processes import ROOT, CloudError

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
"""The parameter of CDK's bootstrap stack that the CLI looks for."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("stage", help="dev or prod; make up deploys the local stage")
    args = parser.parse_args(arguments)
    try:
        stage = deployable(args.stage)
        account = account_id(stage.region)
        for command in commands(stage, account, regions_without_bootstrap(regions(stage))):
            print("$", *command, flush=True)
            env = {**os.environ, "DOORBUSTER_STAGE": stage.name, "PYTHONPATH": str(ROOT)}
            ended = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
            if ended:
                raise SystemExit(ended)
    except CloudError as error:
        print(f"✗ {error}", file=sys.stderr)
        raise SystemExit(1) from None


def deployable(name: str) -> Stage:
    """Return the stage of that name.

    Raises :class:`CloudError` unless the stage would reach AWS, and for a production stage with
    settings of the example shop.
    """
    stage = STAGES.get(name)
    if stage is None or stage.is_emulated:
        raise CloudError("Choose STAGE=dev or STAGE=prod. The local stage is deployed by make up.")
    if os.environ.get("AWS_ENDPOINT_URL"):
        raise CloudError("AWS_ENDPOINT_URL is set, so this would not reach AWS. Unset it.")
    if stage.production and (examples := stage.placeholders()):
        raise CloudError(
            f"Stage {name} still has values of the example shop: {', '.join(examples)}.\n"
            "Set your own in infra/stages.py. Otherwise alarms and emails reach no one."
        )
    return stage


def regions(stage: Stage) -> list[str]:
    """Return the regions in which a stage has stacks."""
    return sorted({stage.region, *([EDGE_REGION] if stage.cdn else [])})


def account_id(region: str) -> str:
    try:
        args = boto3.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise CloudError(
            f"AWS did not accept your credentials: {error}\n"
            "Sign in first (aws sso login), or set AWS_PROFILE."
        ) from None
    return str(args["Account"])


def regions_without_bootstrap(wanted: Iterable[str]) -> list[str]:
    """Return those regions that were never bootstrapped."""
    return [region for region in wanted if not _is_bootstrapped(boto3.client("ssm", region))]


def commands(stage: Stage, account: str, unbootstrapped: Sequence[str]) -> list[list[str]]:
    """Return the commands in their order."""
    bootstraps = [
        ["cdk", "bootstrap", f"aws://{account}/{region}", "--no-notices"]
        for region in unbootstrapped
    ]
    return [*bootstraps, ["cdk", "deploy", "--all", "--no-notices"]]


def _is_bootstrapped(ssm: Any) -> bool:
    try:
        ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)
    except ssm.exceptions.ParameterNotFound:
        return False
    except (BotoCoreError, ClientError) as error:
        raise CloudError(
            f"CDK's bootstrap parameter cannot be read: {error}\n"
            "Ask an administrator to run cdk bootstrap; see docs.aws.amazon.com/cdk."
        ) from None
    return True


if __name__ == "__main__":
    main()
