"""Orders of more articles than a transaction carries: whole, or not at all, cut off anywhere."""

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
    process_queued_batches,
)
from shop.orders.actions.cancellation import cancel_order, cancel_unshipped
from shop.orders.actions.expiry import expire_overdue_orders
from shop.orders.actions.lookup import get_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.shipments import allocate_order, create_shipment
from shop.orders.model import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_SHIPPED_PER_BATCH,
    Order,
    OrderLine,
    OrderStatus,
    ReservationBatch,
)
from shop.orders.store.serialization import to_document
from shop.storage.compression import compress_json
from tests.kit.orders import BLACK_FRIDAY, WINDOW, make_order
from tests.unit.orders.order_fixture import OrderFixture

ARTICLES = 200
SKUS = [f"SKU-{n:04d}" for n in range(ARTICLES)]


class Crash(Exception):
    """The process dies: nobody catches it."""


@dataclass
class Cut:
    """A ledger whose process dies at one of its commits, before or after it is written."""

    ledger: UnitOfWork
    at: int = -1
    after: bool = False
    made: int = 0

    def commit(self, *parts: WriteOperation) -> None:
        self.made += 1
        if self.made - 1 == self.at and not self.after:
            raise Crash
        self.ledger.commit(*parts)
        if self.made - 1 == self.at:
            raise Crash


def large(**changes: Any) -> Order:
    """An order of 200 articles, two pieces of each, the first on two lines."""
    lines = tuple(
        OrderLine(f"li_{n}", "p", f"p.{n}", sku, sku, 1000, 2, 2000, 0, 0, 2000)
        for n, sku in enumerate([SKUS[0], *SKUS])
    )
    total = sum(line.total for line in lines) + 599
    plain = {"lines": lines, "subtotal": total - 599, "tax": 0, "total": total, "reservations": ()}
    return make_order(**{**plain, "status": OrderStatus.PLACING, **changes})


@dataclass
class Yard:
    """A room with all these articles on its shelves, ten of each, and one large order."""

    room: OrderFixture
    cut: Cut

    @property
    def writes(self) -> OrderWrites:
        return replace(self.room.writes, uow=self.cut)

    @property
    def order(self) -> Order:
        order: Order = self.room.orders.get_by_id("ord_1")
        return order

    def put_down(self) -> Order:
        order = large(placed_at=self.room.now, pay_by=self.room.now + WINDOW)
        self.room.ledger.commit(
            self.room.orders.place_op(order, ()),
            self.room.orders.open_batches(order.id),
            self.room.tallies.consume(order.usage),
        )
        return order

    def place(self) -> Order:
        order, short = place_in_batches(self.order, writes=self.writes)
        assert short == ()
        return order

    def give_up(self, reason: str = "out_of_stock") -> Order:
        return abandon_placement(
            self.order, reason, at=self.room.now, actor="t", writes=self.writes
        )

    def check(self) -> None:
        """What is reserved is what the order holds, and what is on its way from or to it."""
        order = self.order
        _, moving = self.room.orders.list_batches(order.id)
        held = dict.fromkeys(SKUS, 0)
        shipped = dict.fromkeys(SKUS, 0)
        leaving = dict.fromkeys(SKUS, 0)
        for hold in [
            *order.reservations,
            *(hold for batch in moving for hold in batch.reservations),
        ]:
            held[hold.sku] += hold.quantity
        for batch in moving:
            for hold in batch.reservations if batch.shipped else ():
                leaving[hold.sku] += hold.quantity
        for line in order.lines:
            shipped[line.sku] += line.shipped
        for sku in SKUS:
            level = self.room.stock.level(sku)
            assert level.reserved == held[sku], sku
            assert level.on_hand == 10 - shipped[sku] + leaving[sku], sku
        counted = 0 if order.status is OrderStatus.CANCELLED else sum(c.units for c in order.usage)
        assert self.room.used() == counted

    def check_at_rest(self) -> None:
        self.check()
        taking, moving = self.room.orders.list_batches("ord_1")
        assert (taking, list(moving)) == (None, [])


@pytest.fixture
def batched_shop(memory: OrderFixture) -> Yard:
    return _yard(memory)


def _yard(room: OrderFixture) -> Yard:
    room.stock.create_levels(
        dict.fromkeys(SKUS, 10), actor="test", reason="opening", at=BLACK_FRIDAY
    )
    return Yard(room, Cut(room.ledger))


def told(yard: Yard) -> list[str]:
    return [event.type for event in yard.room.orders.outbox]


