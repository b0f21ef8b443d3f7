"""A flash sale on this machine: ``python -m verification.flashsale --buyers 2000 --units 300``.

Buyers complete their checkouts at the same moment, from four processes with four threads each,
through the shop's own handler, on an emulated AWS of its own. Stock and sale quota are equal, and
both are split into shards, as before a traffic peak. At the end, a chart shows sales over time,
waiting times and outcomes, and the invariants are checked.

The exit code is 1 unless exactly all units are sold (or as many as were requested) and every
invariant of docs/verification.md holds. ``--broken`` sells through a mutant and must fail.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verification.emulator import Emulator
from verification.load_test import PROCESSES, THREADS, LoadTest
from verification.report import ROOT, machine
from verification.worker_pool import ProgressReporter, run_workers
from verification.worker_result import WorkerResult

MAX_BUYERS = 20_000
MAX_UNITS = 1_000_000
MAX_SECONDS = 600
"""Duration after which no further buyer starts, so that every run ends."""
CHART = ROOT / ".local" / "flashsale.svg"
WIDTH = 60
BARS = " ▁▂▃▄▅▆▇█"
SOLD, NOT_SERVED = "completed", "not served"
PASSED, FAILED, UNDETECTED = 0, 1, 3
MAX_FINDINGS = 10


@dataclass(frozen=True)
class Response:
    """A buyer's outcome: when (seconds from the start) and after how many milliseconds."""

    at: float
    milliseconds: float
    outcome: str


def buy(
    progress: ProgressReporter,
    *,
    first: int,
    number: int,
    start: float,
    mutant: str | None = None,
) -> list[tuple[float, float, str]]:
    """Buy for one process's share of the buyers; return the fields of every response."""
    from functions.checkout import complete_checkout
    from verification.load_buyers import complete, outcome_of, retry_while_busy
    from verification.sales_mutants import CHECKOUT_MUTANTS

    handler = CHECKOUT_MUTANTS[mutant] if mutant else complete_checkout.handler

    def buy_one(buyer: int) -> tuple[float, float, str]:
        began = time.time()
        if began - start > MAX_SECONDS:
            return began - start, 0.0, NOT_SERVED
        answer = retry_while_busy(lambda: complete(handler, buyer, "tok_success", f"flash-{buyer}"))
        ended = time.time()
        progress(1)
        outcome = outcome_of(answer)
        if outcome == "incomplete":
            outcome = next((m["code"] for m in answer.json.get("messages", ())), outcome)
        return ended - start, (ended - began) * 1000, outcome

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(buy_one, range(first, first + number)))


@dataclass(frozen=True)
class SaleResult:
    """Responses of a sale, and the counts of the stored state."""

    buyers: int
    units: int
    responses: Sequence[Response]
    state: WorkerResult

    @property
    def expected(self) -> int:
        """Units that must be sold: all of them, or all that are requested."""
        return min(self.units, self.buyers)

    def problems(self) -> list[str]:
        """Return everything that is wrong with the sale."""
        counts, problems = self.state.counts, []
        notified = sum(response.outcome == SOLD for response in self.responses)
        if counts["sold"] != self.expected:
            problems.append(f"sold {counts['sold']:,} instead of {self.expected:,}")
        if notified != counts["sold"]:
            problems.append(f"{notified:,} buyers were notified of {counts['sold']:,} sales")
        if counts["quota"] != counts["sold"]:
            problems.append(f"the sale counts {counts['quota']:,} units of {counts['sold']:,} sold")
        if counts["orders without stock"]:
            problems.append(f"{counts['orders without stock']} orders without stock")
        if len(self.responses) != self.buyers or any(
            response.outcome == NOT_SERVED for response in self.responses
        ):
            problems.append("some buyers were never served")
        if self.state.violations:
            problems.append(f"{self.state.violations} violations of the invariants")
        return [*problems, *self.state.findings]


# ---------------------------------------------------------------------- charts


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of all values is; 0 without values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def over_time(sale: SaleResult, slots: int) -> tuple[list[int], list[int], float]:
    """Return the units sold and the rejections per slot, and the length of a slot in seconds."""
    length = max((response.at for response in sale.responses), default=0.0) / slots or 1.0
    sold, rejected = [0] * slots, [0] * slots
    for response in sale.responses:
        slot = min(int(response.at / length), slots - 1)
        (sold if response.outcome == SOLD else rejected)[slot] += 1
    return sold, rejected, length


def text_chart(sale: SaleResult) -> str:
    """Draw the sale as lines of text."""
    sold, rejected, length = over_time(sale, WIDTH)
    highest = max(*sold, *rejected, 1)

    def bars(counts: Sequence[int]) -> str:
        return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] for count in counts)

    waits = [response.milliseconds for response in sale.responses]
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    waited = ", ".join(f"{name} {percentile(waits, p):,.0f} ms" for name, p in shares.items())
    outcomes = Counter(response.outcome for response in sale.responses).most_common()
    seconds = length * WIDTH
    return "\n".join(
        (
            f"  {sale.buyers:,} buyers, {sale.units:,} units, {seconds:.1f} s",
            f"  sold     |{bars(sold)}| {sum(sold):,}, {sum(sold) / seconds:,.0f} a second",
            f"  rejected |{bars(rejected)}| {sum(rejected):,}",
            f"            0 s{f'{seconds:.1f} s':>{WIDTH - 3}}",
            f"  waits:    {waited}",
            f"  outcomes: {', '.join(f'{outcome} {n:,}' for outcome, n in outcomes)}",
            f"  machine:  {machine()}",
        )
    )


