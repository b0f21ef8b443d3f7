"""A flash sale on this machine: ``python -m verification.flashsale --buyers 2000 --units 300``.

So many buyers complete their checkouts at the same moment, from four processes with four threads
each, through the shop's own door and on an emulated AWS of its own. There are as many units as the
sale's quota has; both are shared out over bins, as before a rush. At the end there is a picture:
what was sold when, how long buyers waited, what they were told; and the books are read. It fails
(exit code 1) unless exactly as many are sold as there were, or as were wanted, and every invariant
of docs/verification.md holds. ``--broken`` sells by a door that looks before it takes, and has to fail.
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
from verification.report import ROOT, machine
from verification.worker_pool import Tell, at_work
from verification.worker_result import WorkerResult

CROWDS, THREADS = 4, 4
MOST_BUYERS = 20_000
LONGEST = 600
"""Seconds after which nobody begins to buy any more: the run ends by itself."""
PICTURE = ROOT / ".local" / "flashsale.svg"
WIDTH = 60
BARS = " ▁▂▃▄▅▆▇█"
SOLD, LEFT = "completed", "not served"
PASSED, FELL_SHORT, UNNOTICED = 0, 1, 3


@dataclass(frozen=True)
class Answer:
    """What one buyer was told, when (seconds from the start) and after how many milliseconds."""

    at: float
    milliseconds: float
    said: str


def storm(
    tell: Tell, *, first: int, number: int, start: float, heedless: str | None = None
) -> list[tuple[float, float, str]]:
    """One process's share of the buyers: each answer with its moment. See :mod:`verification.load_workers`."""
    from functions.checkout import complete_checkout
    from verification.load_workers import complete, insisting, said_to
    from verification.sales_mutants import NAIVE

    door = NAIVE[heedless] if heedless else complete_checkout.handler

    def buy(buyer: int) -> tuple[float, float, str]:
        began = time.time()
        if began - start > LONGEST:
            return began - start, 0.0, LEFT
        answer = insisting(lambda: complete(door, buyer, "tok_success", f"flash-{buyer}"))
        ended = time.time()
        tell(1)
        said = said_to(answer)
        if said == "incomplete":
            said = next((m["code"] for m in answer.json.get("messages", ())), said)
        return ended - start, (ended - began) * 1000, said

    with ThreadPoolExecutor(THREADS) as crowd:
        return list(crowd.map(buy, range(first, first + number)))


@dataclass(frozen=True)
class Sale:
    """How it went."""

    buyers: int
    units: int
    answers: Sequence[Answer]
    tally: WorkerResult

    @property
    def wanted(self) -> int:
        """What has to be sold: all there is, or all that is asked for."""
        return min(self.units, self.buyers)

    def findings(self) -> list[str]:
        """What is wrong; nothing, if all is as it has to be."""
        counted, found = self.tally.counted, []
        told = sum(answer.said == SOLD for answer in self.answers)
        if counted["sold"] != self.wanted:
            found.append(f"sold {counted['sold']:,}, not {self.wanted:,}")
        if told != counted["sold"]:
            found.append(f"{told:,} buyers were told that they bought; {counted['sold']:,} did")
        if counted["quota"] != counted["sold"]:
            found.append(f"the sale counts {counted['quota']:,} units, {counted['sold']:,} sold")
        if counted["orders without stock"]:
            found.append(f"{counted['orders without stock']} orders without stock")
        if len(self.answers) != self.buyers or any(a.said == LEFT for a in self.answers):
            found.append("some buyers were never served")
        if self.tally.violations:
            found.append(f"{self.tally.violations} violations of the books' invariants")
        return [*found, *self.tally.findings]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies; 0 of nothing."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def over_time(sale: Sale, slots: int) -> tuple[list[int], list[int], float]:
    """Sold and refused in each slot of time, and how long a slot is (seconds)."""
    length = max((answer.at for answer in sale.answers), default=0.0) / slots or 1.0
    sold, refused = [0] * slots, [0] * slots
    for answer in sale.answers:
        slot = min(int(answer.at / length), slots - 1)
        (sold if answer.said == SOLD else refused)[slot] += 1
    return sold, refused, length


def picture(sale: Sale) -> str:
    """The sale in text."""
    sold, refused, length = over_time(sale, WIDTH)
    most = max(*sold, *refused, 1)

    def bar(counts: Sequence[int]) -> str:
        return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in counts)

    waits = [answer.milliseconds for answer in sale.answers]
    shares = {"half": 0.5, "9 of 10": 0.9, "99 of 100": 0.99, "the last": 1.0}
    waited = ", ".join(f"{name} {percentile(waits, p):,.0f} ms" for name, p in shares.items())
    told = Counter(answer.said for answer in sale.answers).most_common()
    seconds = length * WIDTH
    return "\n".join(
        (
            f"  {sale.buyers:,} buyers, {sale.units:,} units, {seconds:.1f} s",
            f"  sold     |{bar(sold)}| {sum(sold):,}, {sum(sold) / seconds:,.0f} a second",
            f"  refused  |{bar(refused)}| {sum(refused):,}",
            f"            0 s{f'{seconds:.1f} s':>{WIDTH - 3}}",
            f"  waited:   {waited}",
            f"  told:     {', '.join(f'{said} {n:,}' for said, n in told)}",
            f"  on:       {machine()}",
        )
    )


