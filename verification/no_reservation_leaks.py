"""Proof 2: no reservation leaks.

2,000 buyers reserve goods; three in ten leave it at that, handlers are killed in between; then the
clock stands past every deadline and two sweepers work at the same time, dying now and then. What is
reserved afterwards must be what living orders hold. The broken sweeper gives stock back in one call
and calls the order off in the next.
"""

from verification.emulator import Emulator
from verification.options import Options
from verification.report import TestReport
from verification.worker_pool import at_work
from verification.worker_result import WorkerResult

NUMBER = 2
CLAIM = "no reservation leaks"
RESERVATIONS = 2_000
FEW = 300
"""On the broken shop, where fewer show it."""
CROWDS, THREADS, SWEEPERS = 2, 4, 2
BROKEN = "the sweeper gives stock back before it calls the order off"


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    number = options.points or (FEW if options.broken else RESERVATIONS)
    each = number // CROWDS
    number = each * CROWDS
    wanted = [("mug.1", 2), ("mug.2", 1)]
    with Emulator() as emulator:
        shop = emulator.endpoint
        at_work(
            "verification.load_workers:open_shop",
            [{"pieces": 3 * number}],
            total=1,
            words="open",
            endpoint=shop,
        )
        line = [{"first": c * each, "number": each, "wanted": wanted} for c in range(CROWDS)]
        at_work(
            "verification.load_workers:line_up", line, total=number, words="line up", endpoint=shop
        )
        crowds = [
            {"first": c * each, "number": each, "threads": THREADS, "seed": options.seed}
            for c in range(CROWDS)
        ]
        left = at_work(
            "verification.load_workers:abandon",
            crowds,
            total=number,
            words=f"proof {NUMBER}",
            endpoint=shop,
        )
        sweepers = [
            {"seed": options.seed, "number": s, "naive": options.broken} for s in range(SWEEPERS)
        ]
        swept = at_work(
            "verification.load_workers:sweep", sweepers, total=number, words="sweep", endpoint=shop
        )
        (tally,) = at_work(
            "verification.load_workers:judge",
            [{"keys": number}],
            total=1,
            words="judge",
            endpoint=shop,
        )
    return [_verdict(options, number, [*left, *swept], tally, clock())]


def _verdict(
    options: Options, number: int, told: list[dict[str, int]], tally: WorkerResult, seconds: float
) -> TestReport:
    abandoned = sum(each.get("abandoned", 0) for each in told)
    killed = sum(each["killed"] for each in told)
    leaked = tally.counted["leaked"]
    figures = (
        f"{number:,} reservations, {abandoned} abandoned, {killed} handlers killed, "
        f"{SWEEPERS} sweepers: leaked {leaked}, other violations {tally.violations}"
    )
    return TestReport(
        NUMBER,
        CLAIM,
        passed=leaked == 0 and tally.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=tally.findings,
        broken=BROKEN if options.broken else None,
    )
