"""Judge the templates of every stage: cdk-nag, cfn-lint, and room below CloudFormation's ceiling.

    python -m infra.check             # every stage
    python -m infra.check prod        # one
    python -m infra.check --accepted  # also list what is accepted, and why

Fails on any finding without a written reason; the reasons stand beside the resources
(``infra.constructs.nag_suppressions``). Nothing is deployed and no package is built.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import cdk_nag

from functions.all import FEATURES
from infra.app import build
from infra.constructs.asset_packages import BUILD, AssetPackages
from infra.constructs.manifest_validation import missing_references
from infra.stages import STAGES, Stage

MAX_RESOURCES = 400
"""Resources in one stack. CloudFormation takes 500; a stack close to that cannot grow in time."""

IGNORED_LINT_RULES = ("W3005",)
"""CDK writes DependsOn where a GetAtt implies it already: harmless, and not ours to change."""

STAGES_WITHOUT_LINT = ("test",)
"""Local's templates with shorter clocks; a contract test holds them to that."""


@dataclass(frozen=True)
class Finding:
    """Something a judge objects to."""

    stage: str
    rule: str
    where: str
    says: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.rule} at {self.where}: {self.says}"


def synthesize_stage(stage: Stage, outdir: Path, *, judged: bool = True) -> list[Finding]:
    """Write the stage's templates into ``outdir``; tell what cdk-nag and the ceiling object to."""
    shutil.rmtree(outdir, ignore_errors=True)
    app = build(stage, packages=AssetPackages(hollow=True), outdir=outdir)
    if judged:
        cdk.Validations.of(app).add_plugins(
            cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app)
        )
    return [*findings_of(app, stage, outdir), *_ceiling(stage, outdir)]


def findings_of(app: cdk.App, stage: Stage, outdir: Path) -> list[Finding]:
    """Synthesize, and tell what the validators that were added to the app object to."""
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    return list(_nagged(stage, outdir))


def accepted_findings(outdir: Path) -> Iterator[tuple[str, str, str]]:
    """What was accepted: the construct's path, the rule, the reason."""
    for file in sorted(outdir.glob("*.metadata.json")):
        for path, entries in json.loads(file.read_text()).items():
            for entry in entries:
                if entry["type"] == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY:
                    for rule, reason in entry["data"].items():
                        yield path, rule, reason


def templates(outdir: Path) -> dict[str, dict[str, object]]:
    """Stack name → template."""
    return {
        file.name.removesuffix(".template.json"): json.loads(file.read_text())
        for file in sorted(outdir.glob("*.template.json"))
    }


def _nagged(stage: Stage, outdir: Path) -> Iterator[Finding]:
    report = outdir / "validation-report.json"
    if not report.is_file():
        return
    for plugin in json.loads(report.read_text())["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                yield Finding(
                    stage.name,
                    violation["ruleName"],
                    construct["constructPath"],
                    violation["description"],
                )


def _ceiling(stage: Stage, outdir: Path) -> Iterator[Finding]:
    for name, template in templates(outdir).items():
        count = resources(template)
        if count > MAX_RESOURCES:
            yield Finding(
                stage.name, "ceiling", name, f"{count} resources, {MAX_RESOURCES} at most"
            )


def resources(template: dict[str, object]) -> int:
    found = template.get("Resources")
    return len(found) if isinstance(found, dict) else 0


def _lint(outdirs: Sequence[Path]) -> list[str]:
    """Run cfn-lint on every template, one process a stage; what it says of those that fail."""
    runs = []
    for outdir in outdirs:
        files = [str(f) for f in sorted(outdir.glob("*.template.json"))]
        command = ["cfn-lint", "--ignore-checks", *IGNORED_LINT_RULES, "--", *files]
        runs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    said = [(run.communicate()[0], run.returncode) for run in runs]
    return [text for text, status in said if status != 0]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.check", description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", metavar="stage", help=", ".join(STAGES))
    parser.add_argument("--accepted", action="store_true", help="list what is accepted, and why")
    selected_stage = parser.parse_args(arguments)
    if unknown := set(selected_stage.stages) - set(STAGES):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(STAGES)}")
    stages = [STAGES[name] for name in selected_stage.stages or STAGES]

    for fault in (faults := list(missing_references(FEATURES))):
        print(fault, file=sys.stderr)
    findings: list[Finding] = []
    outdirs = []
    for stage in stages:
        began = time.monotonic()
        outdir = BUILD / "check" / stage.name
        findings += synthesize_stage(stage, outdir)
        outdirs.append(outdir)
        counts = {name: resources(template) for name, template in templates(outdir).items()}
        largest = max(counts, key=lambda name: counts[name])
        acceptances = list(accepted_findings(outdir))
        print(
            f"{stage.name}: {len(counts)} stacks, {sum(counts.values())} resources, the most in "
            f"{largest} ({counts[largest]} of {MAX_RESOURCES}); "
            f"{len(acceptances)} findings accepted "
            f"with a reason; {time.monotonic() - began:.1f} s"
        )
        if selected_stage.accepted_findings:
            for path, rule, reason in acceptances:
                print(f"  {path}  {rule}\n      {reason}")
    for finding in findings:
        print(finding, file=sys.stderr)
    complaints = _lint([outdir for outdir in outdirs if outdir.name not in STAGES_WITHOUT_LINT])
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    verdict = "refused" if faults or findings or complaints else "accepted"
    print(f"manifests, cdk-nag (AwsSolutions, Serverless), cfn-lint and the ceiling: {verdict}")
    return 1 if faults or findings or complaints else 0


if __name__ == "__main__":
    sys.exit(main())
