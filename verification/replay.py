"""The replay: real invoices, bought as fast as they go.

Every invoice of a file becomes a checkout that is completed, paid and shipped: goods that stand on
several lines and orders of hundreds of articles included. Of one article in 250 there is but half
of what is asked for, and one buyer in twenty pays with a card that is declined first. Each invoice
is placed whole, or refused with all its short lines, and the journal adds up.
"""

from pathlib import Path

from verification.emulator import Emulator
from verification.options import Options
from verification.report import TestReport
from verification.worker_pool import at_work
from verification.worker_result import WorkerResult

NUMBER = "replay"
CLAIM = "real invoices, placed whole or refused with all their short lines"
INVOICES = 1_500
SECONDS = 420.0
THREADS = 2
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
NAME = "online-retail-2010-12_2011-06.csv.xz"
EXCERPT = Path(__file__).resolve().parents[1] / "tests" / "data" / "invoices.csv"
OFTEN = 3
"""One buyer in so many has a card declined in a careless shop."""
FLAWS = {
    "not added up": "several lines of one article are not added up",
    "first short line": "only the first short line is told",
    "given back twice": "what comes back is given back twice",
    "shipped unwritten": "what is shipped is not in the journal",
    "no way back": "a saga keeps the batches it took when it gives up",
    "in part": "a large order is placed with the batches it got",
}
"""The shops of verification/order_mutants.py, which is not to be loaded before there is an emulator."""


def prove(options: Options) -> list[TestReport]:
    """Replay the file, or the excerpt in each of the careless shops.

    Raises FileNotFoundError where there is no file.
    """
    if not options.broken:
        return [_replayed(options, Path(options.data or BESIDE / NAME))]
    return [
        _replayed(options, Path(options.data or EXCERPT), flaw=name, words=words)
        for name, words in FLAWS.items()
    ]


def _replayed(
    options: Options, path: Path, *, flaw: str | None = None, words: str | None = None
) -> TestReport:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no invoices; name a file of them with --data")
    most = options.invoices or INVOICES
    clock = options.clock()
    with Emulator() as emulator:
        shop, told = emulator.endpoint, {"path": str(path), "most": most}
        (opened,) = at_work(
            "verification.invoice_dataset:stock_up",
            [{**told, "meager": flaw is not None}],
            total=3_500,
            words="stock up",
            endpoint=shop,
        )
        shares = [
            {
                **told,
                "share": n,
                "shares": options.workers,
                "threads": THREADS,
                "seconds": options.seconds or SECONDS,
                **({"flaw": flaw, "declined": OFTEN} if flaw else {}),
            }
            for n in range(options.workers)
        ]
        began = clock()
        bought: list[WorkerResult] = at_work(
            "verification.invoice_dataset:buy", shares, total=most, words="replay", endpoint=shop
        )
        took = clock() - began
        (tally,) = at_work(
            "verification.invoice_dataset:judge",
            [{"opened": opened}],
            total=1,
            words="judge",
            endpoint=shop,
        )
    return _verdict(options, bought, tally, took, clock(), words)


def _verdict(
    options: Options,
    bought: list[WorkerResult],
    books: WorkerResult,
    took: float,
    seconds: float,
    broken: str | None,
) -> TestReport:
    counted = sum((each.counted for each in bought), start=type(books.counted)())
    ends = {
        end: (counted[end] + counted[f"{end} large"], counted[f"{end} large"])
        for end in ("placed", "refused", "not for sale")
    }
    placed, asked = ends["placed"][0], sum(number for number, _ in ends.values())
    large = sum(number for _, number in ends.values())
    possible = sum(each.possible for each in bought)
    wrong = tuple(finding for each in bought for finding in each.findings)
    units = counted["units"]
    figures = (
        f"{asked:,} of {possible:,} invoices, {counted['lines']:,} lines "
        f"({counted['repeated']:,} repeat an article): placed {placed:,} "
        f"({ends['placed'][1]} of more than 90 articles), refused "
        f"{ends['refused'][0]:,} ({ends['refused'][1]}), not sold in such numbers "
        f"{ends['not for sale'][0]}; {asked / took:.1f} a second with shipping, "
        f"{counted['calls'] / max(1, asked - large):.1f} DynamoDB calls an order, "
        f"{counted['calls large'] / max(1, large):.0f} of more than 90 articles; "
        f"{units:,} units sold, "
        f"{books.counted['shipped']:,} left by the journal, missing {books.counted['missing']}, "
        f"still reserved {books.counted['reserved']}, "
        f"not whole or not told {len(wrong)}, other violations {books.violations}"
    )
    exact = (
        units == books.counted["shipped"]
        and books.counted["missing"] == books.counted["reserved"] == 0
        and books.counted["orders"] == placed
    )
    return TestReport(
        NUMBER,
        CLAIM,
        passed=exact and placed > 0 and not wrong and books.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=(*wrong[:20], *books.findings),
        broken=broken,
    )
