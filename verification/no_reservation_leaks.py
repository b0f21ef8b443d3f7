"""Verification 2: no reservation leaks.

2,000 buyers reserve stock, three in ten abandon their order, and handlers are killed. Then the
clock passes every deadline, and four sweepers run at the same time and are killed now and then.
Afterwards the reserved stock must equal the reservations of open orders. The mutant's sweeper
releases stock in one call and cancels the order in the next.
"""

from verification.load_test import THREADS, add_up, equal_shares, load_test
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 2
CLAIM = "no reservation leaks"
RESERVATIONS = 2_000
MUTANT_RESERVATIONS = 300
"""Size on the mutant, where fewer suffice."""
PROCESSES, SWEEPERS_PER_PROCESS = 2, 2
MUTANT = "the sweeper releases stock before it cancels the order"


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    wanted = options.points or (MUTANT_RESERVATIONS if options.broken else RESERVATIONS)
    shares = equal_shares(wanted, PROCESSES)
    number = sum(share["number"] for share in shares)
    with load_test(f"verification {NUMBER}") as shop:
        shop.prepare(pieces=3 * number)
        shop.create_sessions(shares, requested=[("mug.1", 2), ("mug.2", 1)])
        reserving = [{**share, "threads": THREADS, "seed": options.seed} for share in shares]
        reserved = shop.run("verification.load_buyers:abandon_sessions", reserving, total=number)
        sweepers = [
            {
                "seed": options.seed,
                "first": process * SWEEPERS_PER_PROCESS,
                "number": SWEEPERS_PER_PROCESS,
                "naive": options.broken,
            }
            for process in range(PROCESSES)
        ]
        swept = shop.run("verification.load_buyers:sweep", sweepers, total=number)
        result = shop.check(keys=number)
    outcomes = add_up([*reserved, *swept])
    sweeping = PROCESSES * SWEEPERS_PER_PROCESS
    leaked = result.counts["leaked"]
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            passed=leaked == 0 and result.violations == 0,
            figures=(
                f"{number:,} reservations, {outcomes['abandoned']} abandoned, "
                f"{outcomes['killed']} handlers killed, {sweeping} sweepers: leaked {leaked}, "
                f"other violations {result.violations}"
            ),
            seed=options.seed,
            seconds=elapsed(),
            findings=result.findings,
            mutant=MUTANT if options.broken else None,
        )
    ]