def drawn(sale: Sale) -> str:
    """The sale as an SVG: units sold so far over time, and every buyer's wait."""
    width, height, edge = 900, 420, 50
    last = max((answer.at for answer in sale.answers), default=1.0) or 1.0
    longest = max((answer.milliseconds for answer in sale.answers), default=1.0) or 1.0

    def x(at: float) -> float:
        return edge + at / last * (width - 2 * edge)

    def y(share: float) -> float:
        return height - edge - share * (height - 2 * edge)

    sold, line = 0, [f"M{x(0):.1f},{y(0):.1f}"]
    dots = []
    for answer in sorted(sale.answers, key=lambda each: each.at):
        good = answer.said == SOLD
        if good:
            sold += 1
            line.append(f"L{x(answer.at):.1f},{y(sold / max(sale.units, 1)):.1f}")
        place = f'cx="{x(answer.at):.1f}" cy="{y(answer.milliseconds / longest):.1f}"'
        dots.append(f'<circle {place} r="1.5" fill="{"#2a7" if good else "#c55"}"/>')
    words = (
        f"{sale.buyers:,} buyers, {sale.units:,} units: {sold:,} sold in {last:.1f} s; "
        f"dots are buyers' waits, up to {longest:,.0f} ms (green: bought, red: refused)"
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
            f'<line x1="{edge}" y1="{y(0)}" x2="{width - edge}" y2="{y(0)}" stroke="#888"/>',
            f'<line x1="{edge}" y1="{y(0)}" x2="{edge}" y2="{y(1)}" stroke="#888"/>',
            f'<text x="{edge}" y="30">{words}</text>',
            f'<text x="{edge}" y="{height - 20}">0 s</text>',
            f'<text x="{width - edge}" y="{height - 20}" text-anchor="end">{last:.1f} s</text>',
            "</svg>\n",
        )
    )


def held(buyers: int, units: int, *, broken: bool) -> Sale:
    """Hold the sale, on an emulator of its own that is gone afterwards."""
    shares: list[dict[str, Any]] = []
    for crowd in range(CROWDS):
        first = buyers * crowd // CROWDS
        number = buyers * (crowd + 1) // CROWDS - first
        if number:
            shares.append({"first": first, "number": number})
    with Emulator() as emulator:
        shop = emulator.endpoint
        opening = [{"pieces": units, "quota": units}]
        at_work(
            "verification.load_workers:open_shop", opening, total=1, words="open", endpoint=shop
        )
        lines = [{**share, "wanted": [("mug.1", 1)]} for share in shares]
        at_work(
            "verification.load_workers:line_up", lines, total=buyers, words="line up", endpoint=shop
        )
        heedless = "read, then write" if broken else None
        rushing = [{**s, "start": time.time(), "heedless": heedless} for s in shares]
        told = at_work(
            "verification.flashsale:storm", rushing, total=buyers, words="flash sale", endpoint=shop
        )
        (tally,) = at_work(
            "verification.load_workers:judge",
            [{"keys": buyers}],
            total=1,
            words="judge",
            endpoint=shop,
        )
    answers = [Answer(*each) for share in told for each in share]
    if answers:  # processes take a moment to start; the sale begins with its first buyer
        begun = min(answer.at - answer.milliseconds / 1000 for answer in answers)
        answers = [Answer(a.at - begun, a.milliseconds, a.said) for a in answers]
    return Sale(buyers, units, answers, tally)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m verification.flashsale", description=__doc__)
    parser.add_argument("--buyers", type=int, default=2_000, help=f"1 to {MOST_BUYERS}")
    parser.add_argument("--units", type=int, default=300, help="pieces there are, 1 or more")
    parser.add_argument("--broken", action="store_true", help="sell by a door that oversells")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where the SVG goes")
    told = parser.parse_args(argv)
    if not (1 <= told.buyers <= MOST_BUYERS and 1 <= told.units <= 1_000_000):
        parser.error(f"1 to {MOST_BUYERS} buyers, and 1 unit or more")
    sale = held(told.buyers, told.units, broken=told.broken)
    print(picture(sale))
    told.picture.parent.mkdir(parents=True, exist_ok=True)
    told.picture.write_text(drawn(sale))
    print(f"  picture:  {told.picture}")
    findings = sale.findings()
    for finding in findings[:10]:
        print(f"  wrong:    {finding}", file=sys.stderr)
    passed = not findings
    verdict = "as it has to be" if passed else "NOT as it has to be"
    print(f"flash sale {'PASS' if passed else 'FAIL'}: sold {verdict}")
    if told.broken:
        return UNNOTICED if passed else FELL_SHORT
    return PASSED if passed else FELL_SHORT


if __name__ == "__main__":
    sys.exit(main())
