"""The result of a verification, as one line."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class VerificationReport:
    """Result of one run: ``figures`` are the counts in words, ``findings`` the first violations."""

    number: int | str
    claim: str
    passed: bool
    figures: str
    seed: int
    seconds: float
    findings: tuple[str, ...] = ()
    mutant: str | None = None
    """The deliberate bug of the shop under test, if there is one."""

    def line(self) -> str:
        """Return ``verification 3 PASS  crash-safe at every step: 1,200 points, … | seed 1``."""
        context = [
            f"seed {self.seed}",
            f"commit {commit()}",
            machine(),
            f"{self.seconds:.0f} s",
        ]
        claim = f"{self.claim}, broken on purpose ({self.mutant})" if self.mutant else self.claim
        result = "PASS" if self.passed else "FAIL"
        return (
            f"verification {self.number} {result}  {claim}: {self.figures} | {' | '.join(context)}"
        )


def commit() -> str:
    """Return the commit, with ``+`` if tracked files differ from it."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}{'+' if changed else ''}"


def machine() -> str:
    """Return cores, system, Python and emulator version."""
    return (
        f"{os.cpu_count()} cores {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, MiniStack {version('ministack')}"
    )


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
