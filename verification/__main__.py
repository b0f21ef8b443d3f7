"""``python -m verification [numbers] [--broken] [--seed N] [--points N] [--workers N]``

``python -m verification replay [--data FILE] [--invoices N] [--seconds S]`` replays real invoices,
``python -m verification large`` deals in orders of 1,114 articles.
"""

import argparse
import importlib
import sys
import traceback

from verification.options import Options
from verification.report import TestReport

PROOFS = {
    1: "verification.never_oversells",
    2: "verification.no_reservation_leaks",
    3: "verification.crash_safe",
    4: "verification.two_faults",
    5: "verification.one_order_per_key",
    6: "verification.webhooks_any_order",
    9: "verification.order_life",
    13: "verification.limited_coupons",
}
"""The verification that exist, by their number in docs/verification.md."""
NAMED = {"replay": "verification.replay", "large": "verification.large"}
"""These take long, or need a file, so they run only when they are asked for."""
FELL_SHORT = 1
CUT_SHORT = 2
"""A proof fell over itself: nothing was shown, neither way."""
UNNOTICED = 3
"""A proof passed on a shop that was broken on purpose: the proof itself is broken."""


def _proof(name: str) -> int | str:
    return name if name in NAMED else int(name)


def main() -> int:
    """Run the verification asked for: 0 if all hold; with ``--broken`` 1 if all fail, as they must; 2 if
    one could not be run to its end."""
    parser = argparse.ArgumentParser(prog="python -m verification", description=__doc__)
    there = ", ".join(map(str, (*PROOFS, *NAMED)))
    parser.add_argument("numbers", nargs="*", type=_proof, help=f"of {there}")
    parser.add_argument("--broken", action="store_true", help="on a deliberately broken shop")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, help="how much is tried, where the proof can choose")
    parser.add_argument("--workers", type=int, default=2, help="processes of verification 3 and 4")
    parser.add_argument("--data", help="the replay's invoices, as CSV or CSV.xz")
    parser.add_argument("--invoices", type=int, help="how many of them, at most")
    parser.add_argument("--seconds", type=float, help="how long they are bought, at most")
    told = parser.parse_args()
    known: dict[int | str, str] = dict([*PROOFS.items(), *NAMED.items()])
    unknown = [number for number in told.numbers if number not in known]
    if unknown:
        parser.error(f"there is no proof {unknown[0]}; there are {there}")
    options = Options(
        told.seed,
        told.broken,
        told.points,
        told.workers,
        told.data,
        told.invoices,
        told.seconds,
    )
    verdicts: list[TestReport] = []
    for number in told.numbers or PROOFS:
        module = known[number]
        try:
            for verdict in importlib.import_module(module).prove(options):
                print(verdict.line(), flush=True)
                for finding in verdict.findings:
                    print(f"  {finding}", file=sys.stderr)
                verdicts.append(verdict)
        except Exception:  # noqa: BLE001  whatever it was, it is neither a pass nor a find
            traceback.print_exc()
            print(f"proof {number} was cut short: it shows nothing", file=sys.stderr)
            return CUT_SHORT
    if all(verdict.passed for verdict in verdicts):
        return UNNOTICED if told.broken else 0
    if told.broken and any(verdict.passed for verdict in verdicts):
        return UNNOTICED
    return FELL_SHORT


if __name__ == "__main__":
    sys.exit(main())
