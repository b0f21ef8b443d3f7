"""CPU time of cold starts: what a Lambda computes before its first request.

``python -m bench.cold_start`` imports each handler in new processes and prints its CPU time, as a
ratio to a bare Lambda (one PynamoDB row and its client), beside its budget. The ratio is
independent of the machine's speed. The least of several runs counts, because other work on the
machine can only add time. It exits with 1 if a handler is over its budget.

``--slow MS`` adds that much CPU time to each handler, which must be detected.

The number of modules that a handler loads is the same on every machine, so a test limits it:
``tests/unit/entrypoints/test_cold_start.py``.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.kit.shop import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5

BARE_LAMBDA = """
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model
class Row(Model):
    class Meta:
        table_name = "bare"
        region = "us-east-1"
    pk = UnicodeAttribute(hash_key=True)
Row._get_connection().connection.client
"""

BUDGETS = {
    "catalog.search_catalog": 1.65,
    "catalog.get_product": 1.65,
    "catalog.lookup_catalog": 1.65,
    "cart.create_cart": 1.75,
    "cart.update_cart": 1.75,
    "checkout.create_checkout": 1.8,
    "checkout.update_checkout": 1.8,
    "checkout.complete_checkout": 1.8,
    "orders.get_order": 1.1,
}
"""CPU time as a multiple of the bare Lambda's.

Measured on 22 November 2026: catalog 1.42, cart 1.5, checkout 1.55, order 0.9, plus one sixth for
a machine that is busy.
"""


def cpu_seconds(statement: str, slow: float = 0.0) -> float:
    """Return the CPU seconds of a statement in a new process, plus ``slow`` milliseconds."""
    program = f"""
import resource
usage = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before = usage()
{statement}
after = usage()
while usage() - after < {slow / 1000}: pass
print(usage() - before)
"""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "layers/shared/python")))
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**ENVIRONMENT, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)


def measure(slow: float = 0.0) -> dict[str, float]:
    """Return the least CPU seconds of the bare Lambda (``bare``) and of each handler."""
    least: dict[str, float] = {}
    # Round by round, so that a short disturbance cannot affect all runs of one handler.
    for _ in range(RUNS):
        seconds = {"bare": cpu_seconds(BARE_LAMBDA)}
        for name in BUDGETS:
            seconds[name] = cpu_seconds(f"import functions.{name}", slow)
        least = {name: min(value, least.get(name, value)) for name, value in seconds.items()}
    return least


def over_budget(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the ratios of the handlers that exceed their budget."""
    ratios = {name: seconds[name] / seconds["bare"] for name in BUDGETS}
    return {name: ratio for name, ratio in ratios.items() if ratio > BUDGETS[name]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slow", type=float, default=0.0, help="milliseconds added to a handler")
    options = parser.parse_args()
    seconds = measure(options.slow)
    over = over_budget(seconds)
    print(f"{'bare Lambda':28} {seconds['bare'] * 1000:6.0f} ms CPU")
    for name, budget in BUDGETS.items():
        ratio = seconds[name] / seconds["bare"]
        result = "OVER" if name in over else "ok"
        print(
            f"{name:28} {seconds[name] * 1000:6.0f} ms CPU, {ratio:.2f} of the bare Lambda,"
            f" budget {budget:g}: {result}"
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
