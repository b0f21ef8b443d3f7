"""`make deploy STAGE=dev|prod`: the shop to an AWS account, with the credentials of who asks.

The CDK CLI needs a bucket and roles of its own in each region it deploys to. Where they are not
yet, ``cdk bootstrap`` makes them, once for an account and region and for all CDK apps in it.
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
"""The parameter that CDK's bootstrap stack leaves behind, and the CLI looks for."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("stage", help="dev or prod; the local stage is make up")
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
    except CloudError as refused:
        print(f"✗ {refused}", file=sys.stderr)
        raise SystemExit(1) from None


def deployable(name: str) -> Stage:
    """The stage of that name, where it belongs on AWS and AWS is what would be reached."""
    stage = STAGES.get(name)
    if stage is None or stage.is_emulated:
        raise CloudError("make deploy STAGE=dev or STAGE=prod; the local stage is make up.")
    if os.environ.get("AWS_ENDPOINT_URL"):
        raise CloudError("AWS_ENDPOINT_URL is set: this would not reach AWS.")
    return stage


def regions(stage: Stage) -> list[str]:
    """Where a stage has stacks."""
    return sorted({stage.region, *([EDGE_REGION] if stage.cdn else [])})


def account_id(region: str) -> str:
    try:
        args = boto3.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise CloudError(
            f"AWS does not know who you are: {error}\n"
            "Sign in first (aws sso login), or set AWS_PROFILE."
        ) from None
    return str(args["Account"])


def regions_without_bootstrap(wanted: Iterable[str]) -> list[str]:
    """The regions of these that were never bootstrapped."""
    return [region for region in wanted if not _is_bootstrapped(boto3.client("ssm", region))]


def commands(stage: Stage, account: str, unbootstrapped: Sequence[str]) -> list[list[str]]:
    """What is run, in this order."""
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
            f"Whether CDK was bootstrapped here cannot be seen: {error}\n"
            "Somebody with more rights runs cdk bootstrap; see docs.aws.amazon.com/cdk."
        ) from None
    return True


if __name__ == "__main__":
    main()
