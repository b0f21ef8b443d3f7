"""Actions at the shop, and the ordinary scenarios that they form."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from shop.orders.model import Order, OrderStatus
from verification.purchase_driver import Purchase


@dataclass(frozen=True)
class Action:
    """One action of an actor. Only an action ``by_buyer`` may be abandoned after a failure."""

    name: str
    do: Callable[[Purchase], None]
    by_buyer: bool = False


Setup = Callable[[Purchase], AbstractContextManager[None]]


def _no_setup(purchase: Purchase) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Scenario:
    """A sequence of actions. ``rivals`` are concurrent actions while one of its calls stalls."""

    name: str
    actions: tuple[Action, ...]
    token: str = "tok_success"  # noqa: S105  a test token of the sandbox
    rivals: tuple[Action, ...] = ()
    held_queues: frozenset[str] = frozenset()
    """Queues that deliver nothing until the payment deadline has passed."""
    in_batches: bool = False
    """Place the order as one of many articles: its stock moves one article at a time."""
    setup: Setup = _no_setup
    """State of the shop that differs from other scenarios, for the duration of this one."""
    free: bool = False
    """Discount codes pay for everything."""
    expected: Callable[[Order], bool] | None = None
    """Condition of the order after a run without faults, which the name of the scenario states."""
    always: Callable[[Order], bool] = lambda order: True
    """Condition of the order after every run."""


def _by_buyer(name: str, do: Callable[[Purchase], None]) -> Action:
    return Action(name, do, by_buyer=True)


BUY = _by_buyer("complete", Purchase.complete)
BUY_AGAIN = _by_buyer("complete again", lambda p: p.complete("second", "tok_success"))
CANCEL_CHECKOUT = _by_buyer("cancel checkout", Purchase.cancel_checkout)
APPROVE = _by_buyer("approve", lambda p: p.answer_challenge(approved=True))
REJECT = _by_buyer("reject", lambda p: p.answer_challenge(approved=False))
SHIP = Action("ship", Purchase.ship)
SHIP_ONE = Action("ship one", lambda p: p.ship([{"id": "li_1", "quantity": 1}]))
SHIP_AGAIN = Action("ship again", lambda p: p.ship(number="B"))
CANCEL_ORDER = Action("cancel order", Purchase.cancel_order)
DELIVER = Action("deliver", lambda p: p.report_shipment("delivered"))
LOSE = Action("lose", lambda p: p.report_shipment("lost"))
EXPIRE = Action("expire", Purchase.expire)
SWEEP = Action("sweep", Purchase.sweep)
WRITE_OFF = Action("write off the rest", Purchase.write_off)
COMPENSATE_SHIPMENT = Action("compensate shipment", Purchase.compensate_shipment)
RETURN_ONE = Action("return one", lambda p: p.return_goods(1, "back"))

BOUGHT = Scenario("bought", (BUY,), rivals=(BUY, BUY_AGAIN, CANCEL_CHECKOUT, EXPIRE))
DECLINED = Scenario(
    "declined", (BUY,), "tok_declined", rivals=(BUY, BUY_AGAIN, CANCEL_CHECKOUT, EXPIRE)
)
DECLINED_THEN_BOUGHT = Scenario("declined, then bought", (BUY, BUY_AGAIN), "tok_declined")
PENDING = Scenario("pending", (BUY,), "tok_pending", rivals=(BUY, CANCEL_CHECKOUT, EXPIRE))
PENDING_DECLINED = Scenario(
    "pending, then declined", (BUY,), "tok_pending_declined", rivals=(CANCEL_CHECKOUT,)
)
NEVER_PAID = Scenario("never paid", (BUY,), "tok_never", rivals=(CANCEL_CHECKOUT, EXPIRE))
CHALLENGED = Scenario(
    "challenged", (BUY, APPROVE), "tok_challenge", rivals=(CANCEL_CHECKOUT, EXPIRE)
)
CHALLENGE_REJECTED = Scenario(
    "challenge rejected", (BUY, REJECT), "tok_challenge", rivals=(EXPIRE,)
)
CANCELLED_PENDING = Scenario(
    "cancelled by the buyer while pending",
    (BUY, CANCEL_CHECKOUT),
    "tok_never",
    rivals=(BUY, CANCEL_CHECKOUT, EXPIRE),
)
CANCELLED_THEN_PAID = Scenario(
    "cancelled by the buyer, then paid",
    (BUY, CANCEL_CHECKOUT),
    "tok_pending",
    held_queues=frozenset({"settlements"}),
)
SETTLED_LATE = Scenario(
    "settled after the deadline",
    (BUY,),
    "tok_pending",
    held_queues=frozenset({"settlements"}),
)
LATE_PAYMENT_EVENT = Scenario(
    "payment event after the deadline",
    (BUY,),
    "tok_pending",
    held_queues=frozenset({"payments"}),
)
SWEPT = Scenario("swept", (BUY, SWEEP), "tok_never", rivals=(CANCEL_CHECKOUT,))
CANCELLED_BY_STAFF = Scenario(
    "cancelled by staff", (BUY, CANCEL_ORDER), rivals=(SHIP, CANCEL_ORDER)
)
DELIVERED = Scenario(
    "delivered", (BUY, SHIP, DELIVER), rivals=(CANCEL_ORDER, SHIP_AGAIN, COMPENSATE_SHIPMENT)
)
SHIPPED_IN_PART = Scenario(
    "shipped in part",
    (BUY, SHIP_ONE, COMPENSATE_SHIPMENT, DELIVER),
    rivals=(SHIP_AGAIN, CANCEL_ORDER),
)
LOST = Scenario("lost in transit", (BUY, SHIP, LOSE))


def one_returned_at_most(order: Order) -> bool:
    """Return whether a return that was requested several times was recorded at most once."""
    return sum(line.returned for line in order.lines) <= 1


RETURNED = Scenario(
    "delivered and returned",
    (BUY, SHIP, DELIVER, RETURN_ONE),
    rivals=(RETURN_ONE,),
    expected=lambda order: [line.returned for line in order.lines] == [1, 0],
    always=one_returned_at_most,
)
FREE = Scenario(
    "total of zero, cancelled by staff",
    (BUY, CANCEL_ORDER),
    "",
    rivals=(CANCEL_CHECKOUT, SHIP, EXPIRE),
    free=True,
    expected=lambda order: order.total == 0 and order.status is OrderStatus.CANCELLED,
)

IN_BATCHES = (
    Scenario(
        "many articles bought",
        (BUY,),
        rivals=(BUY, BUY_AGAIN, CANCEL_CHECKOUT, EXPIRE, WRITE_OFF),
    ),
    Scenario(
        "many articles declined",
        (BUY, BUY_AGAIN),
        "tok_declined",
        rivals=(CANCEL_CHECKOUT, EXPIRE),
    ),
    Scenario(
        "many articles never paid",
        (BUY,),
        "tok_never",
        rivals=(CANCEL_CHECKOUT, EXPIRE, WRITE_OFF),
    ),
    Scenario(
        "many articles cancelled by the buyer",
        (BUY, CANCEL_CHECKOUT),
        "tok_never",
        rivals=(BUY, EXPIRE),
    ),
    Scenario("many articles swept", (BUY, SWEEP), "tok_never", rivals=(CANCEL_CHECKOUT,)),
    Scenario("many articles cancelled by staff", (BUY, CANCEL_ORDER), rivals=(SHIP, CANCEL_ORDER)),
    Scenario(
        "many articles delivered",
        (BUY, SHIP, DELIVER),
        rivals=(CANCEL_ORDER, COMPENSATE_SHIPMENT),
    ),
    Scenario(
        "many articles shipped in part",
        (BUY, SHIP_ONE, COMPENSATE_SHIPMENT, DELIVER),
        rivals=(SHIP_AGAIN, CANCEL_ORDER),
    ),
)

ORDINARY_SCENARIOS: tuple[Scenario, ...] = (
    BOUGHT,
    DECLINED,
    DECLINED_THEN_BOUGHT,
    PENDING,
    PENDING_DECLINED,
    NEVER_PAID,
    CHALLENGED,
    CHALLENGE_REJECTED,
    CANCELLED_PENDING,
    CANCELLED_THEN_PAID,
    SETTLED_LATE,
    LATE_PAYMENT_EVENT,
    SWEPT,
    CANCELLED_BY_STAFF,
    DELIVERED,
    SHIPPED_IN_PART,
    LOST,
    RETURNED,
    FREE,
    *(replace(scenario, in_batches=True) for scenario in IN_BATCHES),
)
