"""Run cfn-lint on the templates of all stages, each fact once.

cfn-lint takes 18 ms a resource, and the stages' templates are nearly the same. A template is
linted if it has a property, a value or a set of sibling properties that no linted template has;
names of the stage count as equal. A template that was clean is not linted again (``.build/lint``).
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.constructs.asset_packages import BUILD
from infra.synthesis import Template

CLEAN = BUILD / "lint"
"""One empty file for each template without findings, named by a digest of the template."""

PROCESSES = 2

_VERSION = re.compile(r"Version[0-9a-f]{12}\w*")
"""The logical id of a Lambda version: a digest of the function's settings is in it."""

Fact = tuple[str, str, str]
"""A resource's type, the path of a property, and its value or the names beside it."""


def templates_to_lint(stages: Mapping[str, Mapping[Path, Template]]) -> list[Path]:
    """Return the templates that have a fact of their own, the largest stage first."""
    known: set[Fact] = set()
    chosen = []
    for stage, templates in sorted(stages.items(), key=_size, reverse=True):
        for file, template in templates.items():
            facts = set(facts_of(template, stage))
            if not facts <= known:
                chosen.append(file)
                known |= facts
    return chosen


def facts_of(template: Template, stage: str) -> Iterator[Fact]:
    """Yield the facts of a template that cfn-lint checks."""
    for part in sorted(set(template) - {"Resources", "Description"}):
        yield from _facts(part, "", template[part], stage)
    for resource in template["Resources"].values():
        yield from _facts(resource["Type"], "", resource, stage)


def _facts(kind: str, path: str, value: Any, stage: str) -> Iterator[Fact]:
    match value:
        case dict():
            # Environment variables are free names: each is a fact, not the set of them.
            free = path.endswith("/Environment/Variables")
            for names in sorted(value) if free else [" ".join(sorted(value))]:
                yield kind, path, names
            for name, inner in value.items():
                yield from _facts(kind, f"{path}/{name}", inner, stage)
        case list():
            for inner in value:
                yield from _facts(kind, f"{path}[]", inner, stage)
        case _:
            text = re.sub(rf"\b{stage}\b", "stage", json.dumps(value))
            yield kind, path, _VERSION.sub("Version", text)


def _size(item: tuple[str, Mapping[Path, Template]]) -> int:
    return sum(len(template["Resources"]) for template in item[1].values())


def lint(files: Sequence[Path]) -> list[str]:
    """Run cfn-lint on the files that were not clean before. Returns its reports."""
    CLEAN.mkdir(parents=True, exist_ok=True)
    marks = {file: CLEAN / _digest(file) for file in files}
    pending = [file for file, mark in marks.items() if not mark.exists()]
    shares = [pending[start::PROCESSES] for start in range(PROCESSES)]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--"]
    runs = [
        (share, subprocess.Popen([*command, *map(str, share)], stdout=subprocess.PIPE, text=True))
        for share in shares
        if share
    ]
    reports = []
    for share, run in runs:
        report = run.communicate()[0]
        if run.returncode != 0:
            reports.append(report)
        else:
            for file in share:
                marks[file].touch()
    return reports


def missing_targets(template: Template) -> set[str]:
    """Return the names that the template refers to and does not have."""
    present = {*template["Resources"], *template.get("Parameters", {})}
    return {name for name in _targets(template) if name not in present}


def _targets(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str() as name} if len(value) == 1:
            if not name.startswith("AWS::"):
                yield name
        case {"Fn::GetAtt": [str() as name, _]}:
            yield name
        case {"Fn::Sub": str() as pattern}:
            yield from _substituted(pattern, set())
        case {"Fn::Sub": [str() as pattern, dict() as values]}:
            yield from _substituted(pattern, set(values))
            yield from _targets(values)
        case dict():
            for inner in value.values():
                yield from _targets(inner)
        case list():
            for inner in value:
                yield from _targets(inner)


def _substituted(pattern: str, given: set[str]) -> Iterator[str]:
    for name in re.findall(r"\$\{([^!}][^}]*)\}", pattern):
        if not name.startswith("AWS::") and name not in given:
            yield name.partition(".")[0]


def _digest(file: Path) -> str:
    digest = hashlib.sha256(version("cfn-lint").encode() + file.read_bytes())
    return digest.hexdigest()
