"""Scenarios with faults, run by several processes and summed up in one report.

Used by verifications 3 and 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from verification.options import Options
from verification.report import VerificationReport
from verification.worker_pool import run_workers
from verification.worker_result import WorkerResult

CHECKOUT = (
    "bought",
    "declined",
    "declined, then bought",
    "pending",
    "never paid",
    "challenged",
)
"""Scenarios that depend only on the checkout and its payment deadline."""


@dataclass(frozen=True)
class FaultInjectionPlan:
    """A verification by fault injection.

    ``default`` points are tried unless the command names another number. If at least ``minimum``
    were to be tried, a run passes only if the faults took full effect at that many points.
    """

    number: int
    claim: str
    unit: str
    """``points`` for one fault at a time, ``pairs`` for two."""
    default: int
    minimum: int


def inject(
    plan: FaultInjectionPlan,
    options: Options,
    *,
    scenarios: Sequence[str] | None = None,
    points: int | None = None,
    mutant: str | None = None,
    description: str | None = None,
) -> VerificationReport:
    """Run the scenarios with faults and check the invariants.

    Each process runs its share on an emulator of its own. ``mutant`` names the variant of the shop
    under test, and ``description`` is its text for the report.
    """
    elapsed = options.stopwatch()
    points = points or options.points or plan.default
    shares = [
        {
            "share": share,
            "shares": options.workers,
            "seed": options.seed,
            "max_points": points,
            "pairs": plan.unit == "pairs",
            "names": scenarios,
            "mutant": mutant,
        }
        for share in range(options.workers)
    ]
    results: list[WorkerResult] = run_workers(
        "verification.fault_injection_worker:inject_faults",
        shares,
        total=points,
        title=f"verification {plan.number}",
    )
    tried = sum(result.points for result in results)
    violations = sum(result.violations for result in results)
    fully_applied = sum(result.fully_applied for result in results)
    figures = (
        f"{tried:,} of {results[0].possible:,} {plan.unit}, faults fully applied at "
        f"{fully_applied:,}, violations {violations}"
    )
    if violations:
        figures += f" at {sum(result.violated_points for result in results)} of them"
    return VerificationReport(
        plan.number,
        plan.claim,
        passed=violations == 0 and (fully_applied >= plan.minimum or points < plan.minimum),
        figures=figures,
        seed=options.seed,
        seconds=elapsed(),
        findings=tuple(finding for result in results for finding in result.findings),
        mutant=description,
    )
