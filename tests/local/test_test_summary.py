"""`make test` ends with one summary line for all its runs, in pytest's format."""

from collections import Counter

from local.test import closing_line, parse_summary


def test_summary_adds_up_the_runs_of_pytest() -> None:
    first = parse_summary(
        "\x1b[32m===== \x1b[1m120 passed\x1b[0m, 2 skipped in 41.20s (0:00:41) =====\x1b[0m"
    )
    second = parse_summary("=== 1 failed, 30 passed, 1 error, 1 warning in 90.00s ===")
    line = closing_line(first + second, 131.2)
    assert line.strip("\n=") == " 1 failed, 150 passed, 2 skipped, 1 warnings, 1 errors in 131.20s "


def test_run_without_tests_is_reported() -> None:
    assert "no tests ran" in closing_line(Counter(), 0.1)
