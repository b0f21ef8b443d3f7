"""One process's share of the points at which dealings are disturbed (for verification 3 and 4)."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from tests.kit.faults import Call, Fault
from tests.kit.invariants import read_system_state, violations
from verification.sales_mutants import NAIVE, careless
from verification.scenario_steps import Action, Scenario
from verification.scenarios import DEALINGS, FaultPoint, RetryBehavior, ScenarioRun, Shop
from verification.simulated_aws import backstage
from verification.worker_pool import Tell
from verification.worker_result import WorkerResult

KILLS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.CUT_OFF, Fault.UNREACHABLE, Fault.BUSY)
"""Faults after which whoever called has no answer."""
BEYOND = 2
"""Attempts after the end of an undisturbed course at which a second fault may strike."""
SOON = 8
"""Attempts after the first fault among which three of four second ones strike."""
SHOWN = 20
"""Findings that are told of, of however many."""


def work(
    tell: Tell,
    *,
    share: int,
    shares: int,
    seed: int,
    max_results: int,
    pairs: bool,
    names: Sequence[str] | None = None,
    naive: str | None = None,
) -> WorkerResult:
    """Disturb dealings at this share of the points, and judge the books at the end."""
    dealings = [d for d in DEALINGS if names is None or d.name in names]
    if names is not None and (unknown := set(names) - {d.name for d in dealings}):
        raise ValueError(f"there are no dealings {unknown}")
    with backstage(seed) as stage, careless(naive):
        shop = Shop(stage, NAIVE.get(naive) if naive else None)
        undisturbed = {d.name: shop.run(FaultPoint(d)) for d in dealings}
        if pairs:
            possible, chosen = _pairs(dealings, undisturbed, max_results, seed)
        else:
            points = list(_points(dealings, undisturbed))
            possible, chosen = len(points), _spread(points, max_results, seed)
        tell.total(len(chosen))
        courses: dict[str, ScenarioRun] = {}
        tally = WorkerResult(possible=possible)
        for point in chosen[share::shares]:
            course = shop.run(point)
            courses[shop.last.session_id] = course
            tally.points += 1
            tally.whole += course.struck == len(point.faults)
            tell(1)
        _judge(shop, courses, undisturbed, tally)
    return tally


def _judge(
    shop: Shop,
    courses: dict[str, ScenarioRun],
    undisturbed: dict[str, ScenarioRun],
    tally: WorkerResult,
) -> None:
    books = read_system_state(keys={p.session_id: len(p.keys) for p, _ in shop.purchases.values()})
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


def _points(dealings: Sequence[Scenario], courses: dict[str, ScenarioRun]) -> Iterator[FaultPoint]:
    """Every fault at every call; at a buyer's own call also with buyers of other tempers; and
    everybody else who could act while a call stalls."""
    for dealing in dealings:
        for act, call in courses[dealing.name].calls:
            for fault in call.faults:
                for temper in _tempers(act, fault):
                    yield FaultPoint(dealing, ((call.number, fault),), temper=temper)
            for rival in dealing.rivals:
                yield FaultPoint(dealing, overtaken=((call.number, rival),))


def _tempers(act: Action | None, fault: Fault) -> tuple[RetryBehavior, ...]:
    if act is not None and act.client and fault in KILLS:
        return tuple(RetryBehavior)
    return (RetryBehavior.PATIENT,)


@dataclass(frozen=True)
class Pairs:
    """Two faults of a dealing, or a fault after somebody else acted; the second may hit a retry.

    There are too many to list, so they are counted and drawn. The calls after the first fault are
    not those of the undisturbed course: the second number counts on a little beyond it, since what
    is done again makes the course longer.
    """

    dealing: Scenario
    calls: tuple[Call, ...]

    def __len__(self) -> int:
        return sum(
            len(self._firsts(call)) * len(self._seconds(number))
            for call in self.calls
            for number in self._after(call)
        )

    def draw(self, first: Call, chance: random.Random) -> FaultPoint:
        """A pair that begins at this call."""
        after = self._after(first)
        number = chance.choice(after[:SOON] if chance.random() < 0.75 else after)
        second = (number, chance.choice(self._seconds(number)))
        (temper,) = chance.choices(
            (RetryBehavior.PATIENT, RetryBehavior.LATE, RetryBehavior.GONE), (5, 3, 2)
        )
        drawn = chance.choice(self._firsts(first))
        if isinstance(drawn, Action):
            return FaultPoint(self.dealing, (second,), ((first.number, drawn),), temper)
        return FaultPoint(self.dealing, ((first.number, drawn), second), temper=temper)

    def _after(self, first: Call) -> range:
        return range(first.number + 1, len(self.calls) + BEYOND)

    def _firsts(self, call: Call) -> tuple[Fault | Action, ...]:
        return (*call.faults, *self.dealing.rivals)

    def _seconds(self, number: int) -> tuple[Fault, ...]:
        if number < len(self.calls):
            return self.calls[number].faults
        return (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)


def _pairs(
    dealings: Sequence[Scenario], courses: Mapping[str, ScenarioRun], max_results: int, seed: int
) -> tuple[int, list[FaultPoint]]:
    """How many pairs there are, and so many of them: each dealing, and each call, in its turn."""
    chance = random.Random(seed)
    spaces = [Pairs(d, tuple(call for _, call in courses[d.name].calls)) for d in dealings]
    possible = sum(len(space) for space in spaces)
    turns = [(s, cycle(chance.sample(s.calls, len(s.calls)))) for s in spaces]
    chosen: dict[str, FaultPoint] = {}
    while len(chosen) < min(max_results, possible // 2):
        for space, calls in turns:
            point = space.draw(next(calls), chance)
            chosen[str(point)] = point
    return possible, list(chosen.values())[:max_results]


def _spread(points: list[FaultPoint], max_results: int, seed: int) -> list[FaultPoint]:
    """At most so many of the points, by chance, but each dealing's calls as evenly as can be."""
    if max_results >= len(points):
        return points
    shuffled = random.Random(seed).sample(points, len(points))
    seen: Counter[Any] = Counter()
    ranked = []
    for point in shuffled:
        spot = (point.dealing.name, _first(point))
        ranked.append((seen[spot], point))
        seen[spot] += 1
    ranked.sort(key=lambda pair: pair[0])
    return [point for _, point in ranked[:max_results]]


def _first(point: FaultPoint) -> int:
    return min(number for number, _ in (*point.faults, *point.overtaken))
