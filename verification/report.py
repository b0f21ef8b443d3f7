"""What a proof found, as one line."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class TestReport:
    """``figures`` is what was counted, in words; ``findings`` the first things that were wrong."""

    number: int | str
    claim: str
    passed: bool
    figures: str
    seed: int
    seconds: float
    findings: tuple[str, ...] = ()
    broken: str | None = None
    """How the shop was broken on purpose, if it was."""

    def line(self) -> str:
        """``proof 3 PASS  crash-safe at every step: 1,200 points, violations 0 | seed 1 | …``"""
        where = [
            f"seed {self.seed}",
            f"commit {commit()}",
            machine(),
            f"{self.seconds:.0f} s",
        ]
        claim = f"{self.claim}, broken on purpose ({self.broken})" if self.broken else self.claim
        said = "PASS" if self.passed else "FAIL"
        return f"proof {self.number} {said}  {claim}: {self.figures} | " + " | ".join(where)


def commit() -> str:
    """The commit, ``+`` behind it where the code differs from it."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}{'+' if changed else ''}"


def machine() -> str:
    """What it ran on: cores, system, Python, emulator."""
    return (
        f"{os.cpu_count()} cores {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, MiniStack {version('ministack')}"
    )


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
