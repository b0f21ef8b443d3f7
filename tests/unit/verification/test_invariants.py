"""Every rule of the books is seen to break when it is broken, and to hold when it is not."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shop.inventory.model import Reservation
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderStatus
from shop.payments.model import Payment, PaymentStatus
from tests.kit.invariants import Charge, Image, SystemState, told_truly, violations
from tests.kit.orders import BLACK_FRIDAY, SKUS, authorised, make_order

RED, BLUE = SKUS
PLACED = (("o.1", "OrderPlaced"),)
CONFIRMED = (("o.2", "OrderConfirmed"),)


def bought() -> Order:
    """An order of two red mugs and a blue one, paid and not yet sent."""
    order = make_order(status=OrderStatus.CONFIRMED, version=2)
    return replace(
        order, payment=order.payment.with_provider_state(authorised(order), BLACK_FRIDAY)
    )


def row(on_hand: int, reserved: int) -> dict[str, int]:
    counts = {"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}
    nothing = dict.fromkeys(
        ("committed", "safety", "earmarked", "in_transit", "awaited", "lowest"), 0
    )
    return {**nothing, **counts}


def charge(order: Order, **changes: Any) -> Charge:
    whole = Charge(order.id, order.total, "authorised", order.total, 0, 0)
    return replace(whole, **changes)


def in_order() -> SystemState:
    """Books in which everything is as it should be: ten of each mug, one order."""
    order = bought()
    return SystemState(
        stock={RED: row(10, 2), BLUE: row(10, 1)},
        moved=Counter({RED: 10, BLUE: 10}),
        orders=[order],
        charges={order.id: [charge(order)]},
        history={order.id: [Image("placed", 1, PLACED), Image("confirmed", 2, CONFIRMED)]},
        keys={order.checkout_id: 1},
        tallies={"QUOTA#spring": {"used": 3}},
    )


def test_books_in_order_break_no_rule() -> None:
    assert violations(in_order()) == []


def order_is(books: SystemState, **changes: Any) -> None:
    books.orders[0] = replace(books.orders[0], **changes)


def charge_is(books: SystemState, **changes: Any) -> None:
    books.charges["ord_1"] = [charge(books.orders[0], **changes)]


def called_off(books: SystemState) -> None:
    order_is(books, status=OrderStatus.CANCELLED, reservations=())
    books.stock = {RED: row(10, 0), BLUE: row(10, 0)}
    books.history["ord_1"][1] = Image("cancelled", 2, (("o.2", "OrderCancelled"),))


def a_second_order(books: SystemState, **changes: Any) -> None:
    first = books.orders[0]
    books.orders.append(replace(first, id="ord_2", reservations=(), **changes))
    books.orders[1] = replace(books.orders[1], status=OrderStatus.COMPLETED)


BREAKS: dict[str, tuple[str, Callable[[SystemState], Any]]] = {
    "a count below zero": ("I1", lambda b: b.stock[RED].update(lowest=-1)),
    "goods that came from nowhere": ("I1", lambda b: b.moved.update({RED: -3})),
    "goods that left without an order": ("I1", lambda b: b.shipped.update({RED: 1})),
    "goods that vanish between two locations": ("I1", lambda b: b.transferred.update({RED: -2})),
    "available that does not add up": ("I1", lambda b: b.stock[RED].update(available=9)),
    "a reservation nobody holds": (
        "I2",
        lambda b: b.stock[RED].update(reserved=3, available=7),
    ),
    "a hold that is not reserved": (
        "I2",
        lambda b: b.stock[BLUE].update(reserved=0, available=10),
    ),
    "goods to come that are held as if they were here": (
        "I2",
        lambda b: b.stock[RED].update(reserved=1, awaited=1, available=9),
    ),
    "money the book knows nothing of": ("I3", lambda b: order_is(b, payment=Payment("memory"))),
    "a state the book knows nothing of": ("I3", lambda b: charge_is(b, status="cancelled")),
    "money kept for an order called off": ("I3", called_off),
    "more given back than taken": (
        "I3",
        lambda b: order_is(
            b,
            payment=b.orders[0].payment.with_provider_state(
                replace(authorised(b.orders[0]), refunded=1), BLACK_FRIDAY
            ),
        ),
    ),
    "less taken than is due": (
        "I3",
        lambda b: charge_is(b, status="captured", captured=b.orders[0].total - 1),
    ),
    "two orders for one key": ("I4", lambda b: a_second_order(b)),
    "a charge for no order": (
        "I4",
        lambda b: b.charges.update({"ord_9": [charge(b.orders[0], order_id="ord_9")]}),
    ),
    "two charges for one order": ("I4", lambda b: b.charges["ord_1"].append(charge(b.orders[0]))),
    "another amount than the total": ("I4", lambda b: charge_is(b, amount=1)),
    "an order unpaid for ever": ("I5", lambda b: order_is(b, status=OrderStatus.PLACED)),
    "goods promised and not held": (
        "I5",
        lambda b: order_is(b, reservations=(Reservation(RED, 2),)),
    ),
    "goods held for an order called off": (
        "I5",
        lambda b: order_is(b, status=OrderStatus.CANCELLED),
    ),
    "an order confirmed without money": (
        "I5",
        lambda b: order_is(
            b, payment=replace(b.orders[0].payment, status=PaymentStatus.PROCESSING)
        ),
    ),
    "a write that was not streamed": ("I6", lambda b: order_is(b, version=3)),
    "a version left out": ("I6", lambda b: b.history["ord_1"].pop(0)),
    "an order the stream never saw": (
        "I6",
        lambda b: b.history.update(ord_2=b.history.pop("ord_1")),
    ),
    "a change that is not told": (
        "I6",
        lambda b: b.history["ord_1"].__setitem__(1, Image("confirmed", 2, ())),
    ),
    "a change told twice": (
        "I6",
        lambda b: b.history["ord_1"].__setitem__(1, Image("confirmed", 2, CONFIRMED * 2)),
    ),
    "a change told as another": (
        "I6",
        lambda b: b.history["ord_1"].__setitem__(1, Image("confirmed", 2, PLACED)),
    ),
    "a use that no order has": (
        "I7",
        lambda b: b.tallies.update({"CODE#X": {"used": 1, "left": 0}}),
    ),
    "a use that was not counted": ("I7", lambda b: b.tallies.clear()),
    "more uses than there are": (
        "I7",
        lambda b: b.tallies.update({"QUOTA#spring": {"used": 3, "left": -1}}),
    ),
    "more uses than the limit": (
        "I7",
        lambda b: order_is(b, usage=(UsageReservation("quota", "spring", 3, 2, "spring"),)),
    ),
    "a row that cannot be read": ("I10", lambda b: b.unreadable.append("ord_7")),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_rule_is_named(what: str) -> None:
    books = in_order()
    rule, break_it = BREAKS[what]
    break_it(books)
    assert rule in {violation.rule for violation in violations(books)}


def test_what_a_buyer_was_told_is_held_against_the_order() -> None:
    order = bought()
    assert told_truly(order, "completed", ()) is None
    assert told_truly(None, "completed", ()) is not None
    assert told_truly(make_order(), "completed", ()) is not None
    assert told_truly(order, "incomplete", ("payment_failed",)) is not None
    assert told_truly(None, "incomplete", ("out_of_stock",)) is None
