"""Reconciliation of provisioned capacity with the demand of traffic peaks.

Every schedule and event starts the same run: read the peaks and the clock, add up the demand, and
make the provisioned capacity equal to it. A second run changes nothing, and a late run acts on the
demand at its time. Steps are recorded before they run, so a run after a crash repeats them.
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
"""Maximum attempts of a run while other runs change the record."""
TABLE, FUNCTION, SKU, COUNTER, WAKE_UP = "table:", "function:", "sku:", "counter:", "wake-up:"
"""Prefixes of step names."""


@frozen(slots=False)
class CapacityTargets:
    """The adapters that change capacity, and the limits that apply."""

    tables: TableThroughput
    functions: ProvisionedConcurrency
    shards: ShardManager
    counters: CounterSharding
    scheduler: WakeUpScheduler
    environments_per_order: Mapping[str, float]
    """Environments of each Lambda function that one order per second keeps busy."""
    max_throughput: WarmThroughput = MAX_TABLE_THROUGHPUT
    """The quota of a table's warm throughput."""


@dataclass
class ReconcileResult:
    """The steps that were run, and the reason of each step that failed.

    ``contended``: no step was run, because other runs changed the record at every attempt.
    """

    changed: list[str] = field(default_factory=list)
    contended: bool = False
    failed: dict[str, str] = field(default_factory=dict)


