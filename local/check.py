"""`make check`: run all check tools, two at a time. A failure does not stop the others."""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from local.processes import ROOT
from local.progress import Progress

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class CheckTool:
    """One program whose exit code decides."""

    title: str
    command: tuple[str, ...]
    required_module: str | None = None
    """A module of the project; the check fails if it is missing."""
    shop_on_path: bool = True


CHECK_TOOLS = (
    # The longest first, so that the whole check ends soonest.
    CheckTool("types (mypy --strict)", ("mypy",)),
    CheckTool(
        "templates of all stages: cfn-lint, cdk-nag",
        ("python", "-m", "infra.check"),
        required_module="infra.check",
        shop_on_path=False,
    ),
    CheckTool(
        "docs/openapi.json and docs/errors.md match the source",
        ("python", "-m", "infra.openapi", "--check"),
        required_module="infra.openapi",
    ),
    CheckTool("import contracts (import-linter)", ("lint-imports",)),
    CheckTool("formatting (ruff format)", ("ruff", "format", "--check", ".")),
    CheckTool("style (ruff)", ("ruff", "check", ".")),
    CheckTool("commit messages", ("python", "-m", "local.commits"), shop_on_path=False),
)
PARALLEL = 2


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one tool."""

    tool: CheckTool
    passed: bool
    output: str
    seconds: float


def main() -> None:
    progress = Progress()
    started = time.monotonic()
    results = list(run_tools(CHECK_TOOLS, progress))
    failed = [result for result in results if not result.passed]
    seconds = time.monotonic() - started
    progress.print(
        f"\n  check: {len(results) - len(failed)} passed, {len(failed)} failed, {seconds:.0f} s"
    )
    raise SystemExit(bool(failed))


def run_tools(tools: Sequence[CheckTool], progress: Progress) -> Iterator[CheckResult]:
    """Run all tools and report each as soon as it ends, a failed one with its output."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        for done in as_completed([pool.submit(run_tool, tool) for tool in tools]):
            result = done.result()
            sign = "[green]✓[/green]" if result.passed else "[red]✗[/red]"
            progress.print(f"  {sign} {result.tool.title} [dim]{result.seconds:.1f} s[/dim]")
            if not result.passed:
                command = " ".join(result.tool.command)
                print(f"──── {command}\n{result.output.rstrip()}\n", flush=True)
            yield result


def run_tool(tool: CheckTool) -> CheckResult:
    started = time.monotonic()
    if tool.required_module and importlib.util.find_spec(tool.required_module) is None:
        return CheckResult(tool, False, f"the module {tool.required_module} is missing", 0)
    path = [str(ROOT)]
    if tool.shop_on_path:
        path.append(str(ROOT / "layers" / "shared" / "python"))
    done = subprocess.run(
        [str(BIN / tool.command[0]), *tool.command[1:]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return CheckResult(tool, done.returncode == 0, done.stdout, time.monotonic() - started)


if __name__ == "__main__":
    main()
