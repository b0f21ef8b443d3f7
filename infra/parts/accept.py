"""Findings that are accepted, each beside the resource it is about and with its reason."""

import aws_cdk as cdk
from constructs import IConstruct


def accept(what: IConstruct, finding: str, reason: str) -> None:
    """Accept a cdk-nag finding (``"AwsSolutions-IAM5"``) on this construct and what is in it."""
    cdk.Validations.of(what).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))
