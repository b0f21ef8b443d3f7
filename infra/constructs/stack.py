"""The base class of all stacks, and how resources are added to them.

Resources are added as plain CloudFormation properties. A typed CDK construct costs a call to the
CDK's Node process for itself and one for each struct, statement, principal and acknowledgement
in it: 9,000 calls for 95 functions, and as much CPU again to import the typed modules. A plain
resource is one call. cfn-lint checks all property names and values in ``make check``, and cdk-nag
sees the typed resources that the templates describe (docs/adr/plain-resources.md).
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aws_cdk as cdk

from infra.constructs.asset_packages import AssetPackage
from infra.constructs.intrinsics import Intrinsic, Value
from infra.constructs.nag_suppressions import Suppression
from infra.constructs.resource_names import ResourceNames
from infra.stages import EDGE_REGION

DeletionPolicy = Literal["Retain", "Delete"]

_REMOVAL: Mapping[DeletionPolicy, cdk.RemovalPolicy] = {
    "Retain": cdk.RemovalPolicy.RETAIN,
    "Delete": cdk.RemovalPolicy.DESTROY,
}

TAGGED_AS_LIST = frozenset(
    {
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SES::ConfigurationSet",
        "AWS::SES::EmailIdentity",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::SecretsManager::Secret",
        "AWS::StepFunctions::StateMachine",
        "AWS::WAFv2::WebACL",
    }
)
TAGGED_AS_MAP = {
    "AWS::ApiGatewayV2::Api": "Tags",
    "AWS::ApiGatewayV2::Stage": "Tags",
    "AWS::Cognito::UserPool": "UserPoolTags",
}
"""Types whose tags are a mapping, and the property that holds it."""


class ShopApp(cdk.App):
    """The CDK app, with the accepted findings of all its stacks."""

    def __init__(self, *, context: Mapping[str, Any], outdir: str | None) -> None:
        # `make check` validates with cfn-lint and cdk-nag; the built-in rules would cost a third
        # of every synthesis.
        super().__init__(
            analytics_reporting=False,
            builtin_cloud_formation_validation=False,
            context=context,
            outdir=outdir,
            tree_metadata=False,
        )
        self.suppressions: list[Suppression] = []


@dataclass(frozen=True)
class Resource:
    """A resource of a stack, as other resources refer to it."""

    id: str
    cfn: cdk.CfnResource

    @property
    def ref(self) -> Intrinsic:
        """``Ref``, for the same stack."""
        return {"Ref": self.id}

    def att(self, name: str) -> Intrinsic:
        """``Fn::GetAtt``, for the same stack."""
        return {"Fn::GetAtt": [self.id, name]}

    @property
    def arn(self) -> Intrinsic:
        return self.att("Arn")

    def shared_ref(self) -> str:
        """``Ref`` as a CDK token: another stack that uses it imports it."""
        return self.cfn.ref

    def shared_att(self, name: str) -> str:
        """``Fn::GetAtt`` as a CDK token: another stack that uses it imports it."""
        return cdk.Token.as_string(self.cfn.get_att(name))


@dataclass(frozen=True)
class AssetLocation:
    """Where a stack finds an uploaded package."""

    bucket: str
    key: str
    hash: str


class ShopStack(cdk.Stack):
    """A stack named for its stage and its part. On the emulator the CLI decides its region."""

    def __init__(
        self,
        scope: ShopApp,
        names: ResourceNames,
        part: str,
        description: str,
        *,
        region: str | None = None,
        protected: bool = False,
    ) -> None:
        stage = names.stage
        super().__init__(
            scope,
            names.of(part),
            description=f"Doorbuster, {stage.name}: {description}",
            env=None if stage.is_emulated else cdk.Environment(region=region or stage.region),
            cross_region_references=not stage.is_emulated and stage.region != EDGE_REGION,
            termination_protection=protected and stage.production,
            tags={"shop": "doorbuster", "stage": stage.name},
        )
        self.names = names
        self.stage = stage
        self._app = scope
        self._part = names.of(part)

    @property
    def data_policy(self) -> DeletionPolicy:
        """Production keeps data when its resource is deleted; other stages do not."""
        return "Retain" if self.stage.production else "Delete"

    def add(
        self,
        kind: str,
        path: str,
        properties: Mapping[str, Any],
        *,
        deletion: DeletionPolicy | None = None,
        depends_on: Iterable[Resource] = (),
    ) -> Resource:
        """Add a resource of a CloudFormation type; ``path`` determines its logical id."""
        filled = {name: value for name, value in properties.items() if value is not None}
        tags = {"shop": "doorbuster", "stage": self.stage.name}
        if kind in TAGGED_AS_LIST:
            filled["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        elif kind in TAGGED_AS_MAP:
            name = TAGGED_AS_MAP[kind]
            filled[name] = {**filled.get(name, {}), **tags}
        identifier = logical_id(path)
        cfn = cdk.CfnResource(self, identifier, type=kind, properties=filled)
        if deletion:
            cfn.apply_removal_policy(_REMOVAL[deletion])
        for other in depends_on:
            cfn.add_resource_dependency(other.cfn)
        return Resource(identifier, cfn)

    def output(self, name: str, value: Value) -> None:
        """Publish a value with the stack."""
        text = value if isinstance(value, str) else cdk.Token.as_string(value)
        cdk.CfnOutput(self, name, value=text)

    def asset(self, package: AssetPackage) -> AssetLocation:
        """Have the CDK CLI upload a package as a zip file."""
        location = self.synthesizer.add_file_asset(
            source_hash=package.hash,
            file_name=str(package.path),
            packaging=cdk.FileAssetPackaging.ZIP_DIRECTORY,
        )
        return AssetLocation(location.bucket_name, location.object_key, package.hash)

    def suppress(self, resource: Resource, finding: str, reason: str) -> None:
        """Accept a cdk-nag finding (``"AwsSolutions-IAM5"``) on one resource, with its reason."""
        self._app.suppressions.append(Suppression(self._part, resource.id, finding, reason))


def logical_id(path: str) -> str:
    """Return the id that the CDK gives to a construct at this path below its stack.

    Computed here, so that a resource can be added to its stack directly and keep the id of the
    construct tree that the path describes.

    >>> logical_id("create_cart/Role/Resource"), logical_id("Api")
    ('createcartRole5D8C5BB4', 'Api')
    """
    parts = path.split("/")
    if len(parts) == 1:
        return re.sub(r"[^A-Za-z0-9]", "", path)
    digest = hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()[:8].upper()
    human: list[str] = []
    for part in parts:
        if not human or not human[-1].endswith(part):
            human.append(part)
    words = (re.sub(r"[^A-Za-z0-9]", "", part) for part in human if part != "Resource")
    return "".join(words)[:240] + digest
