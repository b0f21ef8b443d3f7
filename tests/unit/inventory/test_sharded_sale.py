"""A hot SKU under random operations in random order: no unit is sold twice or lost."""

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
from shop.inventory.model.shard_writes import next_reshard_step
from shop.inventory.model.shards import INBOUND_SHARD, ShardWrites, StockShard, pick_shards
from shop.kernel.errors import Conflict
from shop.kernel.unit_of_work import ConditionFailed
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SKU = "HOT"
AUDIT = AuditInfo("w", NOW, "delivery")


class ShardedSale(RuleBasedStateMachine):
    """Buyers with stale snapshots, staff, and processes that reshard, all interleaved.

    Every transaction is planned on shards that were read some steps before (``snapshots``), as
    with many concurrent processes. The conditions alone must keep the sums right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stock = MemoryStockRepository()
        self.uow = MemoryUnitOfWork()
        self.chance = random.Random(7)
        self.orders: list[tuple[tuple[Reservation, ...], ReservationState]] = []
        self.snapshots: list[list[StockShard]] = []
        self.planned: list[ShardWrites] = []
        self.received = self.shipped = 0

    @initialize(units=st.integers(0, 200))
    def first_count(self, units: int) -> None:
        self.stock.create_levels({SKU: units}, actor="w", reason="opening", at=NOW)
        self.received = units
        self.snapshots.append(self.list_shards())

    def list_shards(self) -> list[StockShard]:
        return self.stock.shards.list_shards(SKU, MAIN_LOCATION)

    def reserve(self, reservations: tuple[Reservation, ...]) -> None:
        def add(transaction: Any) -> None:
            self.stock.reserve(transaction, reservations)

        self.uow.commit(add)
        self.orders.append((reservations, ReservationState.RESERVED))

    def release(self, reservations: tuple[Reservation, ...], state: ReservationState) -> None:
        self.uow.commit(lambda transaction: self.stock.release(transaction, reservations, state))

    def commit(self, step: ShardWrites) -> bool:
        try:
            self.uow.commit(lambda transaction: self.stock.shards.add_writes(transaction, step))
        except ConditionFailed:
            return False
        return True

    @rule()
    def process_reads_shards(self) -> None:
        self.snapshots = [*self.snapshots[-3:], self.list_shards()]

    @rule(quantity=st.integers(1, 9), age=st.integers(0, 3))
    def buyer_reserves(self, quantity: int, age: int) -> None:
        snapshot = self.snapshots[-1 - age % len(self.snapshots)]
        units = {MAIN_LOCATION: [one.available for one in snapshot]}
        reservations = pick_shards(Demand(SKU, quantity), units, self.chance)
        if reservations is None:
            return
        with contextlib.suppress(ConditionFailed):
            self.reserve(reservations)

    @rule(limit=st.integers(0, 9))
    def staff_set_backorder_terms(self, limit: int) -> None:
        terms = BackorderTerms(BackorderKind.BACK_ORDER, limit, date(2027, 1, 1))
        with contextlib.suppress(Conflict):
            self.stock.set_backorder_terms(terms, self.stock.level(SKU))

    @rule(quantity=st.integers(1, 4))
    def buyer_backorders(self, quantity: int) -> None:
        with contextlib.suppress(ConditionFailed):
            self.reserve((Reservation(SKU, quantity, shard=INBOUND_SHARD),))

    @rule(units=st.integers(1, 6))
    def goods_arrive(self, units: int) -> None:
        version = self.stock.level(SKU).version
        receive_stock(SKU, units, AUDIT, expected_version=version, stock_writer=self.stock)
        self.received += units

    @precondition(lambda self: self.orders)
    @rule(pick=st.integers(0, 10_000))
    def waiting_order_is_covered(self, pick: int) -> None:
        reservations, state = self.orders[pick % len(self.orders)]
        covered: list[tuple[Reservation, ...]] = []
        with contextlib.suppress(ConditionFailed):
            self.uow.commit(
                lambda transaction: covered.append(
                    self.stock.cover_backorder(transaction, reservations, state)
                )
            )
            self.orders[pick % len(self.orders)] = (covered[0], state)

    @rule()
    def surplus_earmarks_are_released(self) -> None:
        release_backorder_earmarks(SKU, AUDIT, stock_writer=self.stock)

    @precondition(lambda self: self.orders)
    @rule(pick=st.integers(0, 10_000), operation=st.sampled_from(["release", "commit", "ship"]))
    def order_is_released_committed_or_shipped(self, pick: int, operation: str) -> None:
        """A reservation can always be released, committed or shipped, despite resharding."""
        reservations, state = self.orders.pop(pick % len(self.orders))
        if operation == "ship" and any(
            reservation.shard == INBOUND_SHARD for reservation in reservations
        ):
            self.orders.append((reservations, state))
            return
        units = sum(reservation.quantity for reservation in reservations)
        if operation == "release":
            self.release(reservations, state)
        elif operation == "ship":
            self.uow.commit(
                lambda transaction: self.stock.ship(
                    transaction, reservations, order="o", actor="w", at=NOW, state=state
                )
            )
            self.shipped += units
        elif state is ReservationState.RESERVED:
            self.uow.commit(lambda transaction: self.stock.commit(transaction, reservations))
            self.orders.append((reservations, ReservationState.COMMITTED))
        else:
            self.orders.append((reservations, state))

    @rule(target_count=st.integers(1, 12), age=st.integers(0, 3))
    def process_plans_a_reshard_step(self, target_count: int, age: int) -> None:
        snapshot = self.snapshots[-1 - age % len(self.snapshots)]
        self.planned = [*self.planned[-3:], next_reshard_step(snapshot, target_count)]

    @precondition(lambda self: self.planned)
    @rule(pick=st.integers(0, 3))
    def process_commits_a_planned_step(self, pick: int) -> None:
        self.commit(self.planned[pick % len(self.planned)])

    @rule(target_count=st.integers(1, 12))
    def sku_is_resharded(self, target_count: int) -> None:
        self.stock.reshard(SKU, target_count)

    @rule(units=st.integers(-40, 40))
    def staff_adjust_stock(self, units: int) -> None:
        movement = StockMovement(SKU, MovementType.ADJUSTED, NOW, "w", on_hand=units)
        try:
            self.stock.write_movement(movement, self.stock.level(SKU))
        except Conflict:
            return
        self.received += units

    @rule(units=st.integers(-3, 3), safety=st.integers(-3, 3))
    def staff_set_units_aside(self, units: int, safety: int) -> None:
        movement = StockMovement(
            SKU, MovementType.SET_ASIDE, NOW, "w", unavailable={"damaged": units}, safety=safety
        )
        try:
            self.stock.write_movement(movement, self.stock.level(SKU))
        except Conflict:
            return

    @invariant()
    def every_shard_is_consistent(self) -> None:
        assert all(row.is_consistent for row in self.stock.shards.rows.values())

    @invariant()
    def sums_match_movements_and_orders(self) -> None:
        shards = self.list_shards()
        if not shards:
            return
        expected_rows = len(shards) + shards[0].inbound_shard_count
        assert expected_rows == len(self.stock.shards.rows), "a shard that shard 0 does not count"
        level = self.stock.level(SKU)
        assert level.on_hand == self.received - self.shipped
        promised = dict.fromkeys(ReservationState, 0)
        backordered = 0
        for reservations, state in self.orders:
            promised[state] += sum(r.quantity for r in reservations if r.shard != INBOUND_SHARD)
            backordered += sum(r.quantity for r in reservations if r.shard == INBOUND_SHARD)
        assert level.backordered == backordered
        assert (level.reserved, level.committed) == (
            promised[ReservationState.RESERVED],
            promised[ReservationState.COMMITTED],
        )
        assert level.promised <= level.on_hand

    def teardown(self) -> None:
        """At the end the last unit can be sold, and the shards can be merged into one."""
        if not self.list_shards():
            return
        for_sale = sum(max(0, one.available) for one in self.list_shards())
        sold = 0
        while reservations := pick_shards(
            Demand(SKU, 1),
            {MAIN_LOCATION: [one.available for one in self.list_shards()]},
            self.chance,
        ):
            self.reserve(reservations)
            sold += 1
        assert sold == for_sale
        for reservations, state in self.orders:
            self.release(reservations, state)
        assert self.stock.reshard(SKU, 1) == 1
        release_backorder_earmarks(SKU, AUDIT, stock_writer=self.stock)
        level = self.stock.level(SKU)
        assert (level.promised, level.backordered, level.earmarked) == (0, 0, 0)


TestShardedSale = ShardedSale.TestCase
TestShardedSale.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
