"""Verification 14: a gift card pays exactly what it holds.

1,000 customers complete checkouts at the same moment, all with one gift card and with another
instrument for the rest. The card holds the total of 100 orders and a half. A customer who is
rejected, because another one used the card at that moment, looks at its balance and tries again.
The card pays 100 orders in full and half of one more, until its balance is 0; every other customer
is rejected and charged nothing. The mutant writes the card's entries without their condition.
"""

from verification.load_test import EMPTY_CARD_CODES, equal_shares, load_test
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 14
CLAIM = "a gift card pays exactly what it holds"
CUSTOMERS, ORDERS = 1_000, 100
MUTANT_CUSTOMERS, MUTANT_ORDERS = 200, 20
"""Size on the mutant, where fewer suffice."""
MUTANT = "a spend is written without a condition on the balance that was read"


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    customers, orders = (MUTANT_CUSTOMERS, MUTANT_ORDERS) if options.broken else (CUSTOMERS, ORDERS)
    if options.points:
        customers, orders = options.points, options.points // 10
    shares = equal_shares(customers)
    customers = sum(share["number"] for share in shares)
    mutant = "unconditional credits" if options.broken else None
    with load_test(f"verification {NUMBER}") as shop:
        shop.prepare(pieces=customers)
        issue_card = "verification.load_setup:issue_card"
        card = shop.call(issue_card, requested=[("mug.1", 1)], orders=orders + 0.5)
        shop.create_sessions(shares, requested=[("mug.1", 1)])
        outcomes = shop.complete_sessions(shares, mutant=mutant, gift_card=card["code"])
        result = shop.check(keys=customers)
    counts, held = result.counts, card["amount"]
    paid, balance = counts["paid by credits"], counts["credit balance"]
    completed = outcomes.get("completed", 0)
    rejected = sum(outcomes.get(code, 0) for code in EMPTY_CARD_CODES)
    exact = (
        paid == held
        and balance == 0
        and completed == counts["orders"] == orders + 1
        and completed + rejected == customers
        and counts["charges"] == 1
        and counts["charged"] == card["total"] * completed - held
    )
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            passed=exact and result.violations == 0,
            figures=(
                f"{customers:,} customers, card of {held:,}: paid {paid:,} on {completed} orders, "
                f"balance {balance}, charged otherwise {counts['charged']:,}, "
                f"rejected {rejected:,}, other violations {result.violations}"
            ),
            seed=options.seed,
            seconds=elapsed(),
            findings=(*result.findings, *(() if exact else (f"outcomes {outcomes}",))),
            mutant=MUTANT if options.broken else None,
        )
    ]
