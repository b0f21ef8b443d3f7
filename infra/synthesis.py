"""Templates of a stage, synthesized once for the same inputs.

``make check``, the contract tests and the cloud on a laptop all need the templates of a stage.
The first one synthesizes them into ``.build/templates/<digest>/<stage>``; a lock lets the others
wait for it. The digest covers all inputs: ``infra/``, the manifests, cdk.json and the CDK.
Packages are placeholders and addresses the default ones, so that neither a change of code nor
another port needs a second synthesis (:mod:`local.assembly` fills them in).
"""

import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.constructs.asset_packages import BUILD, ROOT
from infra.constructs.nag_suppressions import Suppression
from infra.stages import ADDRESS_VARIABLES, STAGES, Stage

TEMPLATES = BUILD / "templates"
SUPPRESSIONS = "accepted-findings.json"
MAX_OLD_DIGESTS = 3
"""Older templates that stay, for a change back to an earlier branch."""

Template = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    """The synthesized templates of a stage."""

    folder: Path

    def templates(self) -> dict[str, Template]:
        """Return the templates by the name of their stack."""
        return {
            file.name.removesuffix(".template.json"): json.loads(file.read_text())
            for file in sorted(self.folder.glob("*.template.json"))
        }

    def suppressions(self) -> list[Suppression]:
        """Return the accepted findings with their reasons."""
        return [Suppression(**row) for row in json.loads((self.folder / SUPPRESSIONS).read_text())]


def assembly_of(stage: Stage) -> Assembly:
    """Return the stage's templates, synthesized now unless they exist."""
    home = TEMPLATES / inputs_digest()
    target = home / stage.name
    if not target.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with (home / f"{stage.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                draft = home / f"{stage.name}.{os.getpid()}"
                _synthesize_in_process(stage, draft)
                draft.rename(target)
        _prune(home)
    return Assembly(target)


def synthesize_stage(stage: Stage, outdir: Path) -> Assembly:
    """Synthesize into ``outdir``, with placeholders for the packages."""
    # Imported here: the CDK starts a Node process, and most callers find the templates cached.
    from infra.app import build
    from infra.constructs.asset_packages import AssetPackages

    shutil.rmtree(outdir, ignore_errors=True)
    app = build(stage, packages=AssetPackages(hollow=True), outdir=outdir)
    app.synth()
    rows = [dataclasses.asdict(suppression) for suppression in app.suppressions]
    (outdir / SUPPRESSIONS).write_text(json.dumps(rows))
    return Assembly(outdir)


def inputs_digest() -> str:
    """Return a digest of all inputs of the templates."""
    digest = hashlib.sha256(f"{version('aws-cdk-lib')} {sys.version_info[:2]}".encode())
    for source in sorted(_inputs()):
        digest.update(f"\0{source.relative_to(ROOT)}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _inputs() -> Iterator[Path]:
    yield ROOT / "cdk.json"
    yield from ROOT.glob("infra/**/*.py")
    yield from ROOT.glob("functions/*.py")
    yield from ROOT.glob("functions/*/manifest.py")


def _synthesize_in_process(stage: Stage, outdir: Path) -> None:
    """Synthesize in a new process, whose environment contains no address."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ADDRESS_VARIABLES
    }
    done = subprocess.run(
        [sys.executable, "-m", "infra.synthesis", stage.name, str(outdir)],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT), "PATH": _path()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"synthesis of stage {stage.name} failed:\n{done.stderr[-4000:]}")


def _path() -> str:
    """Return a PATH with the project's own Node first."""
    program_folder = str(Path(sys.executable).parent)
    return os.pathsep.join([program_folder, os.environ.get("PATH", os.defpath)])


def _prune(current: Path) -> None:
    others = [folder for folder in TEMPLATES.iterdir() if folder != current and folder.is_dir()]
    others.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for old in others[MAX_OLD_DIGESTS:]:
        if time.time() - old.stat().st_mtime > 3600:
            shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    synthesize_stage(STAGES[sys.argv[1]], Path(sys.argv[2]))
