"""`make check` reports each tool as soon as it ends, a failed one with its output."""

from pathlib import Path

import pytest

from local.check import CheckTool, run_tools
from local.progress import Progress

END_WHEN_EXISTS = """
import pathlib, time
for _ in range(12_000):
    if pathlib.Path({!r}).exists():
        break
    time.sleep(0.01)
"""


def python(title: str, code: str) -> CheckTool:
    return CheckTool(title, ("python", "-c", code))


def test_failure_is_reported_while_another_tool_still_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a tool that ends only after a result was reported, and one that fails at once
    reported = tmp_path / "reported"
    slow = python("slow", END_WHEN_EXISTS.format(str(reported)))
    fast = python("fast", "print('the reason'); raise SystemExit(3)")
    # When both run
    results = []
    for result in run_tools([slow, fast], Progress()):
        results.append((result.tool.title, result.passed))
        reported.touch()
    # Then the failure is reported first
    assert results == [("fast", False), ("slow", True)]
    printed = capsys.readouterr().out
    assert printed.index("✗ fast") < printed.index("the reason") < printed.index("✓ slow")


def test_check_whose_module_is_missing_fails() -> None:
    tool = CheckTool("missing", ("python", "-c", ""), required_module="infra.missing")
    (result,) = run_tools([tool], Progress(quiet=True))
    assert not result.passed
    assert "infra.missing" in result.output
