"""Usage counters in a row and in shards: no use is lost by any sequence of operations."""

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
class MemoryCounterRow:
    """The row of one counter, which gives uses until none remain."""

    kind: str
    limit: int
    row: UsageCounter = field(init=False)

    def __post_init__(self) -> None:
        self.row = UsageCounter(self.kind, f"{self.kind}#x", self.limit, exists=True)

    def get(self, kind: str, name: str, limit: int) -> UsageCounter:
        if kind == QUOTA and limit != self.limit:
            self.row = replace(self.row, remaining=self.row.remaining + limit - self.limit)
            self.limit = limit
        return self.row

    def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
        def move() -> None:
            self.row = replace(
                self.row,
                remaining=self.row.remaining - units,
                in_shards=self.row.in_shards + units,
                shard_count=max(1, self.row.shard_count),
            )

        return lambda writes: writes.add("ROW", lambda: self.row == row, move)

    def set_shard_count(self, row: UsageCounter, shard_count: int) -> None:
        self.row = replace(self.row, shard_count=shard_count)

    def consume_op(self, units: int) -> WriteOperation:
        """Take uses from the row; a negative number releases them."""

        def consume() -> None:
            self.row = replace(
                self.row, remaining=self.row.remaining - units, used=self.row.used + units
            )

        return lambda writes: writes.add(
            "ROW", lambda: self.row.remaining >= units and self.row.used + units >= 0, consume
        )


@dataclass
class SimulatedShop:
    """Buyers of limited uses. Some of them do not know yet that the counter is sharded."""

    rows: MemoryCounterRow
    rng: random.Random
    stock: MemoryStockRepository = field(
        default_factory=lambda: MemoryStockRepository(locations=(USAGE_LOCATION,))
    )
    uow: MemoryUnitOfWork = field(default_factory=MemoryUnitOfWork)
    orders: list[tuple[Reservation, ...] | int] = field(default_factory=list)
    wrongly_rejected: int = 0

    def buy(self, units: int) -> None:
        knows_only_the_row = self.rng.random() < 0.3
        available = 0 if knows_only_the_row else self.level.available
        try:
            if knows_only_the_row or not self.rows.row.shard_count:
                self.uow.commit(self.rows.consume_op(units))
                self.orders.append(units)
            else:
                reservations = self.stock.pick_shards([Demand(self.rows.row.article, units)])
                self.uow.commit(lambda writes: self._reserve(writes, reservations))
                self.orders.append(reservations)
        except ConditionFailed:
            self.wrongly_rejected += available >= units

    def _reserve(self, writes: Any, reservations: tuple[Reservation, ...]) -> None:
        self.stock.reserve(writes, reservations)

    def cancel_an_order(self) -> None:
        if self.orders:
            order = self.orders.pop(self.rng.randrange(len(self.orders)))
            if isinstance(order, int):
                self.uow.commit(self.rows.consume_op(-order))
            else:
                self.uow.commit(lambda writes: self.stock.release(writes, order))

    def reshard(self, orders_per_second: int, limit: int) -> bool:
        rows, stock = self.rows, self.stock
        return reshard_counter(
            rows.kind, "x", limit, orders_per_second, rows=rows, stock=stock, at=NOW
        )

    @property
    def level(self) -> Any:
        return self.stock.level(self.rows.row.article, USAGE_LOCATION)

    @property
    def used(self) -> int:
        return sum(
            order if isinstance(order, int) else sum(r.quantity for r in order)
            for order in self.orders
        )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.integers(1, 9)),
        st.tuples(st.just("cancel"), st.just(0)),
        st.tuples(st.just("reshard"), st.sampled_from((0, 50, 200, 1000))),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS, st.sampled_from((QUOTA, CODE_USES)), st.integers(1, 120), st.integers(0, 2**16))
def test_row_and_shards_always_sum_to_the_limit(
    steps: list[tuple[str, int]], kind: str, limit: int, seed: int
) -> None:
    shop = SimulatedShop(MemoryCounterRow(kind, limit), random.Random(seed))
    for action, number in steps:
        if action == "buy":
            shop.buy(number)
        elif action == "cancel":
            shop.cancel_an_order()
        else:
            shop.reshard(number, limit)
        row, level = shop.rows.row, shop.level
        assert row.remaining + row.used + level.available + level.reserved == limit
        assert row.used + level.reserved == shop.used <= limit
        assert min(row.remaining, row.used, level.available) >= 0
        assert row.in_shards == level.on_hand
    assert shop.wrongly_rejected == 0  # of the buyers who knew the shards
    shop.reshard(200, limit)
    while shop.level.available if shop.rows.row.shard_count else shop.rows.row.remaining:
        shop.buy(1)
    assert shop.used == limit


@settings(deadline=None)
@given(STEPS, st.lists(st.integers(1, 120), min_size=1, max_size=4), st.integers(0, 2**16))
def test_changed_limit_applies_to_unused_uses(
    steps: list[tuple[str, int]], limits: list[int], seed: int
) -> None:
    shop = SimulatedShop(MemoryCounterRow(QUOTA, limits[0]), random.Random(seed))
    for limit in limits:
        shop.reshard(200, limit)
        free = shop.level.available + max(0, shop.rows.row.remaining)
        assert free == max(0, limit - shop.used)
        for action, number in steps:
            if action == "buy":
                shop.buy(number)
            elif action == "cancel" and shop.used <= limit:
                shop.cancel_an_order()
        assert shop.used <= max(limit, *limits)


def test_invariant_detects_a_row_that_keeps_its_moved_uses() -> None:
    """A row that does not subtract moved uses breaks the invariant above."""

    class RowThatKeepsMovedUses(MemoryCounterRow):
        def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
            return lambda writes: None

    shop = SimulatedShop(RowThatKeepsMovedUses(QUOTA, 64), random.Random(1))
    with suppress(Exception):
        shop.reshard(100, 64)
    row, level = shop.rows.row, shop.level
    assert row.remaining + row.used + level.available + level.reserved > 64


@pytest.mark.parametrize(("rate", "limit"), [(20, 1000), (5000, 31)])
def test_counter_with_low_load_or_few_uses_stays_a_row(rate: int, limit: int) -> None:
    shop = SimulatedShop(MemoryCounterRow(QUOTA, limit), random.Random(1))
    assert shop.reshard(rate, limit)
    assert (shop.rows.row.shard_count, shop.level.version) == (0, 0)
