"""Uses in a row and in bins: whatever is taken, given back, shared out and merged, none is lost."""

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.inventory.model import USAGE_LOCATION, Demand, Reservation
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.pricing.actions.usage_sharding import reshard_counter
from shop.pricing.model.usage import CODE_USES, QUOTA, UsageCounter
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass
class MemoryRow:
    """The row of one count, which gives uses out until it has none left."""

    sort: str
    limit: int
    row: UsageCounter = field(init=False)

    def __post_init__(self) -> None:
        self.row = UsageCounter(self.sort, f"{self.sort}#x", self.limit, exists=True)

    def get(self, kind: str, name: str, limit: int) -> UsageCounter:
        if kind == QUOTA and limit != self.limit:
            self.row = replace(self.row, remaining=self.row.remaining + limit - self.limit)
            self.limit = limit
        return self.row

    def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
        def do() -> None:
            left, lent = self.row.remaining - units, self.row.in_shards + units
            self.row = replace(
                self.row, remaining=left, in_shards=lent, shard_count=max(1, self.row.shard_count)
            )

        return lambda writes: writes.add("ROW", lambda: self.row == row, do)

    def set_shard_count(self, row: UsageCounter, bins: int) -> None:
        self.row = replace(self.row, shard_count=bins)

    def moving(self, units: int) -> WriteOperation:
        """So many uses are taken from the row; below zero: given back."""

        def do() -> None:
            self.row = replace(
                self.row, remaining=self.row.remaining - units, used=self.row.used + units
            )

        return lambda writes: writes.add(
            "ROW", lambda: self.row.remaining >= units and self.row.used + units >= 0, do
        )


@dataclass
class Counter:
    """Buyers, some of whom know of the bins and some of whom do not yet."""

    rows: MemoryRow
    chance: random.Random
    stock: MemoryStockRepository = field(
        default_factory=lambda: MemoryStockRepository(locations=(USAGE_LOCATION,))
    )
    ledger: MemoryUnitOfWork = field(default_factory=MemoryUnitOfWork)
    orders: list[tuple[Reservation, ...] | int] = field(default_factory=list)
    refused: int = 0
    falsely: int = 0

    def take(self, units: int) -> None:
        old = self.chance.random() < 0.3
        there = 0 if old else self.level.available
        try:
            if old or not self.rows.row.shard_count:
                self.ledger.commit(self.rows.moving(units))
                self.orders.append(units)
            else:
                holds = self.stock.pick_shards([Demand(self.rows.row.article, units)])
                self.ledger.commit(lambda writes: self._reserve(writes, holds))
                self.orders.append(holds)
        except ConditionFailed:
            self.refused += 1
            self.falsely += there >= units

    def _reserve(self, writes: Any, reservations: tuple[Reservation, ...]) -> None:
        self.stock.reserve(writes, reservations)

    def call_off(self) -> None:
        if self.orders:
            order = self.orders.pop(self.chance.randrange(len(self.orders)))
            if isinstance(order, int):
                self.ledger.commit(self.rows.moving(-order))
            else:
                self.ledger.commit(lambda writes: self.stock.release(writes, order))

    def share(self, orders_per_second: int, limit: int) -> bool:
        rows, stock = self.rows, self.stock
        return reshard_counter(
            rows.sort, "x", limit, orders_per_second, rows=rows, stock=stock, at=NOW
        )

    @property
    def level(self) -> Any:
        return self.stock.level(self.rows.row.article, USAGE_LOCATION)

    @property
    def used(self) -> int:
        each = (o if isinstance(o, int) else sum(h.quantity for h in o) for o in self.orders)
        return sum(each)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 9)),
        st.tuples(st.just("call off"), st.just(0)),
        st.tuples(st.just("share"), st.sampled_from((0, 50, 200, 1000))),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS, st.sampled_from((QUOTA, CODE_USES)), st.integers(1, 120), st.integers(0, 2**16))
def test_row_and_bins_are_the_limit_together_and_what_was_used_is_what_orders_hold(
    steps: list[tuple[str, int]], sort: str, limit: int, seed: int
) -> None:
    shop = Counter(MemoryRow(sort, limit), random.Random(seed))
    for what, number in steps:
        if what == "take":
            shop.take(number)
        elif what == "call off":
            shop.call_off()
        else:
            shop.share(number, limit)
        row, level = shop.rows.row, shop.level
        assert row.remaining + row.used + level.available + level.reserved == limit
        assert row.used + level.reserved == shop.used <= limit
        assert min(row.remaining, row.used, level.available) >= 0
        assert row.in_shards == level.on_hand
    assert shop.falsely == 0  # who knows what is there is never told "used up" while there is some
    shop.share(200, limit)
    while shop.level.available if shop.rows.row.shard_count else shop.rows.row.remaining:
        shop.take(1)
    assert shop.used == limit


@settings(deadline=None)
@given(STEPS, st.lists(st.integers(1, 120), min_size=1, max_size=4), st.integers(0, 2**16))
def test_a_limit_that_is_changed_holds_for_whatever_is_not_used_yet(
    steps: list[tuple[str, int]], limits: list[int], seed: int
) -> None:
    shop = Counter(MemoryRow(QUOTA, limits[0]), random.Random(seed))
    for limit in limits:
        shop.share(200, limit)
        free = shop.level.available + max(0, shop.rows.row.remaining)
        assert free == max(0, limit - shop.used)
        for what, number in steps:
            if what == "take":
                shop.take(number)
            elif what == "call off" and shop.used <= limit:
                shop.call_off()
        assert shop.used <= max(limit, *limits)


def test_uses_that_are_handed_over_without_a_word_to_the_row_are_found_out() -> None:
    """The same with a row that forgets: the law above has to fail."""

    class Forgetful(MemoryRow):
        def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
            return lambda writes: None

    shop = Counter(Forgetful(QUOTA, 64), random.Random(1))
    with suppress(Exception):
        shop.share(100, 64)
    row, level = shop.rows.row, shop.level
    assert row.remaining + row.used + level.available + level.reserved > 64


@pytest.mark.parametrize(("rate", "limit"), [(20, 1000), (5000, 31)])
def test_what_few_meet_in_or_has_few_uses_stays_a_row(rate: int, limit: int) -> None:
    shop = Counter(MemoryRow(QUOTA, limit), random.Random(1))
    assert shop.share(rate, limit)
    assert (shop.rows.row.shard_count, shop.level.version) == (0, 0)
