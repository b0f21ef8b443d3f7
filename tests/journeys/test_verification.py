"""The verifications in small: the commands of `make verify` with fewer cases."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 3_600
"""Ends a run that hangs; a busy machine needs several times as long as an idle one."""

pytestmark = [pytest.mark.journey, pytest.mark.slow]

ON_A_MUTANT = """
from verification.crash_safe import PLAN
from verification.fault_injection import inject
from verification.options import Options
if __name__ == "__main__":
    report = inject(
        PLAN, Options(), scenarios=("bought",), points=30, mutant="two calls", description="mutant"
    )
    print(report.line())
    raise SystemExit(0 if report.passed else 1)
"""

LARGE_ORDERS = """
import sys
from verification.large import place_large_orders
from verification.options import Options
if __name__ == "__main__":
    mutant = sys.argv[1] or None
    report = place_large_orders(Options(), 120, 2, mutant=mutant, description=mutant)
    print(report.line(), report.findings)
    raise SystemExit(0 if report.passed else 1)
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "shared" / "python")])
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("number", "points"),
    [(1, 400), (2, 80), (3, 120), (4, 40), (5, 6), (6, 60), (9, 20), (13, 200), (14, 200)],
)
def test_verification_passes_in_small(number: int, points: int) -> None:
    done = run("-m", "verification", str(number), "--points", str(points))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"verification {number} PASS" in done.stdout


def test_real_invoices_are_placed_in_full_or_rejected_with_all_short_lines() -> None:
    done = run("-m", "verification", "replay", "--data", "tests/data/invoices.csv")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "verification replay PASS" in done.stdout


def test_checkout_that_writes_in_two_calls_is_detected(tmp_path: Path) -> None:
    script = tmp_path / "mutant.py"
    script.write_text(ON_A_MUTANT)
    done = run(str(script))
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "FAIL" in done.stdout


def test_order_life_without_refunds_is_detected() -> None:
    done = run("-m", "verification", "9", "--broken", "--points", "50")
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "verification 9 FAIL" in done.stdout


def test_spend_without_a_condition_is_detected() -> None:
    done = run("-m", "verification", "14", "--broken", "--points", "100")
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "verification 14 FAIL" in done.stdout


@pytest.mark.parametrize(("mutant", "code"), [("", 0), ("batches not released", 1)])
def test_large_orders_pass_and_unreleased_batches_are_detected(
    tmp_path: Path, mutant: str, code: int
) -> None:
    script = tmp_path / "large.py"
    script.write_text(LARGE_ORDERS)
    done = run(str(script), mutant)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    assert "verification large" in done.stdout