def svg_chart(sale: SaleResult) -> str:
    """Draw the sale as SVG: the units sold over time, and every buyer's wait as a dot."""
    width, height, margin = 900, 420, 50
    end = max((response.at for response in sale.responses), default=1.0) or 1.0
    longest = max((response.milliseconds for response in sale.responses), default=1.0) or 1.0

    def x(at: float) -> float:
        return margin + at / end * (width - 2 * margin)

    def y(share: float) -> float:
        return height - margin - share * (height - 2 * margin)

    sold, line = 0, [f"M{x(0):.1f},{y(0):.1f}"]
    dots = []
    for response in sorted(sale.responses, key=lambda each: each.at):
        bought = response.outcome == SOLD
        if bought:
            sold += 1
            line.append(f"L{x(response.at):.1f},{y(sold / max(sale.units, 1)):.1f}")
        place = f'cx="{x(response.at):.1f}" cy="{y(response.milliseconds / longest):.1f}"'
        dots.append(f'<circle {place} r="1.5" fill="{"#2a7" if bought else "#c55"}"/>')
    title = (
        f"{sale.buyers:,} buyers, {sale.units:,} units: {sold:,} sold in {end:.1f} s; "
        f"dots are buyers' waits, up to {longest:,.0f} ms (green: bought, red: rejected)"
    )
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                'font-family="sans-serif" font-size="13">'
            ),
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *dots,
            f'<path d="{" ".join(line)}" fill="none" stroke="#135" stroke-width="2"/>',
            f'<line x1="{margin}" y1="{y(0)}" x2="{width - margin}" y2="{y(0)}" stroke="#888"/>',
            f'<line x1="{margin}" y1="{y(0)}" x2="{margin}" y2="{y(1)}" stroke="#888"/>',
            f'<text x="{margin}" y="30">{title}</text>',
            f'<text x="{margin}" y="{height - 20}">0 s</text>',
            f'<text x="{width - margin}" y="{height - 20}" text-anchor="end">{end:.1f} s</text>',
            "</svg>\n",
        )
    )


# ---------------------------------------------------------------------- the sale


def hold_sale(buyers: int, units: int, *, broken: bool) -> SaleResult:
    """Hold the sale on an emulated AWS of its own."""
    shares: list[dict[str, Any]] = []
    for process in range(PROCESSES):
        first = buyers * process // PROCESSES
        number = buyers * (process + 1) // PROCESSES - first
        if number:
            shares.append({"first": first, "number": number})
    mutant = "read, then write" if broken else None
    with Emulator() as emulator:
        shop = LoadTest(emulator.endpoint, "flash sale")
        shop.prepare(pieces=units, quota=units)
        shop.create_sessions(shares, requested=[("mug.1", 1)])
        responses = run_workers(
            "verification.flashsale:buy",
            [{**share, "start": time.time(), "mutant": mutant} for share in shares],
            total=buyers,
            title="flash sale",
            endpoint=emulator.endpoint,
        )
        state = shop.check(keys=buyers)
    return SaleResult(
        buyers,
        units,
        _from_first_buyer([Response(*r) for share in responses for r in share]),
        state,
    )


def _from_first_buyer(responses: list[Response]) -> list[Response]:
    """Count the time from the first buyer: processes take a moment to start."""
    if not responses:
        return responses
    start = min(response.at - response.milliseconds / 1000 for response in responses)
    return [Response(r.at - start, r.milliseconds, r.outcome) for r in responses]


def main(argv: Sequence[str] | None = None) -> int:
    """Hold the sale, print and store its charts, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m verification.flashsale", description=__doc__)
    parser.add_argument("--buyers", type=int, default=2_000, help=f"1 to {MAX_BUYERS}")
    parser.add_argument("--units", type=int, default=300, help=f"in stock, 1 to {MAX_UNITS}")
    parser.add_argument("--broken", action="store_true", help="sell through a mutant")
    parser.add_argument("--chart", type=Path, default=CHART, help="file for the SVG chart")
    arguments = parser.parse_args(argv)
    if not (1 <= arguments.buyers <= MAX_BUYERS and 1 <= arguments.units <= MAX_UNITS):
        parser.error(f"choose 1 to {MAX_BUYERS} buyers and 1 to {MAX_UNITS} units")
    sale = hold_sale(arguments.buyers, arguments.units, broken=arguments.broken)
    print(text_chart(sale))
    arguments.chart.parent.mkdir(parents=True, exist_ok=True)
    arguments.chart.write_text(svg_chart(sale))
    print(f"  chart:    {arguments.chart}")
    problems = sale.problems()
    for problem in problems[:MAX_FINDINGS]:
        print(f"  problem:  {problem}", file=sys.stderr)
    passed = not problems
    print(f"flash sale {'PASS' if passed else 'FAIL'}: problems {len(problems)}")
    if arguments.broken:
        return UNDETECTED if passed else FAILED
    return PASSED if passed else FAILED


if __name__ == "__main__":
    sys.exit(main())
