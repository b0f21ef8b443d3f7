"""Proof 4: two faults at once.

Two calls of one dealing go wrong, the second perhaps one that only the first made necessary; or
one goes wrong after somebody else acted while another stalled.
"""

from verification.fault_injection import CHECKOUT, FaultInjectionTest, judged
from verification.options import Options
from verification.report import TestReport

PROOF = FaultInjectionTest(4, "two faults at once", "pairs", usual=2_350, least=2_000)
DEALINGS = (
    *CHECKOUT,
    "left while pending",
    "left, then paid",
    "settled after the deadline",
    "told after the deadline",
    "called off by staff",
    "shipped in part",
    "lost on the way",
    "delivered and sent back",
    "bought for nothing, called off",
    "a kit delivered, one sent back",
    "a kit never paid",
    "ordered ahead, delivered",
    "ordered ahead, waited for again",
    "ordered ahead, called off before the goods came",
    "ordered ahead, called off after the goods came",
    "two locations, two parcels",
    "two locations, called off",
)
FEW = 60
"""Pairs on a broken shop, where fewer show it."""


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    if not options.broken:
        return [judged(PROOF, options, dealings=DEALINGS)]
    few = min(options.points or FEW, FEW)
    words = "stock and order are written in two calls"
    return [judged(PROOF, options, dealings=CHECKOUT, most=few, naive="two calls", broken=words)]
