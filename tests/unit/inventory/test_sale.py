"""A hot SKU, whatever happens in whatever order: nothing is sold twice, nothing is lost."""

import contextlib
import random
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shop.inventory.actions import AuditInfo, receive_stock, release_backorder_earmarks
from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderKind,
    BackorderTerms,
    Demand,
    MovementType,
    Reservation,
    ReservationState,
    StockMovement,
)
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    ShardWrites,
    StockShard,
    next_reshard_step,
    pick_shards,
)
from shop.kernel.errors import Conflict
from shop.kernel.unit_of_work import ConditionFailed
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SKU = "HOT"
SLIP = AuditInfo("w", NOW, "delivery")


class Sale(RuleBasedStateMachine):
    """Buyers with old memories, staff and two people who share the stock out, all interleaved.

    Every transaction is planned on what was read some steps ago (``remembered``), as it is when
    many processes run at once; the conditions alone must keep the sums right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stock = MemoryStockRepository()
        self.ledger = MemoryUnitOfWork()
        self.chance = random.Random(7)
        self.orders: list[tuple[tuple[Reservation, ...], ReservationState]] = []
        self.remembered: list[list[StockShard]] = []
        self.planned: list[ShardWrites] = []
        self.came = self.left = 0

    @initialize(units=st.integers(0, 200))
    def opened(self, units: int) -> None:
        self.stock.create_levels({SKU: units}, actor="w", reason="opening", at=NOW)
        self.came = units
        self.remembered.append(self.bins())

    def bins(self) -> list[StockShard]:
        return self.stock.bins.of(SKU, MAIN_LOCATION)

    def reserve(self, reservations: tuple[Reservation, ...]) -> None:
        def part(writes: Any) -> None:
            self.stock.reserve(writes, reservations)

        self.ledger.commit(part)
        self.orders.append((reservations, ReservationState.RESERVED))

    def release(self, reservations: tuple[Reservation, ...], state: ReservationState) -> None:
        self.ledger.commit(lambda writes: self.stock.release(writes, reservations, state))

    def commit(self, step: ShardWrites) -> bool:
        try:
            self.ledger.commit(lambda writes: self.stock.bins.add(writes, step))
        except ConditionFailed:
            return False
        return True

    @rule()
    def somebody_looks(self) -> None:
        self.remembered = [*self.remembered[-3:], self.bins()]

    @rule(quantity=st.integers(1, 9), age=st.integers(0, 3))
    def somebody_buys(self, quantity: int, age: int) -> None:
        seen = self.remembered[-1 - age % len(self.remembered)]
        units = {MAIN_LOCATION: [one.available for one in seen]}
        holds = pick_shards(Demand(SKU, quantity), units, self.chance)
        if holds is None:
            return
        with contextlib.suppress(ConditionFailed):
            self.reserve(holds)

    @rule(limit=st.integers(0, 9))
    def staff_agree_to_sell_ahead(self, limit: int) -> None:
        terms = BackorderTerms(BackorderKind.BACK_ORDER, limit, date(2027, 1, 1))
        with contextlib.suppress(Conflict):
            self.stock.set_backorder_terms(terms, self.stock.level(SKU))

    @rule(quantity=st.integers(1, 4))
    def somebody_orders_ahead(self, quantity: int) -> None:
        with contextlib.suppress(ConditionFailed):
            self.reserve((Reservation(SKU, quantity, shard=INBOUND_SHARD),))

    @rule(units=st.integers(1, 6))
    def goods_arrive(self, units: int) -> None:
        version = self.stock.level(SKU).version
        receive_stock(SKU, units, SLIP, expected_version=version, stock_writer=self.stock)
        self.came += units

    @precondition(lambda self: self.orders)
    @rule(pick=st.integers(0, 10_000))
    def an_order_that_waits_is_covered(self, pick: int) -> None:
        holds, claim = self.orders[pick % len(self.orders)]
        kept: list[tuple[Reservation, ...]] = []
        with contextlib.suppress(ConditionFailed):
            self.ledger.commit(lambda w: kept.append(self.stock.cover_backorder(w, holds, claim)))
            self.orders[pick % len(self.orders)] = (kept[0], claim)

    @rule()
    def earmarks_are_swept(self) -> None:
        release_backorder_earmarks(SKU, SLIP, stock_writer=self.stock)

    @precondition(lambda self: self.orders)
    @rule(pick=st.integers(0, 10_000), what=st.sampled_from(["release", "commit", "ship"]))
    def an_order_goes_on(self, pick: int, what: str) -> None:
        """A hold can always be given back, committed or shipped, wherever its bin has gone."""
        holds, claim = self.orders.pop(pick % len(self.orders))
        if what == "ship" and any(hold.shard == INBOUND_SHARD for hold in holds):
            self.orders.append((holds, claim))
            return
        units = sum(hold.quantity for hold in holds)
        if what == "release":
            self.release(holds, claim)
        elif what == "ship":
            self.ledger.commit(
                lambda writes: self.stock.ship(
                    writes, holds, order="o", actor="w", at=NOW, state=claim
                )
            )
            self.left += units
        elif claim is ReservationState.RESERVED:
            self.ledger.commit(lambda writes: self.stock.commit(writes, holds))
            self.orders.append((holds, ReservationState.COMMITTED))
        else:
            self.orders.append((holds, claim))

    @rule(wanted=st.integers(1, 12), age=st.integers(0, 3))
    def somebody_plans_to_share_out(self, wanted: int, age: int) -> None:
        seen = self.remembered[-1 - age % len(self.remembered)]
        self.planned = [*self.planned[-3:], next_reshard_step(seen, wanted)]

    @precondition(lambda self: self.planned)
    @rule(pick=st.integers(0, 3))
    def a_plan_is_carried_out(self, pick: int) -> None:
        self.commit(self.planned[pick % len(self.planned)])

    @rule(wanted=st.integers(1, 12))
    def it_is_shared_out(self, wanted: int) -> None:
        self.stock.reshard(SKU, wanted)

    @rule(units=st.integers(-40, 40))
    def staff_count(self, units: int) -> None:
        movement = StockMovement(SKU, MovementType.ADJUSTED, NOW, "w", on_hand=units)
        try:
            self.stock.write_movement(movement, self.stock.level(SKU))
        except Conflict:
            return
        self.came += units

    @rule(units=st.integers(-3, 3), safety=st.integers(-3, 3))
    def staff_set_units_aside(self, units: int, safety: int) -> None:
        movement = StockMovement(
            SKU, MovementType.HELD_BACK, NOW, "w", unavailable={"damaged": units}, safety=safety
        )
        try:
            self.stock.write_movement(movement, self.stock.level(SKU))
        except Conflict:
            return

    @invariant()
    def every_bin_adds_up(self) -> None:
        assert all(row.adds_up for row in self.stock.bins.rows.values())

    @invariant()
    def nothing_is_lost_and_nothing_made(self) -> None:
        bins = self.bins()
        if not bins:
            return
        known = len(bins) + bins[0].version_of_terms
        assert known == len(self.stock.bins.rows), "a bin nobody knows of"
        level = self.stock.level(SKU)
        assert level.on_hand == self.came - self.left
        held = dict.fromkeys(ReservationState, 0)
        awaited = 0
        for holds, claim in self.orders:
            held[claim] += sum(hold.quantity for hold in holds if hold.shard != INBOUND_SHARD)
            awaited += sum(hold.quantity for hold in holds if hold.shard == INBOUND_SHARD)
        assert level.backordered == awaited
        assert (level.reserved, level.committed) == (
            held[ReservationState.RESERVED],
            held[ReservationState.COMMITTED],
        )
        assert level.promised <= level.on_hand

    def teardown(self) -> None:
        """At the end everything can still be sold, to the last unit, and the bins merged."""
        if not self.bins():
            return
        for_sale = sum(max(0, one.available) for one in self.bins())
        sold = 0
        while holds := pick_shards(
            Demand(SKU, 1), {MAIN_LOCATION: [one.available for one in self.bins()]}, self.chance
        ):
            self.reserve(holds)
            sold += 1
        assert sold == for_sale
        for holds, claim in self.orders:
            self.release(holds, claim)
        assert self.stock.reshard(SKU, 1) == 1
        release_backorder_earmarks(SKU, SLIP, stock_writer=self.stock)
        level = self.stock.level(SKU)
        assert (level.promised, level.backordered, level.earmarked) == (0, 0, 0)


TestSale = Sale.TestCase
TestSale.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
