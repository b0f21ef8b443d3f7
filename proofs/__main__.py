"""``python -m proofs [numbers] [--broken] [--seed N] [--points N] [--workers N]``"""

import argparse
import importlib
import sys

from proofs.options import Options
from proofs.verdict import Verdict

PROOFS = {
    1: "proofs.never_oversells",
    2: "proofs.no_reservation_leaks",
    3: "proofs.crash_safe",
    4: "proofs.two_faults",
    5: "proofs.one_order_per_key",
    6: "proofs.webhooks_any_order",
    9: "proofs.order_life",
    13: "proofs.limited_coupons",
}
"""The proofs that exist, by their number in docs/proofs.md."""
FELL_SHORT = 1
UNNOTICED = 3
"""A proof passed on a shop that was broken on purpose: the proof itself is broken."""


def main() -> int:
    """Run the proofs asked for: 0 if all hold; with ``--broken`` 1 if all fail, as they must."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help=f"of {', '.join(map(str, PROOFS))}")
    parser.add_argument("--broken", action="store_true", help="on a deliberately broken shop")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, help="how much is tried, where the proof can choose")
    parser.add_argument("--workers", type=int, default=2, help="processes of proofs 3 and 4")
    told = parser.parse_args()
    unknown = sorted(set(told.numbers) - set(PROOFS))
    if unknown:
        parser.error(f"there is no proof {unknown[0]}; there are {', '.join(map(str, PROOFS))}")
    options = Options(told.seed, told.broken, told.points, told.workers)
    verdicts: list[Verdict] = []
    for number in told.numbers or PROOFS:
        for verdict in importlib.import_module(PROOFS[number]).prove(options):
            print(verdict.line(), flush=True)
            for finding in verdict.findings:
                print(f"  {finding}", file=sys.stderr)
            verdicts.append(verdict)
    if all(verdict.passed for verdict in verdicts):
        return UNNOTICED if told.broken else 0
    if told.broken and any(verdict.passed for verdict in verdicts):
        return UNNOTICED
    return FELL_SHORT


if __name__ == "__main__":
    sys.exit(main())
