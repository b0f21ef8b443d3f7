"""Proof 5: one order per key.

50 clients send the same request under each of 200 keys at the same moment, some are killed half-way
and ask again. There is one order and one charge for each key, everybody reads the same answer, and
the key with another request is refused. The broken shop looks the key up first and stores it last.
"""

from verification.emulator import Emulator
from verification.options import Options
from verification.report import TestReport
from verification.worker_pool import at_work

NUMBER = 5
CLAIM = "one order per key"
KEYS, CLIENTS = 200, 50
FEW = 20
"""Keys on the broken shop, where fewer show it."""
CROWDS = 2
BROKEN = "the key is looked up first and kept last, order ids are random"


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    keys = options.points or (FEW if options.broken else KEYS)
    with Emulator() as emulator:
        shop = emulator.endpoint
        at_work(
            "verification.load_workers:open_shop",
            [{"pieces": 100 * keys}],
            total=1,
            words="open",
            endpoint=shop,
        )
        line = [{"first": 0, "number": keys, "wanted": [("mug.1", 1)]}]
        at_work(
            "verification.load_workers:line_up", line, total=keys, words="line up", endpoint=shop
        )
        clients = [
            {
                "clients": CLIENTS // CROWDS,
                "keys": keys,
                "seed": options.seed,
                "number": crowd,
                "naive": options.broken,
            }
            for crowd in range(CROWDS)
        ]
        told = at_work(
            "verification.load_workers:insist",
            clients,
            total=keys * CLIENTS,
            words=f"proof {NUMBER}",
            endpoint=shop,
        )
        (tally,) = at_work(
            "verification.load_workers:judge",
            [{"keys": keys}],
            total=1,
            words="judge",
            endpoint=shop,
        )
    counted = {
        name: sum(each["counted"].get(name, 0) for each in told)
        for name in ("completed", "killed", "mismatches", "refused")
    }
    different = sum(
        len({answer for each in told for answer in each["answers"][key]}) != 1
        for key in range(keys)
    )
    orders, charges = tally.counted["orders"], tally.counted["charges"]
    figures = (
        f"{CLIENTS} clients x {keys} keys, {counted['killed']} killed: orders {orders}, "
        f"charges {charges}, keys with different answers {different}, "
        f"mismatches refused {counted['refused']} of {counted['mismatches']}, "
        f"other violations {tally.violations}"
    )
    return [
        TestReport(
            NUMBER,
            CLAIM,
            passed=orders == charges == keys
            and counted["completed"] == keys * CLIENTS
            and different == 0
            and counted["refused"] == counted["mismatches"] > 0
            and tally.violations == 0,
            figures=figures,
            seed=options.seed,
            seconds=clock(),
            findings=tally.findings,
            broken=BROKEN if options.broken else None,
        )
    ]