def test_a_large_order_is_placed_whole_and_nobody_hears_of_it_before(batched_shop: Yard) -> None:
    batched_shop.put_down()
    assert told(batched_shop) == []
    order = batched_shop.place()
    assert order.status is OrderStatus.PLACED
    assert order == batched_shop.order
    assert sum(hold.quantity for hold in order.reservations) == 2 * (ARTICLES + 1)
    assert told(batched_shop) == ["OrderPlaced"]
    assert batched_shop.cut.made == -(-ARTICLES // MAX_RESERVATIONS_PER_BATCH) + 1
    batched_shop.check_at_rest()


def test_who_is_being_placed_is_shown_to_nobody(batched_shop: Yard) -> None:
    batched_shop.put_down()
    with pytest.raises(NotFound):
        get_order(None, "ord_1", orders=batched_shop.room.orders)
    day = f"{BLACK_FRIDAY:%Y-%m-%d}"
    assert batched_shop.room.orders.list_by_day(day, status=None, cursor=None, limit=9).items == ()
    batched_shop.give_up()
    with pytest.raises(NotFound):
        get_order(None, "ord_1", orders=batched_shop.room.orders)
    assert told(batched_shop) == []


def test_every_short_line_of_what_is_missing_is_told_at_once_and_nothing_is_kept(
    batched_shop: Yard,
) -> None:
    order = batched_shop.put_down()
    gone = [Reservation(SKUS[n], 9) for n in (95, 150, 199)]
    batched_shop.room.ledger.commit(lambda writes: batched_shop.room.stock.reserve(writes, gone))
    _, short = place_in_batches(order, writes=batched_shop.writes)
    assert [(one.sku, one.wanted, one.available) for one in short] == [
        (SKUS[n], 2, 1) for n in (95, 150, 199)
    ]
    assert batched_shop.give_up().status is OrderStatus.CANCELLED
    batched_shop.room.ledger.commit(lambda writes: batched_shop.room.stock.release(writes, gone))
    batched_shop.check_at_rest()


def test_two_who_place_it_at_once_place_it_once(batched_shop: Yard) -> None:
    batched_shop.put_down()
    order = batched_shop.order

    class Rival(Cut):
        def commit(self, *parts: WriteOperation) -> None:
            if self.made == 1:
                self.made += 1
                place_in_batches(order, writes=replace(batched_shop.writes, uow=self.ledger))
            super().commit(*parts)

    batched_shop.cut = Rival(batched_shop.room.ledger)
    assert batched_shop.place().status is OrderStatus.PLACED
    assert told(batched_shop) == ["OrderPlaced"]
    batched_shop.check_at_rest()


def test_who_turns_back_stops_who_is_still_taking(batched_shop: Yard) -> None:
    batched_shop.put_down()

    class Sweeper(Cut):
        def commit(self, *parts: WriteOperation) -> None:
            if self.made == 1:
                self.made += 1
                batched_shop.room.now += timedelta(hours=1)
                batched_shop.room.expire(batched_shop.order)
            super().commit(*parts)

    batched_shop.cut = Sweeper(batched_shop.room.ledger)
    assert batched_shop.place().status is OrderStatus.CANCELLED
    batched_shop.check_at_rest()
    assert told(batched_shop) == []


def again(yard: Yard) -> None:
    """The same request once more."""
    if yard.order.status is OrderStatus.PLACING:
        yard.place()


def sweep(yard: Yard) -> None:
    """The clock finds it past its deadline."""
    expire_overdue_orders(
        at=yard.room.later(hours=1), provider=yard.room.provider, writes=yard.room.writes
    )


def leave(yard: Yard) -> None:
    """The buyer leaves."""
    yard.room.cancel(yard.order)


def give_up(yard: Yard) -> None:
    """Something is short after all."""
    if yard.order.status is OrderStatus.PLACING:
        yard.give_up()


RESUMED: dict[str, tuple[Callable[[Yard], None], OrderStatus]] = {
    "the same request": (again, OrderStatus.PLACED),
    "the sweep": (sweep, OrderStatus.CANCELLED),
    "the buyer leaving": (leave, OrderStatus.CANCELLED),
    "a shortage": (give_up, OrderStatus.CANCELLED),
}


@pytest.mark.slow
@pytest.mark.parametrize("who", RESUMED)
def test_placing_cut_off_anywhere_is_finished_or_undone_once(who: str) -> None:
    resume, end = RESUMED[who]
    for at, after in [(n, side) for n in range(4) for side in (False, True)]:
        yard = _fresh(at, after)
        yard.put_down()
        with pytest.raises(Crash):
            yard.place()
        yard.check()
        placed = yard.order.status is OrderStatus.PLACED
        yard.cut = Cut(yard.room.ledger)
        resume(yard)
        _deliver(yard)
        ends = {end, OrderStatus.PLACED} if placed and who == "a shortage" else {end}
        assert yard.order.status in ends, (at, after)
        yard.check_at_rest()


UNDONE: dict[str, Callable[[Yard], object]] = {
    "giving up": lambda yard: yard.give_up(),
    "calling off": lambda yard: cancel_order(
        "ord_1",
        "why",
        at=yard.room.now,
        actor="wanda",
        writes=yard.writes,
    ),
    "shortening": lambda yard: cancel_unshipped("ord_1", at=yard.room.now, writes=yard.writes),
    "shipping": lambda yard: create_shipment(
        "ord_1",
        carrier="ups",
        tracking_number="1Z1",
        tracking_url=None,
        lines=None,
        at=yard.room.now,
        actor="wanda",
        writes=yard.writes,
    ),
}


def _fresh(at: int = -1, after: bool = False) -> Yard:
    from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
    from tests.doubles.orders import MemoryOrderRepository

    yard = _yard(OrderFixture(MemoryOrderRepository(), MemoryStockRepository(), MemoryUnitOfWork()))
    yard.cut = Cut(yard.room.ledger, at, after)
    return yard


def _ready(what: str, at: int = -1, after: bool = False) -> Yard:
    """A yard whose order is as far as what is to be undone asks for."""
    yard = _fresh()
    yard.put_down()
    if what == "giving up":
        for batch_at in range(2):
            holds = tuple(
                Reservation(sku, 2) for sku in SKUS[1 + batch_at * 90 : 91 + batch_at * 90]
            )
            noted = yard.room.orders.record_batch(
                "ord_1", ReservationBatch(f"0.{batch_at:03d}", holds)
            )
            yard.room.ledger.commit(noted, _reserving(yard, holds))
    else:
        yard.place()
        yard.room.pay(yard.order)
        allocate_order("ord_1", at=yard.room.now, orders=yard.room.orders)
    if what == "shortening":
        yard.room.ship(yard.order, lines={"li_5": 1})
    yard.cut = Cut(yard.room.ledger, at, after)
    return yard


def _reserving(yard: Yard, reservations: tuple[Reservation, ...]) -> WriteOperation:
    return lambda writes: yard.room.stock.reserve(writes, reservations)


def _deliver(yard: Yard) -> None:
    """The events that were told are heard, each twice."""
    for event in [*yard.room.orders.outbox] * 2:
        if event.type == "StockBatchesQueued":
            process_queued_batches(
                event.subject,
                writes=yard.room.writes,
            )


@pytest.mark.slow
@pytest.mark.parametrize("what", UNDONE)
def test_stock_that_an_order_no_longer_holds_moves_once_wherever_it_is_cut_off(what: str) -> None:
    whole = _ready(what)
    UNDONE[what](whole)
    whole.check_at_rest()
    steps, end = whole.cut.made, whole.order
    assert steps >= 4
    for at, after in [(n, side) for n in range(steps) for side in (False, True)]:
        yard = _ready(what, at, after)
        with pytest.raises(Crash):
            UNDONE[what](yard)
        yard.check()
        yard.cut = Cut(yard.room.ledger)
        if at == 0 or what == "giving up":
            give_up(yard) if what == "giving up" else UNDONE[what](yard)
        _deliver(yard)
        yard.check_at_rest()
        assert (yard.order.status, yard.order.reservations) == (end.status, end.reservations), (
            at,
            after,
        )


def test_a_ledger_that_cannot_be_reached_leaves_the_rest_to_the_event(batched_shop: Yard) -> None:
    batched_shop.put_down()
    batched_shop.place()

    class Down(Cut):
        def commit(self, *parts: WriteOperation) -> None:
            if self.made:
                raise Unavailable("down")
            super().commit(*parts)

    batched_shop.cut = Down(batched_shop.room.ledger)
    assert UNDONE["calling off"](batched_shop) is not None
    assert batched_shop.order.status is OrderStatus.CANCELLED
    batched_shop.check()
    assert told(batched_shop)[-2:] == ["OrderCancelled", "StockBatchesQueued"]
    _deliver(batched_shop)
    batched_shop.check_at_rest()


def test_a_parcel_of_many_places_leaves_in_batches_and_is_told_once(batched_shop: Yard) -> None:
    batched_shop.put_down()
    batched_shop.room.pay(batched_shop.place())
    order = UNDONE["shipping"](batched_shop)
    assert isinstance(order, Order)
    assert order.shipped
    assert batched_shop.cut.made >= -(-ARTICLES // MAX_SHIPPED_PER_BATCH)
    UNDONE["shipping"](batched_shop)
    batched_shop.check_at_rest()
    assert len(batched_shop.room.stock.list_movements(SKUS[0]).items) == 2


def test_goods_still_to_come_do_not_leave_in_a_large_parcel(batched_shop: Yard) -> None:
    batched_shop.put_down()
    order = batched_shop.room.pay(batched_shop.place())
    awaited = (replace(order.reservations[0], shard=-1), *order.reservations[1:])
    batched_shop.room.orders.save(order, replace(order, reservations=awaited), ())
    with pytest.raises(Conflict) as refused:
        UNDONE["shipping"](batched_shop)
    assert refused.value.code == "stock_awaited"


def test_the_largest_order_there_may_be_fits_an_item() -> None:
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
    holds = tuple(Reservation(line.sku, line.quantity) for line in lines)
    order = make_order(lines=lines, reservations=holds, status=OrderStatus.PLACED)
    assert len(compress_json(to_document(order))) < 200_000


def test_batches_are_taken_only_while_nobody_turned_back_and_each_is_struck_off_once(
    order_fixture: OrderFixture,
) -> None:
    orders, commit = order_fixture.orders, order_fixture.ledger.commit

    def refused(part: WriteOperation) -> None:
        with pytest.raises(ConditionFailed) as clash:
            commit(part)
        assert clash.value.keys == {orders.condition_key("ord_1")}

    first, other = (ReservationBatch(f"0.{n:03d}", (Reservation("MUG-RED", 1),)) for n in range(2))
    assert orders.list_batches("ord_1") == (None, [])
    refused(orders.record_batch("ord_1", first))
    refused(orders.reverse_batches("ord_1"))
    commit(orders.open_batches("ord_1"))
    refused(orders.open_batches("ord_1"))
    commit(orders.record_batch("ord_1", first))
    refused(orders.record_batch("ord_1", first))
    assert orders.list_batches("ord_1") == (True, [first])
    refused(orders.close_batches("ord_1", placing=False))
    commit(orders.reverse_batches("ord_1"))
    refused(orders.reverse_batches("ord_1"))
    refused(orders.record_batch("ord_1", other))
    refused(orders.close_batches("ord_1", placing=True))
    commit(orders.finish_batch("ord_1", first))
    refused(orders.finish_batch("ord_1", first))
    commit(orders.close_batches("ord_1", placing=False))
    leaving = ReservationBatch(
        "7.000",
        (Reservation("MUG-RED", 1), Reservation("MUG-BLUE", 2, "north", 3)),
        ("ann", BLACK_FRIDAY),
    )
    commit(orders.enqueue_batch("ord_1", leaving))
    refused(orders.enqueue_batch("ord_1", leaving))
    assert orders.list_batches("ord_1") == (None, [leaving])


@pytest.mark.slow
def test_it_is_so_in_the_tables_too(order_fixture: OrderFixture) -> None:
    yard = _yard(order_fixture)
    yard.put_down()
    with pytest.raises(NotFound):
        get_order(None, "ord_1", orders=order_fixture.orders)
    yard.cut.at = 1
    with pytest.raises(Crash):
        yard.place()
    yard.cut.at = -1
    assert yard.room.orders.list_overdue(order_fixture.now + 2 * WINDOW, 9) == ["ord_1"]
    order = yard.place()
    assert order == yard.order
    yard.check_at_rest()
    order_fixture.pay(order)
    UNDONE["calling off"](yard)
    yard.check_at_rest()
    with pytest.raises(NotFound):
        get_order("nobody", "ord_2", orders=order_fixture.orders)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["giving up", "shipping"])
def test_so_it_is_given_up_and_shipped_there(order_fixture: OrderFixture, what: str) -> None:
    yard = _yard(order_fixture)
    yard.put_down()
    if what == "shipping":
        order_fixture.pay(yard.place())
    else:
        yard.cut.at = 1
        with pytest.raises(Crash):
            yard.place()
        yard.cut.at = -1
    UNDONE[what](yard)
    yard.check_at_rest()