class ReconcileIncomplete(Exception):
    """Some steps failed and the others were run. A later run must repeat them."""

    def __init__(self, failed: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{step}: {reason}" for step, reason in failed.items()))
        self.failed = failed


def reconcile_with_retry(
    reconcile: Callable[[], ReconcileResult], pause: Callable[[int], None]
) -> ReconcileResult:
    """Run a reconciliation until no other run interferes, at most :data:`MAX_ATTEMPTS` times.

    A schedule, a wake-up and an event often run at the same time, which is no error. The later run
    must still read again, because the first may have read the promotions before they changed.
    ``pause`` receives the number of the attempt. If all attempts fail, the next scheduled run
    reconciles.
    """
    for attempt in range(MAX_ATTEMPTS):
        try:
            return reconcile()
        except VersionConflict:
            pause(attempt)
    return ReconcileResult(contended=True)


def reconcile_capacity(
    *,
    peaks: TrafficPeakCalendar,
    state_store: CapacityStateStore,
    targets: CapacityTargets,
    retryable_errors: tuple[type[Exception], ...],
    at: datetime,
) -> ReconcileResult:
    """Make capacity and wake-ups equal to what the peaks need at this instant.

    ``retryable_errors`` of one step do not stop the other steps. Raises ReconcileIncomplete after
    such an error, so that the scheduler retries the run, and VersionConflict if two runs overlap.
    """
    calendar = peaks.list_peaks()
    demand = capacity_demand(calendar, at, targets.environments_per_order, targets.max_throughput)
    wanted_wake_ups = {wake_up.name: wake_up.at for wake_up in wake_ups(calendar, at)}
    before = state_store.load()
    capacity = _without_past_wake_ups(before, at)
    steps = _steps(
        capacity, demand, wanted_wake_ups, _counter_steps(recent_counters(calendar, at), at)
    )
    result = ReconcileResult()
    if steps:
        # Record the steps before they run: after a crash the next run repeats them. The version
        # also makes an overlapping run fail before it changes anything.
        recorded = state_store.save(before, replace(capacity, in_progress=frozenset(steps)))
        state_store.save(recorded, _run_steps(steps, recorded, targets, retryable_errors, result))
    _rebalance(demand, steps, targets, retryable_errors, result)
    if result.failed:
        raise ReconcileIncomplete(result.failed)
    return result


def _rebalance(
    demand: CapacityDemand,
    steps: Collection[str],
    targets: CapacityTargets,
    retryable_errors: tuple[type[Exception], ...],
    result: ReconcileResult,
) -> None:
    """Split stock that was received since its SKU was prepared."""
    for sku, rate in demand.skus.items():
        step = SKU + sku
        if step in steps:
            continue
        # Needs no record of its own: the SKU is already recorded as one to merge later.
        try:
            if targets.shards.rebalance(sku, rate):
                result.changed.append(step)
        except retryable_errors as error:
            result.failed[step] = f"{type(error).__name__}: {error}"


CapacityStep = Callable[[ProvisionedCapacity, CapacityTargets], tuple[ProvisionedCapacity, bool]]
"""Changes one thing. Returns the capacity after it, and whether the step is finished."""


def _run_steps(
    steps: Mapping[str, CapacityStep],
    capacity: ProvisionedCapacity,
    targets: CapacityTargets,
    retryable_errors: tuple[type[Exception], ...],
    result: ReconcileResult,
) -> ProvisionedCapacity:
    """Run the steps in order, and return the capacity after those that succeeded."""
    for name, step in steps.items():
        try:
            capacity, finished = step(capacity, targets)
        except retryable_errors as error:
            result.failed[name] = f"{type(error).__name__}: {error}"
            continue
        result.changed.append(name)
        # An unfinished step stays recorded, so that the next run continues it.
        if finished:
            capacity = replace(capacity, in_progress=capacity.in_progress - {name})
    return capacity


def _without_past_wake_ups(capacity: ProvisionedCapacity, at: datetime) -> ProvisionedCapacity:
    """Drop wake-ups that have run: their schedules delete themselves."""
    return replace(
        capacity, wake_ups={name: time for name, time in capacity.wake_ups.items() if time > at}
    )


def _steps(
    capacity: ProvisionedCapacity,
    demand: CapacityDemand,
    wanted_wake_ups: Mapping[str, datetime],
    counter_step: Callable[[str, tuple[int, int]], CapacityStep],
) -> dict[str, CapacityStep]:
    """Return the steps to run by name, the slowest to take effect first.

    A step that is still recorded from an earlier run is run again, even without a difference.
    """
    steps: dict[str, CapacityStep] = {}
    for table, indexes in demand.tables.items():
        known = capacity.tables.get(table, {})
        cold = any(
            index not in known or not known[index].covers(units) for index, units in indexes.items()
        )
        if cold or TABLE + table in capacity.in_progress:
            steps[TABLE + table] = _warm_table(table, indexes)
    for function in _names(FUNCTION, capacity, capacity.functions, demand.functions):
        environments = demand.functions.get(function, 0)
        name = FUNCTION + function
        if environments != capacity.functions.get(function, 0) or name in capacity.in_progress:
            steps[name] = _set_environments(function, environments)
    for sku in _names(SKU, capacity, capacity.skus, demand.skus):
        rate, name = demand.skus.get(sku, 0), SKU + sku
        if rate != capacity.skus.get(sku, 0) or name in capacity.in_progress:
            steps[name] = _reshard_stock(sku, rate)
    for counter in _names(COUNTER, capacity, capacity.counters, demand.counters):
        limit = capacity.counters.get(counter, (0, 0))[1]
        rate_and_limit = demand.counters.get(counter, (0, limit))
        name = COUNTER + counter
        if rate_and_limit != capacity.counters.get(counter) or name in capacity.in_progress:
            steps[name] = counter_step(counter, rate_and_limit)
    for wake_up in _names(WAKE_UP, capacity, capacity.wake_ups, wanted_wake_ups):
        time, name = wanted_wake_ups.get(wake_up), WAKE_UP + wake_up
        if time != capacity.wake_ups.get(wake_up) or name in capacity.in_progress:
            steps[name] = _set_wake_up(wake_up, time)
    return steps


def _names(
    prefix: str,
    capacity: ProvisionedCapacity,
    current: Collection[str],
    demanded: Collection[str],
) -> list[str]:
    """Return every name that may need a step, in a stable order."""
    interrupted = {
        name.removeprefix(prefix) for name in capacity.in_progress if name.startswith(prefix)
    }
    return sorted({*current, *demanded, *interrupted})


def _warm_table(table: str, wanted: Mapping[str, WarmThroughput]) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        current = targets.tables.get(table)
        cold = {
            index: current[index].max_with(units)
            for index, units in wanted.items()
            if index in current and not current[index].covers(units)
        }
        # Raising is billed, so it is requested only for what is not warm yet.
        if cold:
            targets.tables.raise_to(table, cold)
        known = capacity.tables.get(table, {})
        warm = {index: units.max_with(known.get(index, units)) for index, units in wanted.items()}
        return replace(capacity, tables={**capacity.tables, table: {**known, **warm}}), True

    return step


def _set_environments(function: str, environments: int) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        others = {name: n for name, n in capacity.functions.items() if name != function}
        if environments:
            targets.functions.set_environments(function, environments)
            return replace(capacity, functions={**others, function: environments}), True
        targets.functions.remove(function)
        return replace(capacity, functions=others), True

    return step


def _reshard_stock(sku: str, orders_per_second: int) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        finished = targets.shards.reshard(sku, orders_per_second)
        skus = {name: rate for name, rate in capacity.skus.items() if name != sku}
        # A SKU that is still being merged stays known, with rate 0.
        if orders_per_second or not finished:
            skus[sku] = orders_per_second
        return replace(capacity, skus=skus), finished

    return step


def _counter_steps(
    recent: Collection[str], at: datetime
) -> Callable[[str, tuple[int, int]], CapacityStep]:
    """Return a function that makes counter steps; only ``recent`` counters are followed up."""

    def counter_step(counter: str, rate_and_limit: tuple[int, int]) -> CapacityStep:
        orders_per_second, limit = rate_and_limit

        def step(
            capacity: ProvisionedCapacity, targets: CapacityTargets
        ) -> tuple[ProvisionedCapacity, bool]:
            finished = targets.counters.reshard_counter(
                LimitedCounter.from_key(counter, limit), orders_per_second, at
            )
            # Usage may return to the unsharded row for days, when orders are cancelled. After the
            # follow-up the counter is dropped even if the adapter would continue.
            finished = finished or counter not in recent
            counters = {name: known for name, known in capacity.counters.items() if name != counter}
            if orders_per_second or not finished:
                counters[counter] = rate_and_limit
            return replace(capacity, counters=counters), finished

        return step

    return counter_step


def _set_wake_up(name: str, time: datetime | None) -> CapacityStep:
    def step(
        capacity: ProvisionedCapacity, targets: CapacityTargets
    ) -> tuple[ProvisionedCapacity, bool]:
        others = {other: at for other, at in capacity.wake_ups.items() if other != name}
        if time is None:
            targets.scheduler.delete(name)
            return replace(capacity, wake_ups=others), True
        targets.scheduler.set(WakeUp(name, time))
        return replace(capacity, wake_ups={**others, name: time}), True

    return step
