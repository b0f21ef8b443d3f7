"""The replay: real invoices, bought as fast as they go.

Every invoice of a file becomes a checkout that is completed, paid and shipped: goods that stand on
several lines and orders of hundreds of articles included. Of one article in 250 there is but half
of what is asked for. Each invoice is placed whole, or refused with all its short lines, and the
journal adds up.
"""

from pathlib import Path

from proofs.crew import at_work
from proofs.emulator import Emulator
from proofs.options import Options
from proofs.tally import Tally
from proofs.verdict import Verdict

NUMBER = "replay"
CLAIM = "real invoices, placed whole or refused with all their short lines"
INVOICES = 1_500
SECONDS = 420.0
THREADS = 2
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
NAME = "online-retail-2010-12_2011-06.csv.xz"


def prove(options: Options) -> list[Verdict]:
    """Replay the file. Raises FileNotFoundError where there is none."""
    path = Path(options.data or BESIDE / NAME)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no invoices; name a file of them with --data")
    most = options.invoices or INVOICES
    clock = options.clock()
    with Emulator() as emulator:
        shop, told = emulator.endpoint, {"path": str(path), "most": most}
        (opened,) = at_work(
            "proofs.invoices:stock_up", [told], total=3_500, words="stock up", endpoint=shop
        )
        shares = [
            {
                **told,
                "share": n,
                "shares": options.workers,
                "threads": THREADS,
                "seconds": options.seconds or SECONDS,
            }
            for n in range(options.workers)
        ]
        began = clock()
        bought: list[Tally] = at_work(
            "proofs.invoices:buy", shares, total=most, words="replay", endpoint=shop
        )
        took = clock() - began
        (tally,) = at_work(
            "proofs.invoices:judge", [{"opened": opened}], total=1, words="judge", endpoint=shop
        )
    return [_verdict(options, bought, tally, took, clock())]


def _verdict(
    options: Options, bought: list[Tally], books: Tally, took: float, seconds: float
) -> Verdict:
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
        f"not whole or not told {len(wrong)}, other violations {books.violations}"
    )
    exact = (
        units == books.counted["shipped"]
        and books.counted["missing"] == books.counted["reserved"] == 0
        and books.counted["orders"] == placed
    )
    return Verdict(
        NUMBER,
        CLAIM,
        passed=exact and placed > 0 and not wrong and books.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=(*wrong[:20], *books.findings),
    )
