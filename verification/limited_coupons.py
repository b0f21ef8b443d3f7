"""Verification 13: a coupon is used exactly as often as its limit allows.

5,000 clients, two per mailbox, complete checkouts at the same moment with a coupon for 100 uses,
one per customer. Every other client receives the code that is used up and the new total. The mutant
reads the remaining uses and then counts one without a condition, as many shops do.
"""

from verification.load_test import equal_shares, load_test
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 13
CLAIM = "a coupon is used exactly as often as its limit allows"
CLIENTS, USES = 5_000, 100
MUTANT_CLIENTS, MUTANT_USES = 800, 40
"""Size on the mutant, where fewer suffice."""
MUTANT = "the remaining uses are read, then one is counted without a condition"


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    clients, uses = (MUTANT_CLIENTS, MUTANT_USES) if options.broken else (CLIENTS, USES)
    if options.points:
        clients, uses = options.points, options.points // 20
    if options.broken:
        # Four clients check together, so an odd number of uses must be exceeded.
        uses |= 1
    shares = equal_shares(clients)
    clients = sum(share["number"] for share in shares)
    mutant = "read, then count" if options.broken else None
    with load_test(f"verification {NUMBER}") as shop:
        shop.prepare(pieces=clients, uses=uses)
        shop.create_sessions(shares, requested=[("mug.1", 1)], with_coupon=True)
        outcomes = shop.complete_sessions(shares, mutant=mutant)
        result = shop.check(keys=clients)
    counts = result.counts
    used, customers, counted = (
        counts["coupon orders"],
        counts["coupon customers"],
        counts["coupon uses"],
    )
    rejected = sum(n for outcome, n in outcomes.items() if outcome not in ("completed", "503"))
    exact = used == customers == counted == outcomes.get("completed", 0) == uses
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            passed=exact
            and used + rejected == clients
            and counts["negative usage"] == 0
            and result.violations == 0,
            figures=(
                f"{clients:,} clients, a coupon for {uses}: used {used}, by {customers} customers, "
                f"counted {counted}, received 'used up' {rejected:,}, negative "
                f"{counts['negative usage']}, other violations {result.violations}"
            ),
            seed=options.seed,
            seconds=elapsed(),
            findings=(*result.findings, *(() if exact else (f"outcomes {outcomes}",))),
            mutant=MUTANT if options.broken else None,
        )
    ]
