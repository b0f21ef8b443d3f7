"""Choice of the fault points of verifications 3 and 4."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from tests.kit.faults import Call, Fault
from verification.scenario_steps import Action, Scenario
from verification.scenarios import FaultPoint, RetryBehavior, ScenarioRun

WITHOUT_RESPONSE = (
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.DISCONNECTED,
    Fault.UNREACHABLE,
    Fault.ALWAYS_THROTTLED,
)
"""Faults after which the caller has no response."""
EXTRA_CALLS = 2
"""Calls after the end of an undisturbed run at which a second fault may still happen."""
NEXT_CALLS = 8
"""Calls after the first fault; ``NEAR`` of all second faults happen at one of them."""
NEAR = 0.75


def all_points(
    scenarios: Sequence[Scenario], runs: Mapping[str, ScenarioRun], *, writes_only: bool = False
) -> Iterator[FaultPoint]:
    """Yield every fault at every call, and every concurrent action before every call.

    A fault at a buyer's own call comes once with each retry behavior. ``writes_only`` leaves out
    the calls outside transactions.
    """
    for scenario in scenarios:
        for action, call in runs[scenario.name].calls:
            if writes_only and call.operation != "TransactWriteItems":
                continue
            for fault in call.faults:
                for retry in _retry_behaviors(action, fault):
                    yield FaultPoint(scenario, ((call.number, fault),), retry=retry)
            for rival in scenario.rivals:
                yield FaultPoint(scenario, concurrent=((call.number, rival),))


def _retry_behaviors(action: Action | None, fault: Fault) -> tuple[RetryBehavior, ...]:
    if action is not None and action.by_buyer and fault in WITHOUT_RESPONSE:
        return tuple(RetryBehavior)
    return (RetryBehavior.AT_ONCE,)


def choose_points(points: list[FaultPoint], max_points: int, seed: int) -> list[FaultPoint]:
    """Choose points at random, but spread evenly over the calls of each scenario."""
    if max_points >= len(points):
        return points
    shuffled = random.Random(seed).sample(points, len(points))
    seen: Counter[tuple[str, int]] = Counter()
    ranked = []
    for point in shuffled:
        call = (point.scenario.name, _first_call(point))
        ranked.append((seen[call], point))
        seen[call] += 1
    # Every call gets its first point before any call gets its second.
    ranked.sort(key=lambda pair: pair[0])
    return [point for _, point in ranked[:max_points]]


def _first_call(point: FaultPoint) -> int:
    return min(number for number, _ in (*point.faults, *point.concurrent))


@dataclass(frozen=True)
class PairSpace:
    """All pairs of one scenario: two faults, or a fault after a concurrent action.

    There are too many to list, so they are counted and drawn. After the first fault, the calls
    differ from those of the undisturbed run. The second number therefore goes a little beyond its
    end, because retries make the run longer.
    """

    scenario: Scenario
    calls: tuple[Call, ...]

    def __len__(self) -> int:
        return sum(
            len(self._first_events(call)) * len(self._second_faults(number))
            for call in self.calls
            for number in self._later_calls(call)
        )

    def draw(self, first: Call, chance: random.Random) -> FaultPoint:
        """Draw a pair that begins at this call."""
        later = self._later_calls(first)
        number = chance.choice(later[:NEXT_CALLS] if chance.random() < NEAR else later)
        second = (number, chance.choice(self._second_faults(number)))
        (retry,) = chance.choices(
            (RetryBehavior.AT_ONCE, RetryBehavior.LATE, RetryBehavior.NEVER), (5, 3, 2)
        )
        drawn = chance.choice(self._first_events(first))
        if isinstance(drawn, Action):
            return FaultPoint(self.scenario, (second,), ((first.number, drawn),), retry)
        return FaultPoint(self.scenario, ((first.number, drawn), second), retry=retry)

    def _later_calls(self, first: Call) -> range:
        return range(first.number + 1, len(self.calls) + EXTRA_CALLS)

    def _first_events(self, call: Call) -> tuple[Fault | Action, ...]:
        return (*call.faults, *self.scenario.rivals)

    def _second_faults(self, number: int) -> tuple[Fault, ...]:
        if number < len(self.calls):
            return self.calls[number].faults
        return (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)


def choose_pairs(
    scenarios: Sequence[Scenario],
    runs: Mapping[str, ScenarioRun],
    max_pairs: int,
    seed: int,
) -> tuple[int, list[FaultPoint]]:
    """Return the number of pairs, and a random choice that visits scenarios and calls in turn."""
    chance = random.Random(seed)
    spaces = [PairSpace(s, tuple(call for _, call in runs[s.name].calls)) for s in scenarios]
    possible = sum(len(space) for space in spaces)
    turns = [(space, cycle(chance.sample(space.calls, len(space.calls)))) for space in spaces]
    chosen: dict[str, FaultPoint] = {}
    # Half of all pairs at most: the fewer remain, the longer it takes to draw a new one.
    while len(chosen) < min(max_pairs, possible // 2):
        for space, calls in turns:
            point = space.draw(next(calls), chance)
            chosen[str(point)] = point
    return possible, list(chosen.values())[:max_pairs]
