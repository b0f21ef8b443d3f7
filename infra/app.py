"""The whole shop on AWS, as a table of contents."""

from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk

from functions.all import FEATURES
from functions.manifest import Endpoint, Feature, Step
from infra.parts.manifests import lines, present
from infra.parts.names import Names
from infra.parts.packages import Packages
from infra.parts.rights import Ground
from infra.stacks.api import Api
from infra.stacks.edge import Edge
from infra.stacks.entrance import Entrance
from infra.stacks.feature import FeatureStack
from infra.stacks.foundation import Foundation
from infra.stacks.observability import Observability
from infra.stacks.workflow import Workflow
from infra.stages import Stage, chosen

FLAGS = {
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,  # new layers make a new version, too
}
"""CDK's own switches, here and not in cdk.json, so that tests synthesize what the CLI deploys. What
stacks import of each other are ids that live as long as their stacks: an export may guard them."""


def build(
    stage: Stage,
    *,
    features: Iterable[Feature] = FEATURES,
    packages: Packages | None = None,
    outdir: Path | None = None,
) -> cdk.App:
    """Lay out every stack of one stage. Nothing is deployed; hollow packages are not even built."""
    app = cdk.App(analytics_reporting=False, context=FLAGS, outdir=str(outdir) if outdir else None)
    names = Names(stage)
    packages = packages or Packages()
    features = present(features, stage)

    foundation = Foundation(app, names, features)
    api = Api(app, names, foundation)
    edge = Edge(app, names, api, features) if stage.cdn else None
    ground = Ground(
        key_arn=foundation.key.key_arn,
        secret_arns=foundation.secrets,
        stream_arns={
            t: table.table_stream_arn
            for t, table in foundation.tables.items()
            if table.table_stream_arn
        },
        customers=foundation.customers,
        staff=foundation.staff,
        shop_url=edge.url if edge else stage.front_door or "",
        peaks={
            line.module: line.peak.requests * line.peak.seconds
            for line in lines(features)
            if isinstance(line, Endpoint) and line.peak
        },
        routes=tuple(line.route for line in lines(features) if isinstance(line, Endpoint)),
    )
    stacks: list[cdk.Stack] = [FeatureStack(app, names, f, ground, api, packages) for f in features]
    if any(isinstance(line, Step) for line in lines(features)):
        stacks.append(Workflow(app, names, features))
    entrance = Entrance(app, names, api, features)
    for stack in stacks:
        entrance.add_stack_dependency(stack)
    Observability(app, names, api, features)
    return app


if __name__ == "__main__":
    build(chosen()).synth()
