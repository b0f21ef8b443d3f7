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
class CheckTool:
    """One program whose exit code is a verdict; ``needs`` is a module without which it is a no."""

    title: str
    command: tuple[str, ...]
    required_module: str | None = None
    shop_on_path: bool = True


CHECK_TOOLS = (
    # The longest first, so that two at a time end soonest.
    CheckTool(
        "templates of all stages: cfn-lint, cdk-nag",
        ("python", "-m", "infra.check"),
        required_module="infra.check",
        shop_on_path=False,
    ),
    CheckTool("types (mypy --strict)", ("mypy",)),
    CheckTool(
        "OpenAPI document is the generated one",
        ("python", "-m", "infra.openapi", "--check"),
        required_module="infra.openapi",
    ),
    CheckTool("import contracts (import-linter)", ("lint-imports",)),
    CheckTool("layout (ruff format)", ("ruff", "format", "--check", ".")),
    CheckTool("style (ruff)", ("ruff", "check", ".")),
    CheckTool("commit messages", ("python", "-m", "local.commits"), shop_on_path=False),
)


@dataclass(frozen=True)
class CheckResult:
    tool: CheckTool
    passed: bool
    output: str
    seconds: float


def main() -> None:
    progress = Progress()
    started = time.monotonic()
    results: list[CheckResult] = []
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(run_tool, CHECK_TOOLS):
            results.append(result)
            sign = "[green]✓[/green]" if result.passed else "[red]✗[/red]"
            progress.print(f"  {sign} {result.tool.title} [dim]{result.seconds:.1f} s[/dim]")
    failed = [result for result in results if not result.passed]
    for result in failed:
        command = " ".join(result.tool.command)
        print(f"\n──── {result.tool.title}: {command}\n{result.output.rstrip()}")
    seconds = time.monotonic() - started
    progress.print(
        f"\n  check: {len(results) - len(failed)} passed, {len(failed)} failed, {seconds:.0f} s"
    )
    raise SystemExit(bool(failed))


def run_tool(tool: CheckTool) -> CheckResult:
    started = time.monotonic()
    if tool.required_module and importlib.util.find_spec(tool.required_module) is None:
        return CheckResult(tool, False, f"there is no {tool.required_module}", 0)
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
