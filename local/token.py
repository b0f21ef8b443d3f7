"""`make token` and `make admin`: access to the staff API for a person with a terminal.

``make token ROLE=admin`` prints an access token for the running shop on the laptop, and nothing
else, so that ``TOKEN=$(make -s token ROLE=admin)`` works. The first call creates the user.

``make admin STAGE=prod EMAIL=you@example.com`` creates the first staff user on AWS, with the
caller's AWS credentials. Cognito sends the temporary password by email. No command prints a token
of an AWS stage: the staff's client accepts no plain passwords there, and production requires a
second factor.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from functions.all import FEATURES
from functions.manifest import Endpoint
from local.cloud import CLOUD_HOME, Cloud
from local.deploy import deployable
from local.http_actors import sign_in, sign_up
from local.processes import CloudError
from local.seed import CUSTOMER, CUSTOMER_PASSWORD

CUSTOMER_ROLE = "customer"
ADMIN = "admin"
PASSWORD = "Doorbuster-role-1"  # noqa: S105  of users on this laptop only


def staff_groups() -> tuple[str, ...]:
    """Return the Cognito groups that some endpoint requires."""
    entries = (entry for feature in FEATURES for entry in feature.functions)
    groups = {group for entry in entries if isinstance(entry, Endpoint) for group in entry.groups}
    return tuple(sorted(groups))


def groups_of(role: str) -> tuple[str, ...]:
    """Return the groups of a role: ``admin`` has all, another role the one of its name.

    Raises CloudError for an unknown role.
    """
    groups = staff_groups()
    if role == ADMIN:
        return groups
    if role in groups:
        return (role,)
    roles = ", ".join(sorted({ADMIN, CUSTOMER_ROLE, *groups}))
    raise CloudError(f"The role {role!r} does not exist. Use one of: {roles}.")


def token_of(cloud: Cloud, role: str) -> str:
    """Return an access token of the role's user on the laptop; create the user if missing."""
    if not cloud.is_up():
        raise CloudError("The shop does not run. Start it with: make up")
    if role == CUSTOMER_ROLE:
        sign_up(cloud, CUSTOMER, CUSTOMER_PASSWORD)
        return sign_in(cloud, CUSTOMER, CUSTOMER_PASSWORD)
    email = f"{role}@doorbuster.example"
    sign_up(cloud, email, PASSWORD, *groups_of(role))
    return sign_in(cloud, email, PASSWORD, staff=True)


def create_admin(cognito: Any, pool: str, email: str, groups: Iterable[str]) -> bool:
    """Create a staff user in all groups; Cognito invites them by email.

    Returns whether the user is new. A second call adds missing groups and sends no second email.
    """
    is_new = True
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=email,
            DesiredDeliveryMediums=["EMAIL"],
            UserAttributes=[
                {"Name": "email", "Value": email},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    except cognito.exceptions.UsernameExistsException:
        is_new = False
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)
    return is_new


def staff_pool(cloudformation: Any, stage: str) -> str:
    """Return the id of a deployed stage's staff pool. Raises CloudError if it is not deployed."""
    name = f"doorbuster-{stage}-foundation"
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise CloudError(
            f"The stack {name} cannot be read: {error}\n"
            f"Sign in to the account, and deploy the stage first: make deploy STAGE={stage}"
        ) from None
    outputs: Mapping[str, str] = {
        each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())
    }
    return outputs["StaffPoolId"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m local.token", description=__doc__)
    parser.add_argument("--role", default=ADMIN)
    parser.add_argument("--stage", default="local")
    parser.add_argument("--email", help="address of the first staff user of an AWS stage")
    args = parser.parse_args(arguments)
    try:
        if args.email:
            region = deployable(args.stage).region
            pool = staff_pool(boto3.client("cloudformation", region_name=region), args.stage)
            cognito = boto3.client("cognito-idp", region_name=region)
            is_new = create_admin(cognito, pool, args.email, staff_groups())
            result = "is invited by email" if is_new else "existed already and has all groups"
            print(f"{args.email} {result}.")
        else:
            home = Path(os.environ.get("DOORBUSTER_HOME", CLOUD_HOME))
            print(token_of(Cloud(home, quiet=True), args.role))
    except CloudError as error:
        print(f"✗ {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
