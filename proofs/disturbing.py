"""One process's share of the points at which dealings are disturbed (for proofs 3 and 4)."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from proofs.backstage import backstage
from proofs.crew import Tell
from proofs.dealings import DEALINGS, Act, Course, Dealing, Point, Shop, Temper
from proofs.naive import NAIVE
from proofs.tally import Tally
from tests.kit.faults import Call, Fault
from tests.kit.invariants import read_books, violations

KILLS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.CUT_OFF, Fault.UNREACHABLE, Fault.BUSY)
"""Faults after which whoever called has no answer."""
SHOWN = 20
"""Findings that are told of, of however many."""


def work(
    tell: Tell,
    *,
    share: int,
    shares: int,
    seed: int,
    most: int,
    pairs: bool,
    names: Sequence[str] | None = None,
    naive: str | None = None,
) -> Tally:
    """Disturb dealings at this share of the points, and judge the books at the end."""
    dealings = [d for d in DEALINGS if names is None or d.name in names]
    with backstage(seed) as stage:
        shop = Shop(stage, NAIVE[naive] if naive else None)
        undisturbed = {d.name: shop.run(Point(d)) for d in dealings}
        possible = list(_pairs(dealings, undisturbed) if pairs else _points(dealings, undisturbed))
        chosen = _spread(possible, most, seed)[share::shares]
        courses: dict[str, Course] = {}
        tally = Tally(possible=len(possible))
        for point in chosen:
            course = shop.run(point)
            courses[shop.last.session_id] = course
            tally.points += 1
            tally.missed += not course.struck and not point.overtaken
            tell(1)
        _judge(shop, courses, undisturbed, tally)
    return tally


def _judge(
    shop: Shop, courses: dict[str, Course], undisturbed: dict[str, Course], tally: Tally
) -> None:
    books = read_books(keys={p.session_id: len(p.keys) for p, _ in shop.purchases.values()})
    owner = {sku: p.session_id for p, _ in shop.purchases.values() for sku in p.skus}
    owner |= {order.id: order.checkout_id for order in books.orders}
    corrupt: set[str] = set()
    findings: list[str] = []
    rules: Counter[str] = Counter()
    for violation in violations(books):
        where = owner.get(violation.about, violation.about)
        corrupt.add(where)
        rules[violation.rule] += 1
        point = shop.purchases[where][1] if where in shop.purchases else "somewhere"
        findings.append(f"[{point}] {violation}")
    for where, course in courses.items():
        for text in course.wrong:
            corrupt.add(where)
            rules["course"] += 1
            findings.append(f"[{shop.purchases[where][1]}] {text}")
    for name, course in undisturbed.items():
        findings += [f"[{name}, undisturbed] {text}" for text in course.wrong]
        rules["course"] += len(course.wrong)
    tally.violations = sum(rules.values())
    tally.corrupt = len(corrupt)
    tally.findings = tuple(findings[:SHOWN])
    tally.rules = rules


def _points(dealings: Sequence[Dealing], courses: dict[str, Course]) -> Iterator[Point]:
    """Every fault at every call; at a buyer's own call also with buyers of other tempers; and
    everybody else who could act while a call stalls."""
    for dealing in dealings:
        for act, call in courses[dealing.name].calls:
            for fault in call.faults:
                for temper in _tempers(act, fault):
                    yield Point(dealing, ((call.number, fault),), temper=temper)
            for rival in dealing.rivals:
                yield Point(dealing, overtaken=((call.number, rival),))


def _tempers(act: Act | None, fault: Fault) -> tuple[Temper, ...]:
    if act is not None and act.client and fault in KILLS:
        return tuple(Temper)
    return (Temper.PATIENT,)


def _pairs(dealings: Sequence[Dealing], courses: dict[str, Course]) -> Iterator[Point]:
    """Two faults, or a fault after somebody else acted, at two calls; the second may hit a retry.

    The calls after the first fault are not those of the undisturbed course: the second number
    counts on a little beyond it, since what is done again makes the course longer.
    """
    for dealing in dealings:
        calls = [call for _, call in courses[dealing.name].calls]
        for first in calls:
            for second in range(first.number + 1, len(calls) + 6):
                for later in _faults_at(calls, second):
                    temper = list(Temper)[(first.number + second) % 3]
                    for fault in first.faults:
                        yield Point(
                            dealing, ((first.number, fault), (second, later)), temper=temper
                        )
                    for rival in dealing.rivals:
                        yield Point(
                            dealing,
                            ((second, later),),
                            overtaken=((first.number, rival),),
                            temper=temper,
                        )


def _faults_at(calls: Sequence[Call], number: int) -> tuple[Fault, ...]:
    return calls[number].faults if number < len(calls) else (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)


def _spread(points: list[Point], most: int, seed: int) -> list[Point]:
    """At most so many of the points, by chance, but each dealing's calls as evenly as can be."""
    if most >= len(points):
        return points
    shuffled = random.Random(seed).sample(points, len(points))
    seen: Counter[Any] = Counter()
    ranked = []
    for point in shuffled:
        spot = (point.dealing.name, _first(point))
        ranked.append((seen[spot], point))
        seen[spot] += 1
    ranked.sort(key=lambda pair: pair[0])
    return [point for _, point in ranked[:most]]


def _first(point: Point) -> int:
    return min(number for number, _ in (*point.faults, *point.overtaken))
