"""Verification 1: never oversells.

10,000 buyers request one unit each of 1,000 units. They complete their checkouts at the same
moment, from four processes with four threads each, through the shop's own handler. The mutant
checks the stock before it writes it, as many shops do.
"""

from verification.load_test import equal_shares, load_test
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 1
CLAIM = "never oversells"
BUYERS, UNITS = 10_000, 1_000
MUTANT_BUYERS, MUTANT_UNITS = 2_000, 200
"""Size on the mutant, where fewer suffice."""
MUTANT = "stock is read, then written without a condition"


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    buyers, units = (MUTANT_BUYERS, MUTANT_UNITS) if options.broken else (BUYERS, UNITS)
    if options.points:
        buyers, units = options.points, options.points // 10
    if options.broken:
        # Four buyers check together, so an odd number of units must be oversold.
        units |= 1
    shares = equal_shares(buyers)
    buyers = sum(share["number"] for share in shares)
    mutant = "read, then write" if options.broken else None
    with load_test(f"verification {NUMBER}") as shop:
        shop.prepare(pieces=units)
        shop.create_sessions(shares, requested=[("mug.1", 1)])
        outcomes = shop.complete_sessions(shares, mutant=mutant)
        result = shop.check(keys=buyers)
    sold, without_stock = result.counts["sold"], result.counts["orders without stock"]
    completed, answered = outcomes.get("completed", 0), sum(outcomes.values())
    exact = sold == completed == units and answered == buyers
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            passed=exact and without_stock == 0 and result.violations == 0,
            figures=(
                f"{buyers:,} buyers, {units:,} units: sold {sold:,}, notified {completed:,}, "
                f"orders without stock {without_stock}, other violations {result.violations}"
            ),
            seed=options.seed,
            seconds=elapsed(),
            findings=(*result.findings, *(() if exact else (f"outcomes {outcomes}",))),
            mutant=MUTANT if options.broken else None,
        )
    ]
