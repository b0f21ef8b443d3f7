"""``python -m verification [numbers] [--broken] [--seed N] [--points N] [--workers N]``

``python -m verification replay [--data FILE] [--invoices N] [--seconds S]`` replays real invoices.
``python -m verification large`` places orders of 1,114 articles.
"""

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence

from verification.options import Options
from verification.report import VerificationReport

VERIFICATIONS = {
    1: "verification.never_oversells",
    2: "verification.no_reservation_leaks",
    3: "verification.crash_safe",
    4: "verification.two_faults",
    5: "verification.one_order_per_key",
    6: "verification.webhooks_any_order",
    9: "verification.order_life",
    13: "verification.limited_coupons",
    14: "verification.shared_gift_card",
    16: "verification.api_fuzzing",
}
"""Module by number, as listed in docs/verification.md."""
NAMED = {"replay": "verification.replay", "large": "verification.large"}
"""Verifications that take long or need a file: they run only by name."""
MODULES: dict[int | str, str] = dict([*VERIFICATIONS.items(), *NAMED.items()])

PASSED = 0
FAILED = 1
"""A verification failed; with ``--broken``: every mutant was detected, as it must be."""
INCOMPLETE = 2
"""A run did not finish, so it shows nothing."""
UNDETECTED = 3
"""A verification passed on a mutant: the verification itself is broken."""


def main() -> int:
    """Run the chosen verifications and return the exit code."""
    arguments = _parse_arguments()
    options = Options(
        arguments.seed,
        arguments.broken,
        arguments.points,
        arguments.workers,
        arguments.data,
        arguments.invoices,
        arguments.seconds,
    )
    reports: list[VerificationReport] = []
    for number in arguments.numbers or VERIFICATIONS:
        try:
            # Imported here: a run of one verification does not load the modules of all.
            for report in importlib.import_module(MODULES[number]).run(options):
                print(report.line(), flush=True)
                for finding in report.findings:
                    print(f"  {finding}", file=sys.stderr)
                reports.append(report)
        except Exception:  # noqa: BLE001  an unfinished run is neither a pass nor a failure
            traceback.print_exc()
            print(f"verification {number} did not finish: it shows nothing", file=sys.stderr)
            return INCOMPLETE
    return _exit_code(reports, broken=options.broken)


def _exit_code(reports: Sequence[VerificationReport], *, broken: bool) -> int:
    if broken:
        detected = reports and not any(report.passed for report in reports)
        return FAILED if detected else UNDETECTED
    return PASSED if all(report.passed for report in reports) else FAILED


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m verification", description=__doc__)
    known = ", ".join(map(str, MODULES))
    parser.add_argument("numbers", nargs="*", type=_number_or_name, help=f"of {known}")
    parser.add_argument("--broken", action="store_true", help="on deliberately broken variants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, help="number of cases to try, if there is a choice")
    parser.add_argument("--workers", type=int, default=2, help="processes of verifications 3 and 4")
    parser.add_argument("--data", help="invoices of the replay, as CSV or CSV.xz")
    parser.add_argument("--invoices", type=int, help="maximum number of invoices")
    parser.add_argument("--seconds", type=float, help="maximum duration of the purchases")
    arguments = parser.parse_args()
    unknown = [number for number in arguments.numbers if number not in MODULES]
    if unknown:
        parser.error(f"there is no verification {unknown[0]}; choose from {known}")
    return arguments


def _number_or_name(text: str) -> int | str:
    return text if text in NAMED else int(text)


if __name__ == "__main__":
    sys.exit(main())
