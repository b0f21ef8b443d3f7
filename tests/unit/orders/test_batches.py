"""Orders with more SKUs than one transaction can carry, with crashes at every commit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shop.inventory.model import Reservation
from shop.kernel.errors import Conflict, NotFound, Unavailable
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork, WriteOperation
from shop.orders.actions.batched_placement import (
    abandon_placement,
    place_in_batches,
    process_batches_now,
    process_queued_batches,
)
from shop.orders.actions.cancellation import cancel_order, cancel_unshipped
from shop.orders.actions.delivery import complete_order
from shop.orders.actions.expiry import expire_overdue_orders
from shop.orders.actions.lookup import get_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.returns import ReturnInput, ReturnLineInput, stage_return
from shop.orders.actions.shipments import allocate_order, create_shipment
from shop.orders.model import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_SHIPPED_PER_BATCH,
    Order,
    OrderLine,
    OrderStatus,
    ReservationBatch,
    ShipmentInput,
)
from shop.orders.model.finding import OrderSearch
from shop.orders.store.serialization import to_document
from shop.storage.compression import compress_json
from tests.kit.order_index import finder_of
from tests.kit.orders import BLACK_FRIDAY, WINDOW, make_order
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.orders.test_finding import day

SKU_COUNT = 200
SKUS = [f"SKU-{n:04d}" for n in range(SKU_COUNT)]


class ProcessCrash(Exception):
    """The process crashes; no code catches this."""


@dataclass
class CrashingUnitOfWork:
    """A unit of work whose process crashes at one commit, before or after it is written."""

    uow: UnitOfWork
    crash_at: int = -1
    after_write: bool = False
    commits: int = 0

    def commit(self, *operations: WriteOperation) -> None:
        self.commits += 1
        if self.commits - 1 == self.crash_at and not self.after_write:
            raise ProcessCrash
        self.uow.commit(*operations)
        if self.commits - 1 == self.crash_at:
            raise ProcessCrash


def large_order(**changes: Any) -> Order:
    """Return an order of 200 SKUs, two pieces of each; the first SKU is on two lines."""
    lines = tuple(
        OrderLine(f"li_{n}", "p", f"p.{n}", sku, sku, 1000, 2, 2000, 0, 0, 2000)
        for n, sku in enumerate([SKUS[0], *SKUS])
    )
    total = sum(line.total for line in lines) + 599
    fields = {"lines": lines, "subtotal": total - 599, "tax": 0, "total": total, "reservations": ()}
    return make_order(**{**fields, "status": OrderStatus.PLACING, **changes})


@dataclass
class BatchedShop:
    """A shop with ten units of each SKU in stock and one large order."""

    fixture: OrderFixture
    uow: CrashingUnitOfWork

    @property
    def writes(self) -> OrderWrites:
        return replace(self.fixture.writes, uow=self.uow)

    @property
    def order(self) -> Order:
        order: Order = self.fixture.orders.get_by_id("ord_1")
        return order

    def begin_placement(self) -> Order:
        order = large_order(placed_at=self.fixture.now, pay_by=self.fixture.now + WINDOW)
        self.fixture.uow.commit(
            self.fixture.orders.place_op(order, ()),
            self.fixture.orders.open_batches(order.id),
            self.fixture.usage_counters.consume(order.usage),
        )
        return order

    def place(self) -> Order:
        order, shortages = place_in_batches(self.order, writes=self.writes)
        assert shortages == ()
        return order

    def abandon(self, reason: str = "out_of_stock") -> Order:
        return abandon_placement(
            self.order, reason, at=self.fixture.now, actor="t", writes=self.writes
        )

    def check(self) -> None:
        """Assert that stock agrees with the order and its batches."""
        order = self.order
        _, batches = self.fixture.orders.list_batches(order.id)
        reserved = dict.fromkeys(SKUS, 0)
        shipped = dict.fromkeys(SKUS, 0)
        queued = dict.fromkeys(SKUS, 0)
        for reservation in [
            *order.reservations,
            *(
                reservation
                for batch in batches
                if not batch.returned
                for reservation in batch.reservations
            ),
        ]:
            reserved[reservation.sku] += reservation.quantity
        for batch in batches:
            for reservation in batch.reservations if batch.shipped else ():
                queued[reservation.sku] += reservation.quantity
            for reservation in batch.reservations if batch.returned else ():
                queued[reservation.sku] -= reservation.quantity
        for line in order.lines:
            shipped[line.sku] += line.shipped
        for returned in order.returns:
            for unit in order.restocked_units(returned):
                shipped[unit.sku] -= unit.quantity
        for sku in SKUS:
            level = self.fixture.stock.level(sku)
            assert level.reserved == reserved[sku], sku
            assert level.on_hand == 10 - shipped[sku] + queued[sku], sku
        cancelled = order.status is OrderStatus.CANCELLED
        counted = 0 if cancelled else sum(count.units for count in order.usage)
        assert self.fixture.usage_counted() == counted

    def check_at_rest(self) -> None:
        self.check()
        placing, batches = self.fixture.orders.list_batches("ord_1")
        assert (placing, list(batches)) == (None, [])


@pytest.fixture
def batched_shop(memory: OrderFixture) -> BatchedShop:
    return _batched_shop(memory)


def _batched_shop(fixture: OrderFixture) -> BatchedShop:
    fixture.stock.create_levels(
        dict.fromkeys(SKUS, 10), actor="test", reason="opening", at=BLACK_FRIDAY
    )
    return BatchedShop(fixture, CrashingUnitOfWork(fixture.uow))


def event_types(shop: BatchedShop) -> list[str]:
    return [event.type for event in shop.fixture.orders.outbox]


def test_large_order_is_placed_whole_with_one_event(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()
    assert event_types(batched_shop) == []
    order = batched_shop.place()
    assert order.status is OrderStatus.PLACED
    assert order == batched_shop.order
    assert sum(hold.quantity for hold in order.reservations) == 2 * (SKU_COUNT + 1)
    assert event_types(batched_shop) == ["OrderPlaced"]
    assert batched_shop.uow.commits == -(-SKU_COUNT // MAX_RESERVATIONS_PER_BATCH) + 1
    batched_shop.check_at_rest()


def test_order_being_placed_is_not_visible(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()
    with pytest.raises(NotFound):
        get_order(None, "ord_1", orders=batched_shop.fixture.orders)
    finder = finder_of(batched_shop.fixture.orders)
    for search in (day(f"{BLACK_FRIDAY:%Y-%m-%d}"), OrderSearch(email="jane@example.com")):
        assert finder.find(search, cursor=None, limit=9).items == ()
    batched_shop.abandon()
    with pytest.raises(NotFound):
        get_order(None, "ord_1", orders=batched_shop.fixture.orders)
    assert event_types(batched_shop) == []


def test_all_shortages_are_reported_and_stock_is_released(
    batched_shop: BatchedShop,
) -> None:
    order = batched_shop.begin_placement()
    taken = [Reservation(SKUS[n], 9) for n in (95, 150, 199)]
    batched_shop.fixture.uow.commit(
        lambda transaction: batched_shop.fixture.stock.reserve(transaction, taken)
    )
    _, shortages = place_in_batches(order, writes=batched_shop.writes)
    assert [(each.sku, each.requested, each.available) for each in shortages] == [
        (SKUS[n], 2, 1) for n in (95, 150, 199)
    ]
    assert batched_shop.abandon().status is OrderStatus.CANCELLED
    batched_shop.fixture.uow.commit(
        lambda transaction: batched_shop.fixture.stock.release(transaction, taken)
    )
    batched_shop.check_at_rest()


def test_concurrent_placements_place_the_order_once(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()
    order = batched_shop.order

    class CompetingPlacement(CrashingUnitOfWork):
        def commit(self, *operations: WriteOperation) -> None:
            if self.commits == 1:
                self.commits += 1
                place_in_batches(order, writes=replace(batched_shop.writes, uow=self.uow))
            super().commit(*operations)

    batched_shop.uow = CompetingPlacement(batched_shop.fixture.uow)
    assert batched_shop.place().status is OrderStatus.PLACED
    assert event_types(batched_shop) == ["OrderPlaced"]
    batched_shop.check_at_rest()


def test_abandoning_stops_a_concurrent_placement(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()

    class CompetingSweep(CrashingUnitOfWork):
        def commit(self, *operations: WriteOperation) -> None:
            if self.commits == 1:
                self.commits += 1
                batched_shop.fixture.now += timedelta(hours=1)
                batched_shop.fixture.expire(batched_shop.order)
            super().commit(*operations)

    batched_shop.uow = CompetingSweep(batched_shop.fixture.uow)
    assert batched_shop.place().status is OrderStatus.CANCELLED
    batched_shop.check_at_rest()
    assert event_types(batched_shop) == []


def repeat_request(shop: BatchedShop) -> None:
    """Repeat the same request."""
    if shop.order.status is OrderStatus.PLACING:
        shop.place()


def sweep(shop: BatchedShop) -> None:
    """Run the expiry sweep after the deadline."""
    expire_overdue_orders(
        at=shop.fixture.advance(hours=1), provider=shop.fixture.provider, writes=shop.fixture.writes
    )


def cancel_as_buyer(shop: BatchedShop) -> None:
    """Cancel the order as its buyer."""
    shop.fixture.cancel(shop.order)


def abandon_if_placing(shop: BatchedShop) -> None:
    """Abandon the placement because of a shortage."""
    if shop.order.status is OrderStatus.PLACING:
        shop.abandon()


RESUMPTIONS: dict[str, tuple[Callable[[BatchedShop], None], OrderStatus]] = {
    "repeated request": (repeat_request, OrderStatus.PLACED),
    "expiry sweep": (sweep, OrderStatus.CANCELLED),
    "cancellation": (cancel_as_buyer, OrderStatus.CANCELLED),
    "shortage": (abandon_if_placing, OrderStatus.CANCELLED),
}
"""What follows a crash during placement, and the status that it leads to."""


@pytest.mark.slow
@pytest.mark.parametrize("resumption", RESUMPTIONS)
def test_placement_interrupted_anywhere_is_resumed_or_reversed_once(resumption: str) -> None:
    resume, end = RESUMPTIONS[resumption]
    for at, after in [(n, side) for n in range(4) for side in (False, True)]:
        shop = _new_shop(at, after)
        shop.begin_placement()
        with pytest.raises(ProcessCrash):
            shop.place()
        shop.check()
        placed = shop.order.status is OrderStatus.PLACED
        shop.uow = CrashingUnitOfWork(shop.fixture.uow)
        resume(shop)
        _deliver(shop)
        ends = {end, OrderStatus.PLACED} if placed and resumption == "shortage" else {end}
        assert shop.order.status in ends, (at, after)
        shop.check_at_rest()


def return_everything(shop: BatchedShop) -> None:
    """Return all pieces to stock, once, as :func:`create_return` does by its idempotency key."""
    if shop.order.returns:
        return
    pieces = {line.id: ReturnLineInput(2, restock=True) for line in shop.order.lines}
    change = stage_return(
        shop.order,
        ReturnInput(pieces, "too many"),
        at=shop.fixture.now,
        actor="wanda",
        writes=shop.writes,
        locations=shop.fixture.locations,
    )
    shop.uow.commit(*change.writes)
    process_batches_now("ord_1", writes=shop.writes)


OPERATIONS: dict[str, Callable[[BatchedShop], object]] = {
    "abandon": lambda shop: shop.abandon(),
    "cancel": lambda shop: cancel_order(
        "ord_1",
        "changed my mind",
        at=shop.fixture.now,
        actor="wanda",
        writes=shop.writes,
    ),
    "partial cancellation": lambda shop: cancel_unshipped(
        "ord_1", at=shop.fixture.now, writes=shop.writes
    ),
    "shipment": lambda shop: create_shipment(
        "ord_1",
        ShipmentInput("ups", "1Z1"),
        at=shop.fixture.now,
        actor="wanda",
        writes=shop.writes,
    ),
    "return": return_everything,
}


def _new_shop(crash_at: int = -1, after_write: bool = False) -> BatchedShop:
    from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
    from tests.doubles.orders import MemoryOrderRepository

    shop = _batched_shop(
        OrderFixture(MemoryOrderRepository(), MemoryStockRepository(), MemoryUnitOfWork())
    )
    shop.uow = CrashingUnitOfWork(shop.fixture.uow, crash_at, after_write)
    return shop


def _shop_ready_for(operation: str, crash_at: int = -1, after_write: bool = False) -> BatchedShop:
    """Return a shop whose order is in the state that the operation needs."""
    shop = _new_shop()
    shop.begin_placement()
    if operation == "abandon":
        for batch_number in range(2):
            reservations = tuple(
                Reservation(sku, 2) for sku in SKUS[1 + batch_number * 90 : 91 + batch_number * 90]
            )
            record = shop.fixture.orders.record_batch(
                "ord_1", ReservationBatch(f"0.{batch_number:03d}", reservations)
            )
            shop.fixture.uow.commit(record, _reserve_op(shop, reservations))
    else:
        shop.place()
        shop.fixture.pay(shop.order)
        allocate_order("ord_1", at=shop.fixture.now, orders=shop.fixture.orders)
    if operation == "return":
        create_shipment(
            "ord_1",
            ShipmentInput("ups", "1Z1"),
            at=shop.fixture.now,
            actor="wanda",
            writes=shop.writes,
        )
        shop.fixture.track("delivered", "1Z1")
        complete_order("ord_1", at=shop.fixture.now, orders=shop.fixture.orders)
    if operation == "partial cancellation":
        shop.fixture.ship(shop.order, lines={"li_5": 1})
    shop.uow = CrashingUnitOfWork(shop.fixture.uow, crash_at, after_write)
    return shop


def _reserve_op(shop: BatchedShop, reservations: tuple[Reservation, ...]) -> WriteOperation:
    return lambda transaction: shop.fixture.stock.reserve(transaction, reservations)


def _deliver(shop: BatchedShop) -> None:
    """Deliver each published event twice."""
    for event in [*shop.fixture.orders.outbox] * 2:
        if event.type == "StockBatchesQueued":
            process_queued_batches(
                event.subject,
                writes=shop.fixture.writes,
            )


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_queued_stock_moves_once_wherever_it_is_interrupted(operation: str) -> None:
    # Given the number of commits of an uninterrupted run
    uninterrupted = _shop_ready_for(operation)
    OPERATIONS[operation](uninterrupted)
    uninterrupted.check_at_rest()
    steps, end = uninterrupted.uow.commits, uninterrupted.order
    assert steps >= 4
    for at, after in [(n, side) for n in range(steps) for side in (False, True)]:
        # When the process crashes at this commit
        shop = _shop_ready_for(operation, at, after)
        with pytest.raises(ProcessCrash):
            OPERATIONS[operation](shop)
        shop.check()
        shop.uow = CrashingUnitOfWork(shop.fixture.uow)
        # Then a repetition and the events complete it
        if at == 0 or operation == "abandon":
            abandon_if_placing(shop) if operation == "abandon" else OPERATIONS[operation](shop)
        _deliver(shop)
        shop.check_at_rest()
        assert (shop.order.status, shop.order.reservations) == (end.status, end.reservations), (
            at,
            after,
        )


def test_batches_left_by_an_outage_are_moved_by_the_event(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()
    batched_shop.place()

    class Outage(CrashingUnitOfWork):
        def commit(self, *operations: WriteOperation) -> None:
            if self.commits:
                raise Unavailable("down")
            super().commit(*operations)

    batched_shop.uow = Outage(batched_shop.fixture.uow)
    assert OPERATIONS["cancel"](batched_shop) is not None
    assert batched_shop.order.status is OrderStatus.CANCELLED
    batched_shop.check()
    assert event_types(batched_shop)[-2:] == ["OrderCancelled", "StockBatchesQueued"]
    _deliver(batched_shop)
    batched_shop.check_at_rest()


def test_large_shipment_leaves_in_batches_once(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()
    batched_shop.fixture.pay(batched_shop.place())
    order = OPERATIONS["shipment"](batched_shop)
    assert isinstance(order, Order)
    assert order.shipped
    assert batched_shop.uow.commits >= -(-SKU_COUNT // MAX_SHIPPED_PER_BATCH)
    OPERATIONS["shipment"](batched_shop)
    batched_shop.check_at_rest()
    assert len(batched_shop.fixture.stock.list_movements(SKUS[0]).items) == 2


def test_large_shipment_rejects_inbound_units(batched_shop: BatchedShop) -> None:
    batched_shop.begin_placement()
    order = batched_shop.fixture.pay(batched_shop.place())
    inbound = (replace(order.reservations[0], shard=-1), *order.reservations[1:])
    batched_shop.fixture.orders.save(order, replace(order, reservations=inbound), ())
    with pytest.raises(Conflict) as error:
        OPERATIONS["shipment"](batched_shop)
    assert error.value.code == "stock_awaited"


def test_largest_order_fits_one_item() -> None:
    lines = tuple(
        OrderLine(
            f"li_{n}",
            f"product-{n * 7919 % 99991}",
            f"product-{n * 7919 % 99991}.{n % 9}",
            f"SKU-{n * 104729 % 999983}",
            f"Something to buy, number {n * 31337 % 65521}, in colour {n * 17 % 251}",
            995 + n * 37 % 5000,
            1 + n % 12,
            n * 1001,
            0,
            n * 7 % 997,
            n * 1001,
            f"https://images.example.com/products/{n * 7919 % 99991}.jpg",
        )
        for n in range(2_000)
    )
    reservations = tuple(Reservation(line.sku, line.quantity) for line in lines)
    order = make_order(lines=lines, reservations=reservations, status=OrderStatus.PLACED)
    assert len(compress_json(to_document(order))) < 200_000


def test_batches_are_recorded_while_open_and_finished_once(
    order_fixture: OrderFixture,
) -> None:
    orders, commit = order_fixture.orders, order_fixture.uow.commit

    def fails(operation: WriteOperation) -> None:
        with pytest.raises(ConditionFailed) as failure:
            commit(operation)
        assert failure.value.keys == {orders.condition_key("ord_1")}

    first, second = (ReservationBatch(f"0.{n:03d}", (Reservation("MUG-RED", 1),)) for n in range(2))
    # Given no placement, nothing can be recorded or reversed
    assert orders.list_batches("ord_1") == (None, [])
    fails(orders.record_batch("ord_1", first))
    fails(orders.reverse_batches("ord_1"))
    # When the placement opens, each batch is recorded once
    commit(orders.open_batches("ord_1"))
    fails(orders.open_batches("ord_1"))
    commit(orders.record_batch("ord_1", first))
    fails(orders.record_batch("ord_1", first))
    assert orders.list_batches("ord_1") == (True, [first])
    # When it is reversed, no further batch is recorded and each is finished once
    fails(orders.close_batches("ord_1", placing=False))
    commit(orders.reverse_batches("ord_1"))
    fails(orders.reverse_batches("ord_1"))
    fails(orders.record_batch("ord_1", second))
    fails(orders.close_batches("ord_1", placing=True))
    commit(orders.finish_batch("ord_1", first))
    fails(orders.finish_batch("ord_1", first))
    commit(orders.close_batches("ord_1", placing=False))
    # Then batches of a placed order are queued once
    shipped = ReservationBatch(
        "7.000",
        (Reservation("MUG-RED", 1), Reservation("MUG-BLUE", 2, "north", 3)),
        ("ann", BLACK_FRIDAY),
    )
    commit(orders.enqueue_batch("ord_1", shipped))
    fails(orders.enqueue_batch("ord_1", shipped))
    assert orders.list_batches("ord_1") == (None, [shipped])


@pytest.mark.slow
def test_batched_placement_resumes_and_cancels_on_every_store(order_fixture: OrderFixture) -> None:
    shop = _batched_shop(order_fixture)
    shop.begin_placement()
    with pytest.raises(NotFound):
        get_order(None, "ord_1", orders=order_fixture.orders)
    shop.uow.crash_at = 1
    with pytest.raises(ProcessCrash):
        shop.place()
    shop.uow.crash_at = -1
    assert shop.fixture.orders.list_overdue(order_fixture.now + 2 * WINDOW, 9) == ["ord_1"]
    order = shop.place()
    assert order == shop.order
    shop.check_at_rest()
    order_fixture.pay(order)
    OPERATIONS["cancel"](shop)
    shop.check_at_rest()
    with pytest.raises(NotFound):
        get_order("cust-9", "ord_2", orders=order_fixture.orders)


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["abandon", "shipment"])
def test_batched_order_is_abandoned_or_shipped_on_every_store(
    order_fixture: OrderFixture, operation: str
) -> None:
    shop = _batched_shop(order_fixture)
    shop.begin_placement()
    if operation == "shipment":
        order_fixture.pay(shop.place())
    else:
        shop.uow.crash_at = 1
        with pytest.raises(ProcessCrash):
            shop.place()
        shop.uow.crash_at = -1
    OPERATIONS[operation](shop)
    shop.check_at_rest()
