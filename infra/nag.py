"""Run cdk-nag on synthesized templates.

cdk-nag recognizes resources by their typed CDK classes. The app adds plain resources, so the
templates are read back with CfnInclude, which makes the typed ones. The accepted findings are
acknowledged on the resources that they name.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
from aws_cdk import cloudformation_include

from infra.constructs.nag_suppressions import Suppression

REPORT = "validation-report.json"

CDK_PROVIDER = "CustomResourceProvider"
"""In the logical ids of the Lambdas and roles that the CDK adds itself, for values from another
region. The CDK defines them, and cdk-nag ignores them in an ordinary app too."""


@dataclass(frozen=True)
class Finding:
    """One finding of a check, with its place."""

    stage: str
    rule: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.rule} at {self.where}: {self.detail}"


def nag_findings(
    templates: Mapping[str, Path], suppressions: Iterable[Suppression], outdir: Path
) -> list[Finding]:
    """Return the findings that no suppression accepts. ``templates`` maps a stack to its file."""
    app = cdk.App(
        analytics_reporting=False,
        outdir=str(outdir),
        builtin_cloud_formation_validation=False,
        tree_metadata=False,
    )
    included = {}
    for name, file in templates.items():
        # The bootstrap version's rule is in the template already.
        synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        stack = cdk.Stack(app, name, synthesizer=synthesizer)
        included[name] = cloudformation_include.CfnInclude(
            stack, "Template", template_file=str(file)
        )
    for accepted in suppressions:
        if accepted.stack in included:
            resource = included[accepted.stack].get_resource(accepted.resource)
            pack = accepted.finding.partition("-")[0]
            cdk.Validations.of(resource).acknowledge(
                cdk.Acknowledgment(id=f"{pack}::{accepted.finding}", reason=accepted.reason)
            )
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app)
    )
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    return list(_reported(outdir))


def _reported(outdir: Path) -> Iterator[Finding]:
    report = outdir / REPORT
    if not report.is_file():
        return
    for plugin in json.loads(report.read_text())["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                path = construct["constructPath"]
                stack, _, resource = path.partition("/Template/")
                if CDK_PROVIDER in resource:
                    continue
                stage = stack.split("-")[1] if stack.startswith("doorbuster-") else stack
                yield Finding(
                    stage, violation["ruleName"], f"{stack}/{resource}", violation["description"]
                )
