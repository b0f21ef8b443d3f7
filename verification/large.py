"""The large order: one of as many articles as the largest invoice known, from cart to doorstep.

It is begun, changed, bought, shipped and delivered; called off; declined; refused where much of it
is short; and whoever buys it dies at the transactions of its saga, and comes back, or does not.
What may be asked of one request (256 KiB, the time of a Lambda) is looked at on the way.
"""

from verification.options import Options
from verification.replay import FLAWS
from verification.report import TestReport
from verification.worker_pool import at_work
from verification.worker_result import WorkerResult

NUMBER = "large"
CLAIM = "an order of very many articles is whole, or nothing is left of it"
ARTICLES = 1_114
"""Lines of the largest invoice of the *Online Retail* data set, of October 2011."""
CRASHES = 10
FEWER, FEW = 200, 8
"""Articles and crashes in a careless shop, where fewer show it."""


def prove(options: Options) -> list[TestReport]:
    """Deal in large orders, in the shop as it is or in each of the careless ones."""
    crashes = options.points or CRASHES
    if not options.broken:
        return [_dealt(options, ARTICLES, crashes)]
    return [
        _dealt(options, FEWER, min(crashes, FEW), flaw=name, words=words)
        for name, words in FLAWS.items()
    ]


def _dealt(
    options: Options,
    articles: int,
    crashes: int,
    *,
    flaw: str | None = None,
    words: str | None = None,
) -> TestReport:
    clock = options.clock()
    told = {"articles": articles, "crashes": crashes, "flaw": flaw, "seed": options.seed}
    tally: WorkerResult
    (tally,) = at_work(
        "verification.large_order_scenarios:deal", [told], total=crashes + 4, words="large orders"
    )
    took = {name: tally.counted[f"ms {name}"] / 1000 for name in ("create", "put", "complete")}
    figures = (
        f"{articles:,} articles, {tally.counted['lines']:,} lines, body "
        f"{tally.counted['bytes'] / 1024:.0f} KiB (sent back with its ids "
        f"{tally.counted['bytes again'] / 1024:.0f}); created in {took['create']:.1f} s, changed "
        f"in {took['put']:.1f} s, bought in {took['complete']:.1f} s with {tally.counted['calls']} "
        f"DynamoDB calls; delivered, called off, declined and refused "
        f"{tally.counted['ended well']} of 4; cut off at {tally.points} of {tally.possible} places "
        f"of the saga, left behind {tally.corrupt}; violations {tally.violations}"
    )
    whole = tally.counted["ended well"] == 4 and tally.points == crashes
    return TestReport(
        NUMBER,
        CLAIM,
        passed=whole and tally.corrupt == tally.violations == 0,
        figures=figures,
        seed=options.seed,
        seconds=clock(),
        findings=tally.findings,
        broken=words,
    )
