"""Proof 2: no reservation leaks.

2,000 buyers reserve goods; three in ten leave it at that, handlers are killed in between; then the
clock stands past every deadline and two sweepers work at the same time, dying now and then. What is
reserved afterwards must be what living orders hold. The broken sweeper gives stock back in one call
and calls the order off in the next.
"""

from proofs.crew import at_work
from proofs.emulator import Emulator
from proofs.options import Options
from proofs.tally import Tally
from proofs.verdict import Verdict

NUMBER = 2
CLAIM = "no reservation leaks"
RESERVATIONS = 2_000
FEW = 300
"""On the broken shop, where fewer show it."""
CROWDS, THREADS, SWEEPERS = 2, 4, 2
BROKEN = "the sweeper gives stock back before it calls the order off"


def prove(options: Options) -> list[Verdict]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    number = options.points or (FEW if options.broken else RESERVATIONS)
    each = number // CROWDS
    number = each * CROWDS
    wanted = [("mug.1", 2), ("mug.2", 1)]
    with Emulator() as emulator:
        shop = emulator.endpoint
        at_work(
            "proofs.crowds:open_shop",
            [{"pieces": 3 * number}],
            total=1,
            words="open",
            endpoint=shop,
        )
        line = [{"first": c * each, "number": each, "wanted": wanted} for c in range(CROWDS)]
        at_work("proofs.crowds:line_up", line, total=number, words="line up", endpoint=shop)
        crowds = [
            {"first": c * each, "number": each, "threads": THREADS, "seed": options.seed}
            for c in range(CROWDS)
        ]
        left = at_work(
            "proofs.crowds:abandon", crowds, total=number, words=f"proof {NUMBER}", endpoint=shop
        )
        sweepers = [
            {"seed": options.seed, "number": s, "naive": options.broken} for s in range(SWEEPERS)
        ]
        swept = at_work("proofs.crowds:sweep", sweepers, total=number, words="sweep", endpoint=shop)
        (tally,) = at_work(
            "proofs.crowds:judge", [{"keys": number}], total=1, words="judge", endpoint=shop
        )
    return [_verdict(options, number, [*left, *swept], tally, clock())]


def _verdict(
    options: Options, number: int, told: list[dict[str, int]], tally: Tally, seconds: float
) -> Verdict:
    abandoned = sum(each.get("abandoned", 0) for each in told)
    killed = sum(each["killed"] for each in told)
    leaked = tally.counted["leaked"]
    figures = (
        f"{number:,} reservations, {abandoned} abandoned, {killed} handlers killed, "
        f"{SWEEPERS} sweepers: leaked {leaked}, other violations {tally.violations}"
    )
    return Verdict(
        NUMBER,
        CLAIM,
        passed=leaked == 0 and tally.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=tally.findings,
        broken=BROKEN if options.broken else None,
    )
