"""Proof 1: never oversells.

10,000 buyers want a unit each of something of which there are 1,000. They complete their checkouts
at the same moment, from four processes with four threads each, through the shop's own door. The
broken shop looks whether enough is there before it takes it, as most shops do.
"""

from verification.emulator import Emulator
from verification.options import Options
from verification.report import TestReport
from verification.worker_pool import at_work
from verification.worker_result import WorkerResult

NUMBER = 1
CLAIM = "never oversells"
BUYERS, UNITS = 10_000, 1_000
FEW_BUYERS, FEW_UNITS = 2_000, 200
"""On the broken shop, where fewer show it."""
CROWDS, THREADS = 4, 4
BROKEN = "stock is read, then written without a condition"


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    buyers, units = (FEW_BUYERS, FEW_UNITS) if options.broken else (BUYERS, UNITS)
    if options.points:
        buyers, units = options.points, options.points // 10
    each = buyers // CROWDS
    buyers = each * CROWDS
    with Emulator() as emulator:
        shop = emulator.endpoint
        at_work(
            "verification.load_workers:open_shop",
            [{"pieces": units}],
            total=1,
            words="open",
            endpoint=shop,
        )
        line = [
            {"first": crowd * each, "number": each, "wanted": [("mug.1", 1)]}
            for crowd in range(CROWDS)
        ]
        at_work(
            "verification.load_workers:line_up", line, total=buyers, words="line up", endpoint=shop
        )
        naive = "read, then write" if options.broken else None
        crowds = [
            {"first": c * each, "number": each, "threads": THREADS, "heedless": naive}
            for c in range(CROWDS)
        ]
        told = at_work(
            "verification.load_workers:rush",
            crowds,
            total=buyers,
            words=f"proof {NUMBER}",
            endpoint=shop,
        )
        (tally,) = at_work(
            "verification.load_workers:judge",
            [{"keys": buyers}],
            total=1,
            words="judge",
            endpoint=shop,
        )
    return [_verdict(options, buyers, units, told, tally, clock())]


def _verdict(
    options: Options,
    buyers: int,
    units: int,
    told: list[dict[str, int]],
    tally: WorkerResult,
    seconds: float,
) -> TestReport:
    sold, without = tally.counted["sold"], tally.counted["orders without stock"]
    completed = sum(each.get("completed", 0) for each in told)
    heard = sum(sum(each.values()) for each in told)
    figures = (
        f"{buyers:,} buyers, {units:,} units: sold {sold:,}, told so {completed:,}, "
        f"orders without stock {without}, other violations {tally.violations}"
    )
    whole = sold == completed == units and heard == buyers
    return TestReport(
        NUMBER,
        CLAIM,
        passed=whole and without == 0 and tally.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=(*tally.findings, *(() if whole else (f"buyers were told {told}",))),
        broken=BROKEN if options.broken else None,
    )
