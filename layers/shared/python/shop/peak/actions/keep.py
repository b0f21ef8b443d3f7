"""Keeping what a rush needs, no more and no less: the one step that every alarm runs.

It looks at the calendar and the clock, adds up what is needed now, and changes what there is into
that. Run twice it changes nothing the second time; run late, it does what is right by then. What it
is about to change it writes down first, so that whoever comes after a crash knows what to look at.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shop.kernel.errors import Stale
from shop.kernel.frozen import frozen
from shop.peak.model.rushes import (
    CEILING,
    Alarm,
    Kept,
    Limited,
    Need,
    Warmth,
    alarms,
    looked_after,
    need,
)
from shop.peak.ports import Bins, Clock, Counts, Functions, Memory, Rushes, Tables

TURNS = 6
"""Times that a keeper who meets another looks again."""
PER_TABLE, PER_FUNCTION, PER_SKU = "table:", "function:", "sku:"
PER_COUNT, PER_ALARM = "count:", "alarm:"


@frozen(slots=False)
class Ground:
    """What is changed, and by what."""

    tables: Tables
    functions: Functions
    bins: Bins
    counts: Counts
    clock: Clock
    busy: Mapping[str, float]
    """Environments of each Lambda that an order a second keeps busy."""
    ceiling: Warmth = CEILING
    """What a table may be warmed to: its quota."""


@dataclass
class Done:
    """What was done; ``failed`` says why for each thing that could not be. ``busy``: nothing, for
    others were at it all the time."""

    changed: list[str] = field(default_factory=list)
    busy: bool = False
    failed: dict[str, str] = field(default_factory=dict)


class Unfinished(Exception):
    """Some of it could not be done; the rest is. Somebody has to come back."""

    def __init__(self, failed: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{what}: {why}" for what, why in failed.items()))
        self.failed = failed


def keep_in_turn(keep: Callable[[], Done], pause: Callable[[int], None]) -> Done:
    """Keep capacity when others may be at it too: that is to be expected, and no fault.

    A tick, an alarm and an event often come at one moment. Whoever is second waits and looks again,
    for the first may have read the calendar before it changed. ``pause`` is told how often it was
    asked. Where others never leave a gap, the next tick does what is left.
    """
    for turn in range(TURNS):
        try:
            return keep()
        except Stale:
            pause(turn)
    return Done(busy=True)


def keep_capacity(
    *,
    rushes: Rushes,
    memory: Memory,
    ground: Ground,
    faults: tuple[type[Exception], ...],
    at: datetime,
) -> Done:
    """Make capacity and alarms what the calendar asks for at this instant.

    ``faults`` are the errors by which AWS refuses a single step: the others are done all the same,
    then Unfinished is raised so that the scheduler tries again. Raises Stale where two do this at
    once.
    """
    calendar = rushes.rushes()
    wanted = need(calendar, at, ground.busy, ground.ceiling)
    set_for = {alarm.name: alarm.at for alarm in alarms(calendar, at)}
    before = memory.kept()
    known = _without_past(before, at)
    steps = _steps(known, wanted, set_for, _counting(looked_after(calendar, at), at))
    done = Done()
    if steps:
        noted = memory.keep(before, replace(known, unsure=frozenset(steps)))
        memory.keep(noted, _taken(steps, noted, ground, faults, done))
    settled = {sku: rate for sku, rate in wanted.skus.items() if PER_SKU + sku not in steps}
    for sku, rate in settled.items():
        # That it has to be merged some day is written down, so this needs no note of its own.
        try:
            if ground.bins.refill(sku, rate):
                done.changed.append(PER_SKU + sku)
        except faults as fault:
            done.failed[PER_SKU + sku] = f"{type(fault).__name__}: {fault}"
    if done.failed:
        raise Unfinished(done.failed)
    return done


Step = Callable[[Kept, Ground], tuple[Kept, bool]]


def _taken(
    steps: Mapping[str, Step],
    after: Kept,
    ground: Ground,
    faults: tuple[type[Exception], ...],
    done: Done,
) -> Kept:
    """Take the steps one after the other, those that can be taken; what is set up then."""
    for name, step in steps.items():
        try:
            after, finished = step(after, ground)
        except faults as fault:
            done.failed[name] = f"{type(fault).__name__}: {fault}"
            continue
        done.changed.append(name)
        if finished:
            after = replace(after, unsure=after.unsure - {name})
    return after


def _without_past(kept: Kept, at: datetime) -> Kept:
    """Alarms that have gone off deleted themselves."""
    return replace(kept, alarms={name: when for name, when in kept.alarms.items() if when > at})


def _steps(
    kept: Kept,
    wanted: Need,
    set_for: Mapping[str, datetime],
    counting: Callable[[str, tuple[int, int]], Step],
) -> dict[str, Step]:
    """What there is to do, in the order in which it takes time to come to pass."""
    steps: dict[str, Step] = {}
    for table, indexes in wanted.tables.items():
        there = kept.tables.get(table, {})
        cold = any(
            place not in there or not there[place].covers(units) for place, units in indexes.items()
        )
        if cold or PER_TABLE + table in kept.unsure:
            steps[PER_TABLE + table] = _warming(table, indexes)
    for function in sorted({*kept.functions, *wanted.functions, *_unsure(kept, PER_FUNCTION)}):
        environments = wanted.functions.get(function, 0)
        name = PER_FUNCTION + function
        if environments != kept.functions.get(function, 0) or name in kept.unsure:
            steps[name] = _keeping(function, environments)
    for sku in sorted({*kept.skus, *wanted.skus, *_unsure(kept, PER_SKU)}):
        rate, name = wanted.skus.get(sku, 0), PER_SKU + sku
        if rate != kept.skus.get(sku, 0) or name in kept.unsure:
            steps[name] = _sharing(sku, rate)
    for count in sorted({*kept.counts, *wanted.counts, *_unsure(kept, PER_COUNT)}):
        limit = kept.counts.get(count, (0, 0))[1]
        many, name = wanted.counts.get(count, (0, limit)), PER_COUNT + count
        if many != kept.counts.get(count) or name in kept.unsure:
            steps[name] = counting(count, many)
    unsure = _unsure(kept, PER_ALARM)
    for alarm in sorted({*kept.alarms, *set_for, *unsure}):
        when = set_for.get(alarm)
        if when != kept.alarms.get(alarm) or alarm in unsure:
            steps[PER_ALARM + alarm] = _winding(alarm, when)
    return steps


def _unsure(kept: Kept, kind: str) -> set[str]:
    return {name.removeprefix(kind) for name in kept.unsure if name.startswith(kind)}


def _warming(table: str, wanted: Mapping[str, Warmth]) -> Step:
    def step(kept: Kept, ground: Ground) -> tuple[Kept, bool]:
        there = ground.tables.warm(table)
        cold = {
            place: there[place].raised_to(units)
            for place, units in wanted.items()
            if place in there and not there[place].covers(units)
        }
        if cold:
            ground.tables.raise_to(table, cold)
        known = kept.tables.get(table, {})
        warm = {place: units.raised_to(known.get(place, units)) for place, units in wanted.items()}
        return replace(kept, tables={**kept.tables, table: {**known, **warm}}), True

    return step


def _keeping(function: str, environments: int) -> Step:
    def step(kept: Kept, ground: Ground) -> tuple[Kept, bool]:
        rest = {name: n for name, n in kept.functions.items() if name != function}
        if environments:
            ground.functions.keep(function, environments)
            return replace(kept, functions={**rest, function: environments}), True
        ground.functions.let_go(function)
        return replace(kept, functions=rest), True

    return step


def _sharing(sku: str, orders_a_second: int) -> Step:
    def step(kept: Kept, ground: Ground) -> tuple[Kept, bool]:
        finished = ground.bins.prepare(sku, orders_a_second)
        rest = {name: rate for name, rate in kept.skus.items() if name != sku}
        if orders_a_second or not finished:
            rest[sku] = orders_a_second
        return replace(kept, skus=rest), finished

    return step


def _counting(lately: Collection[str], at: datetime) -> Callable[[str, tuple[int, int]], Step]:
    """Steps that share counts out, of which those of ``lately`` are looked after until done."""

    def sharing(count: str, many: tuple[int, int]) -> Step:
        orders_a_second, limit = many

        def step(kept: Kept, ground: Ground) -> tuple[Kept, bool]:
            finished = ground.counts.share(Limited.of(count, limit), orders_a_second, at)
            finished = finished or count not in lately
            rest = {name: known for name, known in kept.counts.items() if name != count}
            if orders_a_second or not finished:
                rest[count] = many
            return replace(kept, counts=rest), finished

        return step

    return sharing


def _winding(alarm: str, when: datetime | None) -> Step:
    def step(kept: Kept, ground: Ground) -> tuple[Kept, bool]:
        rest = {name: at for name, at in kept.alarms.items() if name != alarm}
        if when is None:
            ground.clock.drop(alarm)
            return replace(kept, alarms=rest), True
        ground.clock.set(Alarm(alarm, when))
        return replace(kept, alarms={**rest, alarm: when}), True

    return step
