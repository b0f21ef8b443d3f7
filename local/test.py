"""`make test`: first the tests without a cloud, on all cores; then the journeys, alone.

There are two runs of pytest, because the journeys share one emulated AWS that uses all cores. The
last line adds up both runs, in pytest's format. A selection is one run with pytest's last line.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

from local.processes import ROOT

JOURNEYS = "tests/journeys"
NO_TESTS = 5
"""pytest's exit code when a selection holds no test; https://docs.pytest.org/en/stable/reference/exit-codes.html"""


def main() -> None:
    arguments = sys.argv[1:]
    started = time.monotonic()
    if arguments:
        runs: Sequence[Sequence[str]] = [arguments]
    else:
        runs = [["--everything", "-n", "auto", f"--ignore={JOURNEYS}", "tests"], [JOURNEYS]]
    counts: Counter[str] = Counter()
    codes = []
    for run in runs:
        code, summary = pytest(run)
        codes.append(0 if code == NO_TESTS and not arguments else code)
        counts.update(parse_summary(summary))
    if counts["deselected"]:
        print('\nDeselected tests are slow. ARGS="--everything …" runs them, as `make test` does.')
    if len(runs) > 1:
        print(closing_line(counts, time.monotonic() - started), flush=True)
    raise SystemExit(max(codes) or (0 if counts["passed"] else NO_TESTS))


def pytest(arguments: Sequence[str]) -> tuple[int, str]:
    """Run pytest and show its output as it comes. Returns its exit code and its last line."""
    print(f"\n$ pytest {' '.join(arguments)}", flush=True)
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *colour, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for above
    last = ""
    while chunk := os.read(process.stdout.fileno(), 65536).decode(errors="replace"):
        sys.stdout.write(chunk)
        sys.stdout.flush()
        last = (last + chunk)[-4000:]
    code = process.wait()
    lines = [line for line in last.splitlines() if line.strip()]
    return code, lines[-1] if lines else ""


def parse_summary(line: str) -> Counter[str]:
    """Return the numbers in pytest's summary line: ``3 failed, 120 passed, 2 skipped in 4.21s``.

    >>> parse_summary("==== 3 failed, 120 passed, 1 error in 4.21s ====") == {
    ...     "failed": 3, "passed": 120, "errors": 1}
    True
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    kinds = r"(\d+) (failed|passed|skipped|deselected|xfailed|xpassed|warnings?|errors?)\b"
    counts: Counter[str] = Counter()
    for number, kind in re.findall(kinds, plain):
        counts[{"error": "errors", "warning": "warnings"}.get(kind, kind)] += int(number)
    return counts


def closing_line(counts: Counter[str], seconds: float) -> str:
    order = (
        "failed",
        "passed",
        "skipped",
        "deselected",
        "xfailed",
        "xpassed",
        "warnings",
        "errors",
    )
    parts = [f"{counts[kind]} {kind}" for kind in order if counts[kind]]
    words = f" {', '.join(parts) or 'no tests ran'} in {seconds:.2f}s "
    return f"\n{words:=^80}"


if __name__ == "__main__":
    main()
