"""Dealings disturbed by several processes, and what they found as one verdict (verification 3 and 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from verification.options import Options
from verification.report import TestReport
from verification.worker_pool import at_work
from verification.worker_result import WorkerResult

CHECKOUT = ("bought", "declined", "declined, then bought", "pending", "never paid", "challenged")
"""The dealings that only the checkout and its deadline decide."""


@dataclass(frozen=True)
class FaultInjectionTest:
    """A proof by faults: ``usual`` many are tried unless somebody asks for another number; where
    nobody asked for fewer than ``least``, fewer prove nothing."""

    number: int
    claim: str
    what: str
    usual: int
    least: int


def judged(
    proof: FaultInjectionTest,
    options: Options,
    *,
    dealings: Sequence[str] | None = None,
    most: int | None = None,
    naive: str | None = None,
    broken: str | None = None,
) -> TestReport:
    """Disturb the dealings, each process its share with a shop of its own, and judge."""
    clock = options.clock()
    most = most or options.points or proof.usual
    shares = [
        {
            "share": share,
            "shares": options.workers,
            "seed": options.seed,
            "most": most,
            "pairs": proof.what == "pairs",
            "names": dealings,
            "naive": naive,
        }
        for share in range(options.workers)
    ]
    words = f"proof {proof.number}"
    tallies: list[WorkerResult] = at_work(
        "verification.fault_injection_worker:work", shares, total=most, words=words
    )
    tried = sum(tally.points for tally in tallies)
    violations = sum(tally.violations for tally in tallies)
    whole = sum(tally.whole for tally in tallies)
    figures = (
        f"{tried:,} of {tallies[0].possible:,} {proof.what}, all of it came to pass at {whole:,}, "
        f"violations {violations}"
    )
    if violations:
        figures += f" at {sum(tally.corrupt for tally in tallies)} of them"
    return TestReport(
        proof.number,
        proof.claim,
        passed=violations == 0 and (whole >= proof.least or most < proof.least),
        figures=figures,
        seed=options.seed,
        seconds=clock(),
        findings=tuple(finding for tally in tallies for finding in tally.findings),
        broken=broken,
    )
