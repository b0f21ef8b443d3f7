"""Verification 4: two faults in one scenario.

Two calls of a scenario fail. The second may be a call that happens only because the first one
failed. Or one call fails after another actor acted while a call stalled.
"""

from verification.fault_injection import CHECKOUT, FaultInjectionPlan, inject
from verification.options import Options
from verification.report import VerificationReport

PLAN = FaultInjectionPlan(4, "two faults at once", "pairs", default=2_350, minimum=2_000)
SCENARIOS = (
    *CHECKOUT,
    "cancelled by the buyer while pending",
    "cancelled by the buyer, then paid",
    "settled after the deadline",
    "payment event after the deadline",
    "cancelled by staff",
    "shipped in part",
    "lost in transit",
    "delivered and returned",
    "total of zero, cancelled by staff",
    "kit delivered, one returned",
    "kit never paid",
    "back-order delivered",
    "back-order allocated again after a delay",
    "back-order cancelled before the stock arrives",
    "back-order cancelled after the stock arrived",
    "two locations, two shipments",
    "two locations, cancelled by staff",
)
MUTANT_PAIRS = 60
"""Pairs on a mutant, where fewer suffice."""


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    if not options.broken:
        return [inject(PLAN, options, scenarios=SCENARIOS)]
    points = min(options.points or MUTANT_PAIRS, MUTANT_PAIRS)
    text = "stock and order are written in two calls"
    return [
        inject(
            PLAN, options, scenarios=CHECKOUT, points=points, mutant="two calls", description=text
        )
    ]
