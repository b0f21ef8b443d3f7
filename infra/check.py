"""Check the templates of every stage: cdk-nag, cfn-lint, references, and the size of each stack.

    python -m infra.check             # every stage
    python -m infra.check prod        # one
    python -m infra.check --accepted  # also list the accepted findings with their reasons

A finding without a written reason fails the check. The reasons are written beside the resources
(``ShopStack.suppress``). Nothing is deployed and no package is built.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from functions.all import FEATURES
from infra.constructs.asset_packages import BUILD
from infra.constructs.manifest_validation import missing_references
from infra.lint import lint, missing_targets, templates_to_lint
from infra.nag import Finding, nag_findings
from infra.stages import STAGES, Stage
from infra.synthesis import Assembly, Template, assembly_of

MAX_RESOURCES = 400
"""Resources in one stack. CloudFormation accepts 500; the difference is a reserve."""


def template_findings(stage: Stage, assembly: Assembly) -> Iterator[Finding]:
    """Yield the stacks that are too large, and the references without a target."""
    for name, template in assembly.templates().items():
        count = resources(template)
        if count > MAX_RESOURCES:
            detail = f"{count} resources, {MAX_RESOURCES} at most"
            yield Finding(stage.name, "size", name, detail)
        for target in sorted(missing_targets(template)):
            yield Finding(stage.name, "reference", name, f"refers to {target}, which is missing")


def stage_findings(assemblies: Mapping[str, Assembly]) -> list[Finding]:
    """Return the findings of cdk-nag and of this module, of all stages together."""
    files = {
        file.name.removesuffix(".template.json"): file
        for assembly in assemblies.values()
        for file in sorted(assembly.folder.glob("*.template.json"))
    }
    accepted = [s for assembly in assemblies.values() for s in assembly.suppressions()]
    outdir = BUILD / "nag"
    shutil.rmtree(outdir, ignore_errors=True)
    findings = nag_findings(files, accepted, outdir)
    for name, assembly in assemblies.items():
        findings += template_findings(STAGES[name], assembly)
    return findings


def resources(template: Template) -> int:
    """Return the number of resources in a template."""
    return len(template["Resources"])


def summary(stage: Stage, assembly: Assembly) -> str:
    """Return the size of a stage's templates in one line."""
    counts = {name: resources(template) for name, template in assembly.templates().items()}
    largest = max(counts, key=lambda name: counts[name])
    return (
        f"{stage.name}: {len(counts)} stacks, {sum(counts.values())} resources, the most in "
        f"{largest} ({counts[largest]} of {MAX_RESOURCES}); "
        f"{len(assembly.suppressions())} findings accepted with a reason"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.check", description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", metavar="stage", help=", ".join(STAGES))
    parser.add_argument("--accepted", action="store_true", help="list the accepted findings")
    args = parser.parse_args(arguments)
    if unknown := set(args.stages) - set(STAGES):
        parser.error(f"{', '.join(sorted(unknown))}: the stages are {', '.join(STAGES)}")

    started = time.monotonic()
    problems = [*missing_references(FEATURES)]
    assemblies = {name: assembly_of(STAGES[name]) for name in args.stages or STAGES}
    for name, assembly in assemblies.items():
        print(summary(STAGES[name], assembly))
        for accepted in assembly.suppressions() if args.accepted else ():
            print(f"  {accepted.stack}/{accepted.resource}  {accepted.finding}")
            print(f"      {accepted.reason}")
    problems += map(str, stage_findings(assemblies))
    chosen = templates_to_lint(
        {
            name: {
                assembly.folder / f"{stack}.template.json": template
                for stack, template in assembly.templates().items()
            }
            for name, assembly in assemblies.items()
        }
    )
    problems += lint(chosen)
    for problem in problems:
        print(problem, file=sys.stderr)
    total = sum(len(assembly.templates()) for assembly in assemblies.values())
    print(
        f"manifests, cdk-nag (AwsSolutions, Serverless) and sizes of {total} templates, cfn-lint "
        f"of the {len(chosen)} that differ: {'failed' if problems else 'passed'}, "
        f"{time.monotonic() - started:.1f} s"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
