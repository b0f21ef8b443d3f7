"""Verification 3: crash-safe at every step.

Every AWS and provider call of every workflow, from completing a checkout to the last refund, fails
in every way that a call can fail. A buyer without a response retries, never retries, or retries too
late. While a call stalls, every other actor who could act does so. Afterwards all invariants hold.
"""

from verification.fault_injection import CHECKOUT, FaultInjectionPlan, inject
from verification.options import Options
from verification.report import VerificationReport

PLAN = FaultInjectionPlan(3, "crash-safe at every step", "points", default=1_000, minimum=500)
CHECKOUT_MUTANTS = {
    "two calls": "stock and order are written in two calls",
    "random ids": "order ids are random, the session is updated afterwards",
    "charge first": "the payment is requested before the order is placed",
}
SCENARIO_MUTANTS = {
    "move in two calls": (
        "an order's reservations move to another location in two calls",
        "two locations, two shipments",
    ),
    "key afterwards": (
        "a return is recorded first, and the request's idempotency key afterwards",
        "delivered and returned",
    ),
}
"""Mutants that only one scenario reveals: description and scenario by name."""
MUTANT_POINTS = 120
"""Points on a mutant, where fewer suffice."""


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or each of its mutants."""
    if not options.broken:
        return [inject(PLAN, options)]
    points = min(options.points or MUTANT_POINTS, MUTANT_POINTS)
    reports = [
        inject(PLAN, options, scenarios=CHECKOUT, points=points, mutant=name, description=text)
        for name, text in CHECKOUT_MUTANTS.items()
    ]
    return reports + [
        inject(PLAN, options, scenarios=(scenario,), points=points, mutant=name, description=text)
        for name, (text, scenario) in SCENARIO_MUTANTS.items()
    ]
