"""CloudFormation's intrinsic functions as plain data."""

from typing import Any

Intrinsic = dict[str, Any]
"""``{"Ref": …}``, ``{"Fn::Sub": …}`` and their kind."""

Value = str | Intrinsic
"""A property that is text once the stack is deployed."""


def sub(pattern: str, **values: Value) -> Intrinsic:
    """``Fn::Sub``: fill ``${AWS::Region}`` and the named ``values`` into ``pattern``."""
    return {"Fn::Sub": [pattern, values] if values else pattern}


def arn(service: str, resource: str) -> Intrinsic:
    """Return an ARN in this account and region."""
    return sub(f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")


def role_arn(name: str) -> Intrinsic:
    """Return the ARN of a named role; IAM has no regions."""
    return sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}")


def aws_service(service: str) -> Intrinsic:
    """Return the service's name as ``kms:ViaService`` compares it."""
    return sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")


ACCOUNT: Intrinsic = {"Ref": "AWS::AccountId"}
