"""Deploy the shop's stacks to an emulated AWS with the CDK CLI, as to AWS itself."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local.processes import ROOT
from local.progress import Progress, StepStatus, run_logged

SOURCE_FOLDERS = ("infra", "functions", "layers")
SOURCE_FILES = ("cdk.json", "package-lock.json", "requirements/runtime.txt", "requirements/dev.txt")
QUIET_OPTIONS = ("--no-notices", "--no-version-reporting", "--ci")


def sources_fingerprint(facts: Mapping[str, str]) -> str:
    """Return a digest of all inputs of a deployment."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for file in _source_files():
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


def assembly_fingerprint(assembly: Path) -> str:
    """Return a digest of the templates and, by their hashes, the assets."""
    digest = hashlib.sha256()
    for file in sorted(assembly.rglob("*.json")):
        if file.name.endswith((".template.json", ".assets.json")) and "asset." not in str(file):
            digest.update(f"\0{file.relative_to(assembly)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


def bootstrap(*, env: Mapping[str, str], log: Path, progress: Progress) -> None:
    """Create the bucket and the roles that the CDK CLI needs."""
    with progress.step("prepare the emulated AWS for deployments (cdk bootstrap)"):
        account = f"aws://000000000000/{env['AWS_REGION']}"
        run_logged(
            ["cdk", "bootstrap", account, *QUIET_OPTIONS],
            env=env,
            log=log,
            cwd=log.parent,
            is_relevant=_is_relevant,
        )


def deploy(assembly: Path, *, env: Mapping[str, str], log: Path, progress: Progress) -> None:
    """Run `cdk deploy --all`; independent stacks are deployed in parallel."""
    total = len(stack_names(assembly))
    with progress.step(f"deploy the shop's {total} stacks (cdk deploy)", total) as at:
        run_logged(
            [
                "cdk",
                "deploy",
                "--all",
                "--app",
                str(assembly),
                "--require-approval=never",
                "--progress=events",
                "--concurrency=4",
                "--asset-parallelism=true",
                *QUIET_OPTIONS,
            ],
            env=env,
            log=log,
            line=_progress_reporter(at),
            is_relevant=_is_relevant,
        )


def stack_names(assembly: Path) -> list[str]:
    """Return the names of all stacks in an assembly, nested assemblies included."""
    names: list[str] = []
    for manifest in assembly.rglob("manifest.json"):
        if "asset." in str(manifest):
            continue
        artifacts: dict[str, dict[str, Any]] = json.loads(manifest.read_text())["artifacts"]
        names += [
            artifact.get("properties", {}).get("stackName", name)
            for name, artifact in artifacts.items()
            if artifact["type"] == "aws:cloudformation:stack"
        ]
    return sorted(names)


ROUTINE_LINES = (
    r": (start|success): |: creating CloudFormation|: deploying\.\.\.|^ ✅|^✨|^Stack ARN|^arn:"
    r"|^    at |^  (type|source|cause|deploymentErrorCode): |^Trusted acc|^Using default exec"
)
EVENT = re.compile(r"^(\S+) \| +(\d+)/(\d+) \|")


def _is_relevant(line: str) -> bool:
    """Exclude the hundreds of lines about success, and the CLI's own stack trace."""
    if EVENT.match(line):
        return "FAILED" in line
    return re.search(ROUTINE_LINES, line) is None


def _progress_reporter(at: StepStatus) -> Callable[[str], None]:
    done: set[str] = set()

    def line(text: str) -> None:
        if match := re.match(r"^ ✅ +(\S+)", text):
            done.add(match[1])
            at(match[1], len(done))
        elif match := EVENT.match(text):
            at(f"{match[1]}, {match[2]} of {match[3]} resources", len(done))

    return line


def _source_files() -> Iterator[Path]:
    for name in SOURCE_FILES:
        if (ROOT / name).exists():
            yield ROOT / name
    for folder in SOURCE_FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                yield file
