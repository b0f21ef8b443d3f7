"""Proof 3: crash-safe at every step.

Every AWS and provider call of every workflow, from completing a checkout to the last refund, goes
wrong in every way a call can go wrong; whoever has no answer asks again, or never does, or too
late; and everybody else who could act acts while the call stalls. Then the books must be in order.
"""

from verification.fault_injection import CHECKOUT, FaultInjectionTest, judged
from verification.options import Options
from verification.report import TestReport

PROOF = FaultInjectionTest(3, "crash-safe at every step", "points", usual=1_000, least=500)
BROKEN = {
    "two calls": "stock and order are written in two calls",
    "random ids": "order ids are random, the session is marked afterwards",
    "charge first": "the money is asked for before the order is placed",
}
IN_THE_STOCKROOM = {
    "move in two calls": (
        "an order's goods are moved to another location in two calls",
        "two locations, two parcels",
    ),
    "key afterwards": (
        "what came back is noted first, and the key of the request afterwards",
        "delivered and sent back",
    ),
}
"""Flaws that only these dealings show."""
FEW = 120
"""Points on a broken shop, where fewer show it."""


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or each of its broken variants."""
    if not options.broken:
        return [judged(PROOF, options)]
    few = min(options.points or FEW, FEW)
    found = [
        judged(PROOF, options, dealings=CHECKOUT, most=few, naive=name, broken=words)
        for name, words in BROKEN.items()
    ]
    return found + [
        judged(PROOF, options, dealings=(dealing,), most=few, naive=name, broken=words)
        for name, (words, dealing) in IN_THE_STOCKROOM.items()
    ]
