"""Orders of more articles than a transaction carries: whole, or not at all, cut off anywhere."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shop.inventory.model import Hold
from shop.kernel.errors import Conflict, NotFound, Unavailable
from shop.kernel.transactions import Clash, Ledger, Part
from shop.orders.actions.batches import give_up_placing, move_batches, place_in_batches
from shop.orders.actions.calling_off import cancel_order, release_allocation
from shop.orders.actions.expiring import expire_overdue
from shop.orders.actions.finding import find_order
from shop.orders.actions.shipping import allocate_order, ship_order
from shop.orders.model import AT_ONCE, SHIPPED_AT_ONCE, Batch, Order, OrderLine, Status
from shop.orders.store.document import to_document
from shop.storage.packing import packed
from tests.kit.sold import THEN, WINDOW, an_order
from tests.unit.orders.room import Room

ARTICLES = 200
SKUS = [f"SKU-{n:04d}" for n in range(ARTICLES)]


class Crash(Exception):
    """The process dies: nobody catches it."""


@dataclass
class Cut:
    """A ledger whose process dies at one of its commits, before or after it is written."""

    ledger: Ledger
    at: int = -1
    after: bool = False
    made: int = 0

    def commit(self, *parts: Part) -> None:
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
    plain = {"lines": lines, "subtotal": total - 599, "tax": 0, "total": total, "holds": ()}
    return an_order(**{**plain, "status": Status.PLACING, **changes})


@dataclass
class Yard:
    """A room with all these articles on its shelves, ten of each, and one large order."""

    room: Room
    cut: Cut

    @property
    def books(self) -> dict[str, Any]:
        return {"orders": self.room.orders, "stock": self.room.stock, "ledger": self.cut}

    @property
    def order(self) -> Order:
        order: Order = self.room.orders.by_id("ord_1")
        return order

    def put_down(self) -> Order:
        order = large(placed_at=self.room.now, pay_by=self.room.now + WINDOW)
        self.room.ledger.commit(
            self.room.orders.placing(order, ()),
            self.room.orders.opening(order.id),
            self.room.tallies.taking(order.uses),
        )
        return order

    def place(self) -> Order:
        order, short = place_in_batches(self.order, **self.books)
        assert short == ()
        return order

    def give_up(self, reason: str = "out_of_stock") -> Order:
        return give_up_placing(
            self.order, reason, at=self.room.now, who="t", tallies=self.room.tallies, **self.books
        )

    def check(self) -> None:
        """What is reserved is what the order holds, and what is on its way from or to it."""
        order = self.order
        _, moving = self.room.orders.batches(order.id)
        held = dict.fromkeys(SKUS, 0)
        shipped = dict.fromkeys(SKUS, 0)
        leaving = dict.fromkeys(SKUS, 0)
        for hold in [*order.holds, *(hold for batch in moving for hold in batch.holds)]:
            held[hold.sku] += hold.quantity
        for batch in moving:
            for hold in batch.holds if batch.shipped else ():
                leaving[hold.sku] += hold.quantity
        for line in order.lines:
            shipped[line.sku] += line.shipped
        for sku in SKUS:
            level = self.room.stock.level(sku)
            assert level.reserved == held[sku], sku
            assert level.on_hand == 10 - shipped[sku] + leaving[sku], sku
        counted = 0 if order.status is Status.CANCELLED else sum(c.units for c in order.uses)
        assert self.room.used() == counted

    def check_at_rest(self) -> None:
        self.check()
        taking, moving = self.room.orders.batches("ord_1")
        assert (taking, list(moving)) == (None, [])


@pytest.fixture
def yard(memory: Room) -> Yard:
    return _yard(memory)


def _yard(room: Room) -> Yard:
    room.stock.open(dict.fromkeys(SKUS, 10), actor="test", reason="opening", at=THEN)
    return Yard(room, Cut(room.ledger))


def told(yard: Yard) -> list[str]:
    return [event.type for event in yard.room.orders.outbox]


def test_a_large_order_is_placed_whole_and_nobody_hears_of_it_before(yard: Yard) -> None:
    yard.put_down()
    assert told(yard) == []
    order = yard.place()
    assert order.status is Status.PLACED
    assert order == yard.order
    assert sum(hold.quantity for hold in order.holds) == 2 * (ARTICLES + 1)
    assert told(yard) == ["OrderPlaced"]
    assert yard.cut.made == -(-ARTICLES // AT_ONCE) + 1
    yard.check_at_rest()


def test_who_is_being_placed_is_shown_to_nobody(yard: Yard) -> None:
    yard.put_down()
    with pytest.raises(NotFound):
        find_order(None, "ord_1", orders=yard.room.orders)
    day = f"{THEN:%Y-%m-%d}"
    assert yard.room.orders.placed_on(day, status=None, cursor=None, limit=9).items == ()
    yard.give_up()
    with pytest.raises(NotFound):
        find_order(None, "ord_1", orders=yard.room.orders)
    assert told(yard) == []


def test_every_short_line_of_what_is_missing_is_told_at_once_and_nothing_is_kept(
    yard: Yard,
) -> None:
    order = yard.put_down()
    gone = [Hold(SKUS[n], 9) for n in (95, 150, 199)]
    yard.room.ledger.commit(lambda writes: yard.room.stock.reserve(writes, gone))
    _, short = place_in_batches(order, **yard.books)
    assert [(one.sku, one.wanted, one.available) for one in short] == [
        (SKUS[n], 2, 1) for n in (95, 150, 199)
    ]
    assert yard.give_up().status is Status.CANCELLED
    yard.room.ledger.commit(lambda writes: yard.room.stock.release(writes, gone))
    yard.check_at_rest()


def test_two_who_place_it_at_once_place_it_once(yard: Yard) -> None:
    yard.put_down()
    order = yard.order

    class Rival(Cut):
        def commit(self, *parts: Part) -> None:
            if self.made == 1:
                self.made += 1
                place_in_batches(order, **{**yard.books, "ledger": self.ledger})
            super().commit(*parts)

    yard.cut = Rival(yard.room.ledger)
    assert yard.place().status is Status.PLACED
    assert told(yard) == ["OrderPlaced"]
    yard.check_at_rest()


def test_who_turns_back_stops_who_is_still_taking(yard: Yard) -> None:
    yard.put_down()

    class Sweeper(Cut):
        def commit(self, *parts: Part) -> None:
            if self.made == 1:
                self.made += 1
                yard.room.now += timedelta(hours=1)
                yard.room.expire(yard.order)
            super().commit(*parts)

    yard.cut = Sweeper(yard.room.ledger)
    assert yard.place().status is Status.CANCELLED
    yard.check_at_rest()
    assert told(yard) == []


def again(yard: Yard) -> None:
    """The same request once more."""
    if yard.order.status is Status.PLACING:
        yard.place()


def sweep(yard: Yard) -> None:
    """The clock finds it past its deadline."""
    expire_overdue(at=yard.room.later(hours=1), provider=yard.room.provider, **yard.room.books)


def leave(yard: Yard) -> None:
    """The buyer leaves."""
    yard.room.cancel(yard.order)


def give_up(yard: Yard) -> None:
    """Something is short after all."""
    if yard.order.status is Status.PLACING:
        yard.give_up()


RESUMED: dict[str, tuple[Callable[[Yard], None], Status]] = {
    "the same request": (again, Status.PLACED),
    "the sweep": (sweep, Status.CANCELLED),
    "the buyer leaving": (leave, Status.CANCELLED),
    "a shortage": (give_up, Status.CANCELLED),
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
        placed = yard.order.status is Status.PLACED
        yard.cut = Cut(yard.room.ledger)
        resume(yard)
        _deliver(yard)
        ends = {end, Status.PLACED} if placed and who == "a shortage" else {end}
        assert yard.order.status in ends, (at, after)
        yard.check_at_rest()


UNDONE: dict[str, Callable[[Yard], object]] = {
    "giving up": lambda yard: yard.give_up(),
    "calling off": lambda yard: cancel_order(
        "ord_1",
        "why",
        at=yard.room.now,
        who="wanda",
        tallies=yard.room.tallies,
        **yard.books,
    ),
    "shortening": lambda yard: release_allocation(
        "ord_1", at=yard.room.now, tallies=yard.room.tallies, **yard.books
    ),
    "shipping": lambda yard: ship_order(
        "ord_1",
        carrier="ups",
        tracking_number="1Z1",
        tracking_url=None,
        lines=None,
        at=yard.room.now,
        who="wanda",
        **yard.books,
    ),
}


def _fresh(at: int = -1, after: bool = False) -> Yard:
    from tests.doubles.inventory import MemoryLedger, MemoryStock
    from tests.doubles.orders import MemoryOrders

    yard = _yard(Room(MemoryOrders(), MemoryStock(), MemoryLedger()))
    yard.cut = Cut(yard.room.ledger, at, after)
    return yard


def _ready(what: str, at: int = -1, after: bool = False) -> Yard:
    """A yard whose order is as far as what is to be undone asks for."""
    yard = _fresh()
    yard.put_down()
    if what == "giving up":
        for batch_at in range(2):
            holds = tuple(Hold(sku, 2) for sku in SKUS[1 + batch_at * 90 : 91 + batch_at * 90])
            noted = yard.room.orders.taking("ord_1", Batch(f"0.{batch_at:03d}", holds))
            yard.room.ledger.commit(noted, _reserving(yard, holds))
    else:
        yard.place()
        yard.room.pay(yard.order)
        allocate_order("ord_1", at=yard.room.now, orders=yard.room.orders)
    if what == "shortening":
        yard.room.ship(yard.order, lines={"li_5": 1})
    yard.cut = Cut(yard.room.ledger, at, after)
    return yard


def _reserving(yard: Yard, holds: tuple[Hold, ...]) -> Part:
    return lambda writes: yard.room.stock.reserve(writes, holds)


def _deliver(yard: Yard) -> None:
    """The events that were told are heard, each twice."""
    for event in [*yard.room.orders.outbox] * 2:
        if event.type == "StockToMove":
            move_batches(
                event.subject,
                orders=yard.room.orders,
                stock=yard.room.stock,
                ledger=yard.room.ledger,
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
        assert (yard.order.status, yard.order.holds) == (end.status, end.holds), (at, after)


def test_a_ledger_that_cannot_be_reached_leaves_the_rest_to_the_event(yard: Yard) -> None:
    yard.put_down()
    yard.place()

    class Down(Cut):
        def commit(self, *parts: Part) -> None:
            if self.made:
                raise Unavailable("down")
            super().commit(*parts)

    yard.cut = Down(yard.room.ledger)
    assert UNDONE["calling off"](yard) is not None
    assert yard.order.status is Status.CANCELLED
    yard.check()
    assert told(yard)[-2:] == ["OrderCancelled", "StockToMove"]
    _deliver(yard)
    yard.check_at_rest()


def test_a_parcel_of_many_places_leaves_in_batches_and_is_told_once(yard: Yard) -> None:
    yard.put_down()
    yard.room.pay(yard.place())
    order = UNDONE["shipping"](yard)
    assert isinstance(order, Order)
    assert order.shipped
    assert yard.cut.made >= -(-ARTICLES // SHIPPED_AT_ONCE)
    UNDONE["shipping"](yard)
    yard.check_at_rest()
    assert len(yard.room.stock.journal(SKUS[0]).items) == 2


def test_goods_still_to_come_do_not_leave_in_a_large_parcel(yard: Yard) -> None:
    yard.put_down()
    order = yard.room.pay(yard.place())
    awaited = (replace(order.holds[0], shard=-1), *order.holds[1:])
    yard.room.orders.save(order, replace(order, holds=awaited), ())
    with pytest.raises(Conflict) as refused:
        UNDONE["shipping"](yard)
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
    holds = tuple(Hold(line.sku, line.quantity) for line in lines)
    order = an_order(lines=lines, holds=holds, status=Status.PLACED)
    assert len(packed(to_document(order))) < 200_000


def test_batches_are_taken_only_while_nobody_turned_back_and_each_is_struck_off_once(
    room: Room,
) -> None:
    orders, commit = room.orders, room.ledger.commit

    def refused(part: Part) -> None:
        with pytest.raises(Clash) as clash:
            commit(part)
        assert clash.value.about == {orders.name("ord_1")}

    first, other = (Batch(f"0.{n:03d}", (Hold("MUG-RED", 1),)) for n in range(2))
    assert orders.batches("ord_1") == (None, [])
    refused(orders.taking("ord_1", first))
    refused(orders.turning("ord_1"))
    commit(orders.opening("ord_1"))
    refused(orders.opening("ord_1"))
    commit(orders.taking("ord_1", first))
    refused(orders.taking("ord_1", first))
    assert orders.batches("ord_1") == (True, [first])
    refused(orders.closing("ord_1", taking=False))
    commit(orders.turning("ord_1"))
    refused(orders.turning("ord_1"))
    refused(orders.taking("ord_1", other))
    refused(orders.closing("ord_1", taking=True))
    commit(orders.done("ord_1", first))
    refused(orders.done("ord_1", first))
    commit(orders.closing("ord_1", taking=False))
    leaving = Batch("7.000", (Hold("MUG-RED", 1), Hold("MUG-BLUE", 2, "north", 3)), ("ann", THEN))
    commit(orders.owing("ord_1", leaving))
    refused(orders.owing("ord_1", leaving))
    assert orders.batches("ord_1") == (None, [leaving])


@pytest.mark.slow
def test_it_is_so_in_the_tables_too(room: Room) -> None:
    yard = _yard(room)
    yard.put_down()
    with pytest.raises(NotFound):
        find_order(None, "ord_1", orders=room.orders)
    yard.cut.at = 1
    with pytest.raises(Crash):
        yard.place()
    yard.cut.at = -1
    assert yard.room.orders.overdue(room.now + 2 * WINDOW, 9) == ["ord_1"]
    order = yard.place()
    assert order == yard.order
    yard.check_at_rest()
    room.pay(order)
    UNDONE["calling off"](yard)
    yard.check_at_rest()
    with pytest.raises(NotFound):
        find_order("nobody", "ord_2", orders=room.orders)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["giving up", "shipping"])
def test_so_it_is_given_up_and_shipped_there(room: Room, what: str) -> None:
    yard = _yard(room)
    yard.put_down()
    if what == "shipping":
        room.pay(yard.place())
    else:
        yard.cut.at = 1
        with pytest.raises(Crash):
            yard.place()
        yard.cut.at = -1
    UNDONE[what](yard)
    yard.check_at_rest()
