"""The large order: one of as many articles as the largest known invoice, from cart to delivery.

It is created, changed, bought, shipped and delivered; cancelled; declined; and rejected because
much of it is short. The process that places it is killed at its transactions, and the buyer
retries or does not. The size of the request (256 KiB at most) and its duration are reported.
"""

from verification.options import Options
from verification.replay import MUTANTS
from verification.report import VerificationReport
from verification.worker_pool import run_workers
from verification.worker_result import WorkerResult

NUMBER = "large"
CLAIM = "an order of very many articles is placed in full, or nothing of it remains"
ARTICLES = 1_114
"""Lines of the largest invoice of the *Online Retail* data set, of October 2011."""
CRASHES = 10
MUTANT_ARTICLES, MUTANT_CRASHES = 200, 8
"""Size on a mutant, where fewer suffice."""
COURSES = 4
"""Delivered, cancelled, declined and rejected."""


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or each of its mutants."""
    crashes = options.points or CRASHES
    if not options.broken:
        return [place_large_orders(options, ARTICLES, crashes)]
    return [
        place_large_orders(
            options, MUTANT_ARTICLES, min(crashes, MUTANT_CRASHES), mutant=name, description=text
        )
        for name, text in MUTANTS.items()
    ]


def place_large_orders(
    options: Options,
    articles: int,
    crashes: int,
    *,
    mutant: str | None = None,
    description: str | None = None,
) -> VerificationReport:
    """Place orders of so many articles, and kill the process of so many of them."""
    elapsed = options.stopwatch()
    share = {"articles": articles, "crashes": crashes, "mutant": mutant, "seed": options.seed}
    result: WorkerResult
    (result,) = run_workers(
        "verification.large_order_scenarios:place_orders",
        [share],
        total=crashes + COURSES,
        title="large orders",
    )
    counts = result.counts
    seconds = {name: counts[f"ms {name}"] / 1000 for name in ("create", "update", "complete")}
    figures = (
        f"{articles:,} articles, {counts['lines']:,} lines, body {counts['bytes'] / 1024:.0f} KiB "
        f"(sent back with its ids {counts['bytes with ids'] / 1024:.0f}); created in "
        f"{seconds['create']:.1f} s, changed in {seconds['update']:.1f} s, bought in "
        f"{seconds['complete']:.1f} s with {counts['calls']} DynamoDB calls; delivered, cancelled, "
        f"declined and rejected {counts['succeeded']} of {COURSES}; killed at {result.points} of "
        f"{result.possible} points of the placement, incomplete or not released "
        f"{result.violated_points}; violations {result.violations}"
    )
    complete = counts["succeeded"] == COURSES and result.points == crashes
    return VerificationReport(
        NUMBER,
        CLAIM,
        passed=complete and result.violated_points == result.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=elapsed(),
        findings=result.findings,
        mutant=description,
    )
