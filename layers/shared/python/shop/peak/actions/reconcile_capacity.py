"""Keeping what a rush needs, no more and no less: the one step that every alarm runs.

It looks at the calendar and the clock, adds up what is needed now, and changes what there is into
that. Run twice it changes nothing the second time; run late, it does what is right by then. What it
is about to change it writes down first, so that whoever comes after a crash knows what to look at.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shop.kernel.errors import VersionConflict
from shop.kernel.frozen import frozen
from shop.peak.model.traffic_peaks import (
    MAX_TABLE_THROUGHPUT,
    CapacityDemand,
    LimitedCounter,
    ProvisionedCapacity,
    WakeUp,
    WarmThroughput,
    capacity_demand,
    recent_counters,
    wake_ups,
)
from shop.peak.ports import (
    CapacityStateStore,
    CounterSharding,
    ProvisionedConcurrency,
    ShardManager,
    TableThroughput,
    TrafficPeakCalendar,
    WakeUpScheduler,
)

MAX_ATTEMPTS = 6
"""Times that a keeper who meets another looks again."""
PER_TABLE, PER_FUNCTION, PER_SKU = "table:", "function:", "sku:"
PER_COUNT, PER_ALARM = "count:", "alarm:"


@frozen(slots=False)
class CapacityTargets:
    """What is changed, and by what."""

    tables: TableThroughput
    functions: ProvisionedConcurrency
    bins: ShardManager
    counts: CounterSharding
    clock: WakeUpScheduler
    busy: Mapping[str, float]
    """Environments of each Lambda that an order a second keeps busy."""
    ceiling: WarmThroughput = MAX_TABLE_THROUGHPUT
    """What a table may be warmed to: its quota."""


@dataclass
class ReconcileResult:
    """What was done; ``failed`` says why for each thing that could not be. ``busy``: nothing, for
    others were at it all the time."""

    changed: list[str] = field(default_factory=list)
    busy: bool = False
    failed: dict[str, str] = field(default_factory=dict)


class ReconcileIncomplete(Exception):
    """Some of it could not be done; the rest is. Somebody has to come back."""

    def __init__(self, failed: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{what}: {why}" for what, why in failed.items()))
        self.failed = failed


def reconcile_with_retry(
    keep: Callable[[], ReconcileResult], pause: Callable[[int], None]
) -> ReconcileResult:
    """Keep capacity when others may be at it too: that is to be expected, and no fault.

    A tick, an alarm and an event often come at one moment. Whoever is second waits and looks again,
    for the first may have read the calendar before it changed. ``pause`` is told how often it was
    asked. Where others never leave a gap, the next tick does what is left.
    """
    for turn in range(MAX_ATTEMPTS):
        try:
            return keep()
        except VersionConflict:
            pause(turn)
    return ReconcileResult(busy=True)


def reconcile_capacity(
    *,
    peaks: TrafficPeakCalendar,
    state_store: CapacityStateStore,
    targets: CapacityTargets,
    faults: tuple[type[Exception], ...],
    at: datetime,
) -> ReconcileResult:
    """Make capacity and alarms what the calendar asks for at this instant.

    ``faults`` are the errors by which AWS refuses a single step: the others are done all the same,
    then Unfinished is raised so that the scheduler tries again. Raises Stale where two do this at
    once.
    """
    calendar = peaks.list_peaks()
    wanted = capacity_demand(calendar, at, targets.busy, targets.ceiling)
    set_for = {alarm.name: alarm.at for alarm in wake_ups(calendar, at)}
    before = state_store.load()
    known = _without_past(before, at)
    steps = _steps(known, wanted, set_for, _counting(recent_counters(calendar, at), at))
    done = ReconcileResult()
    if steps:
        noted = state_store.save(before, replace(known, in_progress=frozenset(steps)))
        state_store.save(noted, _taken(steps, noted, targets, faults, done))
    settled = {sku: rate for sku, rate in wanted.skus.items() if PER_SKU + sku not in steps}
    for sku, rate in settled.items():
        # That it has to be merged some day is written down, so this needs no note of its own.
        try:
            if targets.bins.rebalance(sku, rate):
                done.changed.append(PER_SKU + sku)
        except faults as fault:
            done.failed[PER_SKU + sku] = f"{type(fault).__name__}: {fault}"
    if done.failed:
        raise ReconcileIncomplete(done.failed)
    return done


CapacityStep = Callable[[ProvisionedCapacity, CapacityTargets], tuple[ProvisionedCapacity, bool]]


def _taken(
    steps: Mapping[str, CapacityStep],
    after: ProvisionedCapacity,
    targets: CapacityTargets,
    faults: tuple[type[Exception], ...],
    done: ReconcileResult,
) -> ProvisionedCapacity:
    """Take the steps one after the other, those that can be taken; what is set up then."""
    for name, step in steps.items():
        try:
            after, finished = step(after, targets)
        except faults as fault:
            done.failed[name] = f"{type(fault).__name__}: {fault}"
            continue
        done.changed.append(name)
        if finished:
            after = replace(after, in_progress=after.in_progress - {name})
    return after


def _without_past(capacity: ProvisionedCapacity, at: datetime) -> ProvisionedCapacity:
    """Alarms that have gone off deleted themselves."""
    return replace(
        capacity, wake_ups={name: when for name, when in capacity.wake_ups.items() if when > at}
    )


def _steps(
    capacity: ProvisionedCapacity,
    demand: CapacityDemand,
    set_for: Mapping[str, datetime],
    counting: Callable[[str, tuple[int, int]], CapacityStep],
) -> dict[str, CapacityStep]:
    """What there is to do, in the order in which it takes time to come to pass."""
    steps: dict[str, CapacityStep] = {}
    for table, indexes in demand.tables.items():
        there = capacity.tables.get(table, {})
        cold = any(
            place not in there or not there[place].covers(units) for place, units in indexes.items()
        )
        if cold or PER_TABLE + table in capacity.in_progress:
            steps[PER_TABLE + table] = _warming(table, indexes)
    for function in sorted(
        {*capacity.functions, *demand.functions, *_unsure(capacity, PER_FUNCTION)}
    ):
        environments = demand.functions.get(function, 0)
        name = PER_FUNCTION + function
        if environments != capacity.functions.get(function, 0) or name in capacity.in_progress:
            steps[name] = _keeping(function, environments)
    for sku in sorted({*capacity.skus, *demand.skus, *_unsure(capacity, PER_SKU)}):
        rate, name = demand.skus.get(sku, 0), PER_SKU + sku
        if rate != capacity.skus.get(sku, 0) or name in capacity.in_progress:
            steps[name] = _sharing(sku, rate)
    for count in sorted({*capacity.counts, *demand.counts, *_unsure(capacity, PER_COUNT)}):
        limit = capacity.counts.get(count, (0, 0))[1]
        many, name = demand.counts.get(count, (0, limit)), PER_COUNT + count
        if many != capacity.counts.get(count) or name in capacity.in_progress:
            steps[name] = counting(count, many)
    unsure = _unsure(capacity, PER_ALARM)
    for alarm in sorted({*capacity.wake_ups, *set_for, *unsure}):
        when = set_for.get(alarm)
        if when != capacity.wake_ups.get(alarm) or alarm in unsure:
            steps[PER_ALARM + alarm] = _winding(alarm, when)
    return steps


def _unsure(capacity: ProvisionedCapacity, kind: str) -> set[str]:
    return {name.removeprefix(kind) for name in capacity.in_progress if name.startswith(kind)}


def _warming(table: str, wanted: Mapping[str, WarmThroughput]) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        there = targets.tables.get(table)
        cold = {
            place: there[place].max_with(units)
            for place, units in wanted.items()
            if place in there and not there[place].covers(units)
        }
        if cold:
            targets.tables.raise_to(table, cold)
        known = capacity.tables.get(table, {})
        warm = {place: units.max_with(known.get(place, units)) for place, units in wanted.items()}
        return replace(capacity, tables={**capacity.tables, table: {**known, **warm}}), True

    return step


def _keeping(function: str, environments: int) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        rest = {name: n for name, n in capacity.functions.items() if name != function}
        if environments:
            targets.functions.set_environments(function, environments)
            return replace(capacity, functions={**rest, function: environments}), True
        targets.functions.remove(function)
        return replace(capacity, functions=rest), True

    return step


def _sharing(sku: str, orders_per_second: int) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        finished = targets.bins.reshard(sku, orders_per_second)
        rest = {name: rate for name, rate in capacity.skus.items() if name != sku}
        if orders_per_second or not finished:
            rest[sku] = orders_per_second
        return replace(capacity, skus=rest), finished

    return step


def _counting(
    lately: Collection[str], at: datetime
) -> Callable[[str, tuple[int, int]], CapacityStep]:
    """Steps that share counts out, of which those of ``lately`` are looked after until done."""

    def sharing(count: str, many: tuple[int, int]) -> CapacityStep:
        orders_a_second, limit = many

        def step(
            capacity: ProvisionedCapacity, targets: CapacityTargets
        ) -> tuple[ProvisionedCapacity, bool]:
            finished = targets.counts.reshard_counter(
                LimitedCounter.of(count, limit), orders_a_second, at
            )
            finished = finished or count not in lately
            rest = {name: known for name, known in capacity.counts.items() if name != count}
            if orders_a_second or not finished:
                rest[count] = many
            return replace(capacity, counts=rest), finished

        return step

    return sharing


def _winding(alarm: str, when: datetime | None) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        rest = {name: at for name, at in capacity.wake_ups.items() if name != alarm}
        if when is None:
            targets.clock.delete(alarm)
            return replace(capacity, wake_ups=rest), True
        targets.clock.set(WakeUp(alarm, when))
        return replace(capacity, wake_ups={**rest, alarm: when}), True

    return step
