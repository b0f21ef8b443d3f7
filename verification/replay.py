"""Replay: real invoices, bought as fast as possible.

Every invoice of a file becomes a checkout that is completed, paid and shipped. Some invoices repeat
an article on several lines, some have hundreds of articles. For one article in 250 the stock is
half of the demand, and one buyer in twenty first pays with a card that is declined. Each invoice is
placed in full, or rejected with all its short lines, and the journal adds up.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from verification.emulator import Emulator
from verification.options import Options
from verification.report import ROOT, VerificationReport
from verification.worker_pool import run_workers
from verification.worker_result import WorkerResult

NUMBER = "replay"
CLAIM = "real invoices, placed in full or rejected with all their short lines"
INVOICES = 1_500
SECONDS = 420.0
THREADS = 2
ARTICLES = 3_500
"""Articles of the whole file, roughly: for the progress only."""
EXCERPT = ROOT / "tests" / "data" / "invoices.csv"
"""Default file; ``--data`` names another."""
MAX_FINDINGS = 20
MUTANTS = {
    "last line only": "several lines of one article are not summed",
    "first short line only": "only the first short line is reported",
    "released twice": "a release is applied twice",
    "shipment without movement": "a shipment is missing from the journal",
    "batches not released": "an abandoned placement keeps its reserved batches",
    "placed in part": "a large order is placed with the batches reserved so far",
}
"""Mutants of verification/order_mutants.py, which imports the shop and so needs an emulator."""


def run(options: Options) -> list[VerificationReport]:
    """Replay the file, or the file on each of the mutants.

    Raises FileNotFoundError if there is no such file.
    """
    path = Path(options.data or EXCERPT)
    if not options.broken:
        return [_replay(options, path)]
    return [_replay(options, path, mutant=name, description=text) for name, text in MUTANTS.items()]


def _replay(
    options: Options, path: Path, *, mutant: str | None = None, description: str | None = None
) -> VerificationReport:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file of invoices; name one with --data")
    max_invoices = options.invoices or INVOICES
    elapsed = options.stopwatch()
    with Emulator() as emulator:
        endpoint, file = emulator.endpoint, {"path": str(path), "max_invoices": max_invoices}
        (opening_stock,) = run_workers(
            "verification.invoice_dataset:stock_articles",
            [{**file, "scarce": mutant is not None}],
            total=ARTICLES,
            title="stock",
            endpoint=endpoint,
        )
        shares = [
            {
                **file,
                "share": share,
                "shares": options.workers,
                "threads": THREADS,
                "seconds": options.seconds or SECONDS,
                "mutant": mutant,
            }
            for share in range(options.workers)
        ]
        started = elapsed()
        results: list[WorkerResult] = run_workers(
            "verification.invoice_dataset:buy_invoices",
            shares,
            total=max_invoices,
            title="replay",
            endpoint=endpoint,
        )
        duration = elapsed() - started
        (state,) = run_workers(
            "verification.invoice_dataset:check_state",
            [{"opening_stock": opening_stock}],
            total=1,
            title="check",
            endpoint=endpoint,
        )
    return _report(options, results, state, duration, elapsed(), description)


def _report(
    options: Options,
    results: Sequence[WorkerResult],
    state: WorkerResult,
    duration: float,
    seconds: float,
    description: str | None,
) -> VerificationReport:
    counts = sum((each.counts for each in results), start=Counter[str]())
    ends = {
        end: (counts[end] + counts[f"{end} large"], counts[f"{end} large"])
        for end in ("placed", "rejected", "not for sale")
    }
    placed, requested = ends["placed"][0], sum(number for number, _ in ends.values())
    large = sum(number for _, number in ends.values())
    possible = sum(each.possible for each in results)
    problems = tuple(finding for each in results for finding in each.findings)
    units = counts["units"]
    figures = (
        f"{requested:,} of {possible:,} invoices, {counts['lines']:,} lines "
        f"({counts['repeated']:,} repeat an article): placed {placed:,} "
        f"({ends['placed'][1]} of more than 90 articles), rejected {ends['rejected'][0]:,} "
        f"({ends['rejected'][1]}), not sold in such quantities {ends['not for sale'][0]}; "
        f"{requested / duration:.1f} a second with shipping, "
        f"{counts['calls'] / max(1, requested - large):.1f} DynamoDB calls an order, "
        f"{counts['calls large'] / max(1, large):.0f} of more than 90 articles; "
        f"{units:,} units sold, {state.counts['shipped']:,} shipped by the journal, missing "
        f"{state.counts['missing']}, still reserved {state.counts['reserved']}, incomplete or not "
        f"fully reported {len(problems)}, other violations {state.violations}"
    )
    exact = (
        units == state.counts["shipped"]
        and state.counts["missing"] == state.counts["reserved"] == 0
        and state.counts["orders"] == placed
    )
    return VerificationReport(
        NUMBER,
        CLAIM,
        passed=exact and placed > 0 and not problems and state.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=(*problems[:MAX_FINDINGS], *state.findings),
        mutant=description,
    )
