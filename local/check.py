"""Every judge of `make check`, two at a time, all of them even when one says no."""

import importlib.util
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local.processes import ROOT
from local.progress import Progress

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Judge:
    """One program whose exit code is a verdict; ``needs`` is a module without which it is a no."""

    what: str
    command: tuple[str, ...]
    needs: str | None = None
    shop_on_path: bool = True


JUDGES = (
    # The longest first, so that two at a time end soonest.
    Judge(
        "templates of all stages: cfn-lint, cdk-nag",
        ("python", "-m", "infra.check"),
        needs="infra.check",
        shop_on_path=False,
    ),
    Judge("types (mypy --strict)", ("mypy",)),
    Judge(
        "OpenAPI document is the generated one",
        ("python", "-m", "infra.openapi", "--check"),
        needs="infra.openapi",
    ),
    Judge("floors and never-arrows (import-linter)", ("lint-imports",)),
    Judge("layout (ruff format)", ("ruff", "format", "--check", ".")),
    Judge("style (ruff)", ("ruff", "check", ".")),
    Judge("commit messages", ("python", "-m", "local.commits"), shop_on_path=False),
)


@dataclass(frozen=True)
class Verdict:
    judge: Judge
    passed: bool
    said: str
    seconds: float


def main() -> None:
    show = Progress()
    started = time.monotonic()
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(2) as pool:
        for verdict in pool.map(hear, JUDGES):
            verdicts.append(verdict)
            sign = "[green]✓[/green]" if verdict.passed else "[red]✗[/red]"
            show.say(f"  {sign} {verdict.judge.what} [dim]{verdict.seconds:.1f} s[/dim]")
    failed = [verdict for verdict in verdicts if not verdict.passed]
    for verdict in failed:
        command = " ".join(verdict.judge.command)
        print(f"\n──── {verdict.judge.what}: {command}\n{verdict.said.rstrip()}")
    seconds = time.monotonic() - started
    show.say(
        f"\n  check: {len(verdicts) - len(failed)} passed, {len(failed)} failed, {seconds:.0f} s"
    )
    raise SystemExit(bool(failed))


def hear(judge: Judge) -> Verdict:
    started = time.monotonic()
    if judge.needs and importlib.util.find_spec(judge.needs) is None:
        return Verdict(judge, False, f"there is no {judge.needs}", 0)
    path = [str(ROOT)]
    if judge.shop_on_path:
        path.append(str(ROOT / "layers" / "shared" / "python"))
    done = subprocess.run(
        [str(BIN / judge.command[0]), *judge.command[1:]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Verdict(judge, done.returncode == 0, done.stdout, time.monotonic() - started)


if __name__ == "__main__":
    main()
