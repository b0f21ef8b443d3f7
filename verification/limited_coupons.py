"""Proof 13: a coupon is used as often as was promised, and never once more.

5,000 clients, two to a mailbox, complete checkouts at the same moment with a coupon that has 100
uses, one for each customer. Whoever comes too late is told which code is used up and what it costs
now. The broken shop looks at what is left and then counts without a condition, as many shops do.
"""

from verification.emulator import Emulator
from verification.options import Options
from verification.report import TestReport
from verification.worker_pool import at_work

NUMBER = 13
CLAIM = "a coupon is used as often as was promised"
CLIENTS, USES = 5_000, 100
FEW_CLIENTS, FEW_USES = 800, 40
"""On the broken shop, where fewer show it."""
CROWDS, THREADS = 4, 4
BROKEN = "what is left is read, then counted without a condition"


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    clients, uses = (FEW_CLIENTS, FEW_USES) if options.broken else (CLIENTS, USES)
    if options.points:
        clients, uses = options.points, options.points // 20
    each = clients // CROWDS
    clients = each * CROWDS
    with Emulator() as emulator:
        shop = emulator.endpoint
        at_work(
            "verification.load_workers:open_shop",
            [{"pieces": clients, "uses": uses}],
            total=1,
            words="open",
            endpoint=shop,
        )
        line = [
            {"first": crowd * each, "number": each, "wanted": [("mug.1", 1)], "with_coupon": True}
            for crowd in range(CROWDS)
        ]
        at_work(
            "verification.load_workers:line_up", line, total=clients, words="line up", endpoint=shop
        )
        crowds = [
            {
                "first": crowd * each,
                "number": each,
                "threads": THREADS,
                "heedless": "read, then count" if options.broken else None,
            }
            for crowd in range(CROWDS)
        ]
        told = at_work(
            "verification.load_workers:rush",
            crowds,
            total=clients,
            words=f"proof {NUMBER}",
            endpoint=shop,
        )
        (tally,) = at_work(
            "verification.load_workers:judge",
            [{"keys": clients}],
            total=1,
            words="judge",
            endpoint=shop,
        )
    heard = {
        name: sum(each.get(name, 0) for each in told) for name in {n for each in told for n in each}
    }
    used, customers = tally.counted["coupon orders"], tally.counted["coupon customers"]
    late = sum(number for said, number in heard.items() if said not in ("completed", "503"))
    figures = (
        f"{clients:,} clients, a coupon for {uses}: used {used}, by {customers} customers, "
        f"counted {tally.counted['coupon uses']}, told that it is used up {late:,}, "
        f"negative {tally.counted['coupon below zero']}, other violations {tally.violations}"
    )
    exact = used == customers == tally.counted["coupon uses"] == heard.get("completed", 0) == uses
    return [
        TestReport(
            NUMBER,
            CLAIM,
            passed=exact
            and used + late == clients
            and tally.counted["coupon below zero"] == 0
            and tally.violations == 0,
            figures=figures,
            seed=options.seed,
            seconds=clock(),
            findings=(*tally.findings, *(() if exact else (f"clients were told {heard}",))),
            broken=BROKEN if options.broken else None,
        )
    ]
