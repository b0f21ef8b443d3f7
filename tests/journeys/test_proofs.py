"""The proofs in small: the commands of `make verify` on fewer points, each with its own cloud."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.journey, pytest.mark.slow]

BROKEN = """
from proofs.disturbed import judged
from proofs.crash_safe import PROOF
from proofs.options import Options
if __name__ == "__main__":
    verdict = judged(PROOF, Options(), dealings=("bought",), most=30, naive={naive!r}, broken="so")
    print(verdict.line())
    raise SystemExit(0 if verdict.passed else 1)
"""

LARGE = """
import sys
from proofs.large import _dealt
from proofs.options import Options
if __name__ == "__main__":
    flaw = sys.argv[1] or None
    verdict = _dealt(Options(), 120, 2, flaw=flaw, words=flaw)
    print(verdict.line(), verdict.findings)
    raise SystemExit(0 if verdict.passed else 1)
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "shared" / "python")])
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("proof", "points"), [(1, 200), (2, 80), (3, 80), (4, 40), (5, 6), (13, 200)]
)
def test_a_proof_holds_in_small(proof: int, points: int) -> None:
    done = run("-m", "proofs", str(proof), "--points", str(points))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"proof {proof} PASS" in done.stdout


def test_real_invoices_are_placed_whole_or_refused_with_all_their_short_lines() -> None:
    done = run("-m", "proofs", "replay", "--data", "tests/data/invoices.csv")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "proof replay PASS" in done.stdout


def test_a_shop_that_places_in_two_calls_is_found_out(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(BROKEN.format(naive="two calls"))
    done = run(str(script))
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "FAIL" in done.stdout


@pytest.mark.parametrize(("flaw", "code"), [("", 0), ("no way back", 1)])
def test_a_large_order_is_whole_or_gone_and_a_saga_without_a_way_back_is_found_out(
    tmp_path: Path, flaw: str, code: int
) -> None:
    script = tmp_path / "large.py"
    script.write_text(LARGE)
    done = run(str(script), flaw)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    assert "proof large" in done.stdout
