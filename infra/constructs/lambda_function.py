"""One Lambda from one manifest entry: code, environment, role, log group, dead letters, alarms."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from functions.manifest import Endpoint, Function, JobStep, Reaction, Schedule, StreamReader
from infra.constructs.alarms import Alarms, dead_letter_alarm, function_alarms
from infra.constructs.asset_packages import AssetPackages
from infra.constructs.iam import SharedResources, policy_statements
from infra.constructs.intrinsics import Value
from infra.constructs.lambda_environment import lambda_environment
from infra.constructs.queues import DeadLetterQueue, policy_document
from infra.constructs.resource_names import ALIAS, ResourceNames
from infra.constructs.stack import AssetLocation, Resource, ShopStack

ASYNC = (Reaction, Schedule, StreamReader)
"""Entries that AWS invokes asynchronously: each has its own dead-letter queue."""

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"


@dataclass(frozen=True)
class LambdaBuildContext:
    """The settings that all Lambdas of one stack share."""

    names: ResourceNames
    shared: SharedResources
    code: AssetLocation
    layers: tuple[Resource, ...]
    release: str
    version_seed: str
    """Changes with the code and with each layer, so that the alias gets a new version."""


def lambda_build_context(
    stack: ShopStack, group: str, shared: SharedResources, packages: AssetPackages
) -> LambdaBuildContext:
    """Set up one stack for Lambdas.

    Each stack has its own layer versions. A layer version in one stack would be an export that no
    deployment could change while another stack imports it.
    """
    code, shop = stack.asset(packages.functions(group)), stack.asset(packages.shared())
    layers = [_layer(stack, "Shop", shop, "The shop package, for all Lambdas")]
    hashes = [code.hash, shop.hash]
    if not stack.stage.is_emulated:
        dependencies = stack.asset(packages.dependencies())
        layers.insert(0, _layer(stack, "Dependencies", dependencies, "Third-party packages"))
        hashes.append(dependencies.hash)
    return LambdaBuildContext(
        names=stack.names,
        shared=shared,
        code=code,
        layers=tuple(layers),
        release=shop.hash[:12],
        version_seed="".join(digest[:8] for digest in hashes),
    )


class ShopFunction:
    """A Lambda with all its resources. Their paths begin with the file's name."""

    def __init__(self, stack: ShopStack, entry: Function, context: LambdaBuildContext) -> None:
        self.stack = stack
        self.entry = entry
        self.path = entry.module.partition(".")[2]
        self._name = stack.names.function(entry.module)
        key_arn = context.shared.key_arn
        self.dead_letters = self._dead_letters(key_arn) if isinstance(entry, ASYNC) else None
        self.log_group = add_log_group(stack, f"{self.path}/Log", f"/aws/lambda/{self._name}")
        self.role = self._role(context)
        properties = self._properties(context)
        self.function = stack.add(
            "AWS::Lambda::Function", f"{self.path}/Function/Resource", properties
        )
        self.alias = self._alias(properties, context) if _has_alias(entry) else None
        self._suppress_findings()
        self._async_retries()
        self.alarms = function_alarms(stack, self.path, entry.module, entry.timeout)

    def dead_letter_queue(self) -> DeadLetterQueue:
        """Return the queue for failed events. Raises ``LookupError`` where a caller waits."""
        if self.dead_letters is None:
            raise LookupError(f"{self.entry.module} has no dead-letter queue")
        return self.dead_letters

    @property
    def arn(self) -> Value:
        """The function itself, without a version."""
        return self.function.arn

    @property
    def route_target(self) -> Value:
        """The version in use where the function has an alias, else the function."""
        return self.alias.ref if self.alias else self.function.arn

    def allow(self, principal: str, name: str, source_arn: Value) -> None:
        """Allow an AWS service to invoke the alias or, without one, the function."""
        target = "Live" if self.alias else "Function"
        self.stack.add(
            "AWS::Lambda::Permission",
            f"{self.path}/{target}/{name}",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": self.route_target,
                "Principal": principal,
                "SourceArn": source_arn,
            },
        )

    def _dead_letters(self, key_arn: Value) -> DeadLetterQueue:
        name = self.stack.names.dead_letters(self.entry.module)
        path = f"{self.path}/DeadLetters"
        queue = DeadLetterQueue(self.stack, path, name, key_arn)
        dead_letter_alarm(self.stack, Alarms(self.stack, path, name), name)
        return queue

    def _role(self, context: LambdaBuildContext) -> Resource:
        dead_letters = self.dead_letters.arn if self.dead_letters else None
        statements = policy_statements(self.entry, context.names, context.shared, dead_letters)
        return self.stack.add(
            "AWS::IAM::Role",
            f"{self.path}/Role/Resource",
            {
                "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
                "Description": f"Permissions of {self._name}",
                "Policies": [
                    {
                        "PolicyDocument": policy_document([s.document() for s in statements]),
                        "PolicyName": "permissions",
                    }
                ],
            },
        )

    def _properties(self, context: LambdaBuildContext) -> dict[str, Any]:
        entry = self.entry
        return {
            "Architectures": [ARCHITECTURE],
            "Code": {"S3Bucket": context.code.bucket, "S3Key": context.code.key},
            "Description": (entry.__doc__ or "").splitlines()[0],
            "Environment": {
                "Variables": lambda_environment(
                    entry, context.names, context.shared, context.release
                )
            },
            "EphemeralStorage": ({"Size": entry.scratch} if isinstance(entry, JobStep) else None),
            "FunctionName": self._name,
            "Handler": f"{entry.module}.handler",
            "Layers": [layer.ref for layer in context.layers],
            "LoggingConfig": {"LogGroup": self.log_group.ref},
            "MemorySize": entry.memory,
            "Role": self.role.arn,
            "Runtime": RUNTIME,
            "Timeout": entry.timeout,
            "TracingConfig": {"Mode": "Active"},
        }

    def _alias(self, properties: dict[str, Any], context: LambdaBuildContext) -> Resource:
        """Add the version in use, and the alias that points to it.

        Provisioned concurrency belongs to a version or an alias, never to a function. It is set
        while the shop runs and is not in the template. A version is immutable, so its id contains
        a digest of everything that a new one must reflect.
        """
        settled = {k: v for k, v in properties.items() if k not in ("Code", "Layers")}
        variables = {
            name: value
            for name, value in properties["Environment"]["Variables"].items()
            if name != "RELEASE"
        }
        settled["Environment"] = variables
        text = json.dumps(self.stack.resolve(settled), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        version = self.stack.add(
            "AWS::Lambda::Version",
            f"{self.path}Version{digest}{context.version_seed}",
            {"FunctionName": self.function.ref},
        )
        return self.stack.add(
            "AWS::Lambda::Alias",
            f"{self.path}/Live/Resource",
            {
                "FunctionName": self.function.ref,
                "FunctionVersion": version.att("Version"),
                "Name": ALIAS,
            },
        )

    def _async_retries(self) -> None:
        """Retry twice, for an hour at most, then send to the dead-letter queue."""
        if self.dead_letters is None or isinstance(self.entry, StreamReader):
            return  # the caller sees the error, or the stream's mapping retries
        self.stack.add(
            "AWS::Lambda::EventInvokeConfig",
            f"{self.path}/Async",
            {
                "FunctionName": self.function.ref,
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": 2,
                "MaximumEventAgeInSeconds": 3600,
                "DestinationConfig": {"OnFailure": {"Destination": self.dead_letters.arn}},
            },
        )

    def _suppress_findings(self) -> None:
        waiting = "Its caller waits for the response, or its queue has the dead letters."
        async_ = "It has an on-failure destination, which reports more than a dead-letter queue."
        for finding, reason in {
            "AwsSolutions-L1": _ONE_PYTHON,
            "Serverless-LambdaLatestVersion": _NO_VERSION,
            "Serverless-LambdaDLQ": async_ if self.dead_letters else waiting,
        }.items():
            self.stack.suppress(self.function, finding, reason)
        names = self.stack.names
        group = "default" if names.stage.is_emulated else names.schedule_group
        here = "<AWS::Region>:<AWS::AccountId>"
        schedules = f"arn:<AWS::Partition>:scheduler:{here}:schedule/{group}/*"
        streams = f"arn:<AWS::Partition>:logs:{here}:log-group:/aws/lambda/{self._name}:*"
        account = "<AWS::AccountId>-<AWS::Region>"
        files = f"arn:<AWS::Partition>:s3:::{names.of('files')}-{account}/*"
        for finding, reason in {
            f"AwsSolutions-IAM5[Resource::{files}]": _FILES,
            "AwsSolutions-IAM5[Resource::*]": _NO_RESOURCE,
            "Serverless-LambdaStarPermissions": _NO_RESOURCE,
            f"AwsSolutions-IAM5[Resource::{schedules}]": _SCHEDULES,
            f"AwsSolutions-IAM5[Resource::{streams}]": _STREAMS,
        }.items():
            self.stack.suppress(self.role, finding, reason)


_ONE_PYTHON = "Laptop, tests and Lambda run the same Python, which changes in all at once."
_NO_VERSION = (
    "CloudFormation replaces code and configuration together and rolls both back. Only functions "
    "with provisioned concurrency need an alias."
)
_SCHEDULES = "One-off schedules are named for future promotions; their group is their own."
_FILES = "The files of a job are named for its id, and the bucket has no others."
_STREAMS = "Lambda names the log streams of its own group when it creates them."
_NO_RESOURCE = (
    "X-Ray, listing streams and answering a task token have no resources that a policy could name."
)


def add_log_group(stack: ShopStack, path: str, name: str) -> Resource:
    """Add a log group with the retention of the stage."""
    return stack.add(
        "AWS::Logs::LogGroup",
        f"{path}/Resource",
        {"LogGroupName": name, "RetentionInDays": stack.stage.log_days},
        deletion=stack.data_policy,
    )


def trust(service: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the policy that lets a service assume a role."""
    statement: dict[str, Any] = {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": service},
    }
    if condition:
        statement["Condition"] = condition
    return policy_document([statement])


def _has_alias(entry: Function) -> bool:
    return isinstance(entry, Endpoint) and entry.shopper_facing


def _layer(stack: ShopStack, name: str, code: AssetLocation, description: str) -> Resource:
    return stack.add(
        "AWS::Lambda::LayerVersion",
        f"{name}/Resource",
        {
            "CompatibleArchitectures": [ARCHITECTURE],
            "CompatibleRuntimes": [RUNTIME],
            "Content": {"S3Bucket": code.bucket, "S3Key": code.key},
            "Description": description,
        },
    )
