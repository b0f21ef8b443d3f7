"""Findings that are accepted, each beside the resource it is about and with its reason."""

import aws_cdk as cdk
from constructs import IConstruct


def suppress_finding(what: IConstruct, finding: str, reason: str) -> None:
    """Accept a cdk-nag finding (``"AwsSolutions-IAM5"``) on this construct and what is in it."""
    if not reason.strip():
        raise ValueError(f"{finding} on {what.node.path} is accepted without a reason")
    pack = finding.partition("-")[0]
    cdk.Validations.of(what).acknowledge(cdk.Acknowledgment(id=f"{pack}::{finding}", reason=reason))
