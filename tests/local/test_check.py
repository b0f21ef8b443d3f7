"""`make check` reports each tool as soon as it ends, a failed one with its output."""

import pytest

from local.check import CheckTool, run_tools
from local.progress import Progress


def python(title: str, code: str) -> CheckTool:
    return CheckTool(title, ("python", "-c", code))


def test_a_fast_failure_is_reported_before_a_slow_success(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = python("slow", "import time; time.sleep(1)")
    fast = python("fast", "print('the reason'); raise SystemExit(3)")
    results = list(run_tools([slow, fast], Progress()))
    assert [(r.tool.title, r.passed) for r in results] == [("fast", False), ("slow", True)]
    shown = capsys.readouterr().out
    assert shown.index("✗ fast") < shown.index("the reason") < shown.index("✓ slow")


def test_a_check_whose_module_is_missing_fails() -> None:
    tool = CheckTool("gone", ("python", "-c", ""), required_module="infra.gone")
    (result,) = run_tools([tool], Progress(quiet=True))
    assert not result.passed
    assert "infra.gone" in result.output
