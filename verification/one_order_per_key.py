"""Verification 5: one order per key.

50 clients send the same request under each of 200 idempotency keys at the same moment; some are
killed half-way and retry. Each key has one order and one charge, every client receives the same
response, and another request under the key is rejected. The mutant looks the key up first and
stores it last.
"""

from verification.load_test import load_test
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 5
CLAIM = "one order per key"
KEYS, CLIENTS = 200, 50
MUTANT_KEYS = 20
"""Keys on the mutant, where fewer suffice."""
PROCESSES = 2
MUTANT = "the key is looked up first and stored last, order ids are random"


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    keys = options.points or (MUTANT_KEYS if options.broken else KEYS)
    with load_test(f"verification {NUMBER}") as shop:
        shop.prepare(pieces=100 * keys)
        shop.create_sessions([{"first": 0, "number": keys}], requested=[("mug.1", 1)])
        clients = [
            {
                "clients": CLIENTS // PROCESSES,
                "keys": keys,
                "seed": options.seed,
                "number": process,
                "naive": options.broken,
            }
            for process in range(PROCESSES)
        ]
        answers = shop.run(
            "verification.load_buyers:repeat_requests", clients, total=keys * CLIENTS
        )
        result = shop.check(keys=keys)
    outcomes = {
        name: sum(each["outcomes"].get(name, 0) for each in answers)
        for name in ("completed", "killed", "mismatches", "rejected")
    }
    different = sum(
        len({answer for each in answers for answer in each["answers"][key]}) != 1
        for key in range(keys)
    )
    orders, charges = result.counts["orders"], result.counts["charges"]
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            passed=orders == charges == keys
            and outcomes["completed"] == keys * CLIENTS
            and different == 0
            and outcomes["rejected"] == outcomes["mismatches"] > 0
            and result.violations == 0,
            figures=(
                f"{CLIENTS} clients x {keys} keys, {outcomes['killed']} killed: orders {orders}, "
                f"charges {charges}, keys with different responses {different}, mismatches "
                f"rejected {outcomes['rejected']} of {outcomes['mismatches']}, "
                f"other violations {result.violations}"
            ),
            seed=options.seed,
            seconds=elapsed(),
            findings=result.findings,
            mutant=MUTANT if options.broken else None,
        )
    ]
