"""The CDK app: all stacks of one stage."""

from collections.abc import Iterable
from pathlib import Path

from functions.all import FEATURES
from functions.manifest import Endpoint, Feature, JobStep, Step
from infra.constructs.asset_packages import AssetPackages
from infra.constructs.iam import SharedResources
from infra.constructs.manifest_validation import features_in_stage, manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopApp, ShopStack
from infra.stacks.api import ApiStack
from infra.stacks.api_stage import ApiStage
from infra.stacks.edge import CdnStack
from infra.stacks.feature import FeatureStack
from infra.stacks.foundation import FoundationStack
from infra.stacks.jobs import JobsStack
from infra.stacks.observability import ObservabilityStack
from infra.stacks.workflow import WorkflowStack
from infra.stages import Stage, selected_stage

CONTEXT = {
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}
"""The CDK's feature flags. They are here and not in cdk.json, so that tests synthesize the same
templates as the CLI. Stacks import only ids that live as long as the exporting stack, so an export
may protect them."""


def build(
    stage: Stage,
    *,
    features: Iterable[Feature] = FEATURES,
    packages: AssetPackages | None = None,
    outdir: Path | None = None,
) -> ShopApp:
    """Build every stack of one stage. Nothing is deployed, and hollow packages are not built."""
    app = ShopApp(context=CONTEXT, outdir=str(outdir) if outdir else None)
    names = ResourceNames(stage)
    packages = packages or AssetPackages()
    features = features_in_stage(features, stage)

    foundation = FoundationStack(app, names, features)
    api = ApiStack(app, names, foundation)
    edge = CdnStack(app, names, api, features) if stage.cdn else None
    shared = SharedResources(
        key_arn=foundation.key_arn,
        secret_arns=foundation.secret_arns,
        stream_arns=foundation.stream_arns,
        customers=foundation.customers,
        staff=foundation.staff,
        shop_url=edge.url if edge else stage.public_url or "",
        peaks={
            entry.module: entry.peak.requests * entry.peak.seconds
            for entry in manifest_entries(features)
            if isinstance(entry, Endpoint) and entry.peak
        },
    )
    stacks: list[ShopStack] = [FeatureStack(app, names, f, shared, api, packages) for f in features]
    if any(isinstance(entry, Step) for entry in manifest_entries(features)):
        stacks.append(WorkflowStack(app, names, features))
    if any(isinstance(entry, JobStep) for entry in manifest_entries(features)):
        stacks.append(JobsStack(app, names, features))
    api_stage = ApiStage(app, names, api, features)
    for stack in stacks:
        api_stage.add_stack_dependency(stack)
    ObservabilityStack(app, names, api, features)
    return app


if __name__ == "__main__":
    build(selected_stage()).synth()
