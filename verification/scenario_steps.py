"""What people do at the shop, and the stories that are made of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from shop.orders.model import Order, OrderStatus
from verification.purchase_driver import Purchase


@dataclass(frozen=True)
class Action:
    """Something somebody does. ``client``: a buyer does it, who may lose patience."""

    name: str
    do: Callable[[Purchase], None]
    client: bool = False


Scene = Callable[[Purchase], AbstractContextManager[None]]


def _as_always(purchase: Purchase) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Scenario:
    """A story. ``rivals`` act while a call of ``disturbed`` acts stalls; ``hold`` are queues that
    deliver nothing until the deadline has passed."""

    name: str
    acts: tuple[Action, ...]
    token: str = "tok_success"  # noqa: S105  a test token of the sandbox
    rivals: tuple[Action, ...] = ()
    hold: frozenset[str] = frozenset()
    in_batches: bool = False
    """As an order of many articles is bought: its stock moves an article at a time."""
    scene: Scene = _as_always
    """What is otherwise than in other dealings, while this one lasts."""
    free: bool = False
    """Codes pay for all of it."""
    becomes: Callable[[Order], bool] | None = None
    """What becomes of the order where nothing disturbs it: else it is no such dealing."""
    always: Callable[[Order], bool] = lambda order: True
    """What is so of the order at the end, whatever went wrong."""


def as_client(name: str, do: Callable[[Purchase], None]) -> Action:
    return Action(name, do, client=True)


BUY = as_client("complete", Purchase.complete)
BUY_AGAIN = as_client("complete again", lambda p: p.complete("second", "tok_success"))
LEAVE = as_client("leave", Purchase.leave)
APPROVE = as_client("approve", lambda p: p.approve(True))
REFUSE = as_client("refuse", lambda p: p.approve(False))
SHIP = Action("ship", Purchase.ship)
SHIP_ONE = Action("ship one", lambda p: p.ship([{"id": "li_1", "quantity": 1}]))
SHIP_OTHERWISE = Action("ship otherwise", lambda p: p.ship(number="B"))
CALL_OFF = Action("call off", Purchase.call_off)
ARRIVE = Action("arrive", lambda p: p.parcel("delivered"))
LOSE = Action("lose", lambda p: p.parcel("lost"))
EXPIRE = Action("expire", Purchase.expire)
SWEEP = Action("sweep", Purchase.sweep)
SNATCH = Action("write off what is left", Purchase.snatch)
RELEASE = Action("release", Purchase.release)
SEND_BACK = Action("send back", lambda p: p.send_back(1, "back"))

BOUGHT = Scenario("bought", (BUY,), rivals=(BUY, BUY_AGAIN, LEAVE, EXPIRE))
DECLINED = Scenario("declined", (BUY,), "tok_declined", rivals=(BUY, BUY_AGAIN, LEAVE, EXPIRE))
DECLINED_THEN_BOUGHT = Scenario("declined, then bought", (BUY, BUY_AGAIN), "tok_declined")
PENDING = Scenario("pending", (BUY,), "tok_pending", rivals=(BUY, LEAVE, EXPIRE))
PENDING_DECLINED = Scenario("pending, declined", (BUY,), "tok_pending_declined", rivals=(LEAVE,))
NEVER = Scenario("never paid", (BUY,), "tok_never", rivals=(LEAVE, EXPIRE))
CHALLENGED = Scenario("challenged", (BUY, APPROVE), "tok_challenge", rivals=(LEAVE, EXPIRE))
REFUSED = Scenario("challenge refused", (BUY, REFUSE), "tok_challenge", rivals=(EXPIRE,))
LEFT = Scenario("left while pending", (BUY, LEAVE), "tok_never", rivals=(BUY, LEAVE, EXPIRE))
LEFT_PAID = Scenario(
    "left, then paid", (BUY, LEAVE), "tok_pending", hold=frozenset({"settlements"})
)
LATE_MONEY = Scenario(
    "settled after the deadline", (BUY,), "tok_pending", hold=frozenset({"settlements"})
)
LATE_WORD = Scenario("told after the deadline", (BUY,), "tok_pending", hold=frozenset({"payments"}))
SWEPT = Scenario("swept", (BUY, SWEEP), "tok_never", rivals=(LEAVE,))
CALLED_OFF = Scenario("called off by staff", (BUY, CALL_OFF), rivals=(SHIP, CALL_OFF))
DELIVERED = Scenario("delivered", (BUY, SHIP, ARRIVE), rivals=(CALL_OFF, SHIP_OTHERWISE, RELEASE))
SHORTENED = Scenario(
    "shipped in part", (BUY, SHIP_ONE, RELEASE, ARRIVE), rivals=(SHIP_OTHERWISE, CALL_OFF)
)


def one_back_at_most(order: Order) -> bool:
    """One piece came back once, however often that was said."""
    return sum(line.returned for line in order.lines) <= 1


LOST = Scenario("lost on the way", (BUY, SHIP, LOSE))
SENT_BACK = Scenario(
    "delivered and sent back",
    (BUY, SHIP, ARRIVE, SEND_BACK),
    rivals=(SEND_BACK,),
    becomes=lambda order: [line.returned for line in order.lines] == [1, 0],
    always=one_back_at_most,
)
FOR_NOTHING = Scenario(
    "bought for nothing, called off",
    (BUY, CALL_OFF),
    "",
    rivals=(LEAVE, SHIP, EXPIRE),
    free=True,
    becomes=lambda order: order.total == 0 and order.status is OrderStatus.CANCELLED,
)

MANY = Scenario("many bought", (BUY,), rivals=(BUY, BUY_AGAIN, LEAVE, EXPIRE, SNATCH))
MANY_DECLINED = Scenario("many declined", (BUY, BUY_AGAIN), "tok_declined", rivals=(LEAVE, EXPIRE))
MANY_NEVER = Scenario("many never paid", (BUY,), "tok_never", rivals=(LEAVE, EXPIRE, SNATCH))
MANY_LEFT = Scenario("many left", (BUY, LEAVE), "tok_never", rivals=(BUY, EXPIRE))
MANY_SWEPT = Scenario("many swept", (BUY, SWEEP), "tok_never", rivals=(LEAVE,))
MANY_CALLED_OFF = Scenario("many called off by staff", (BUY, CALL_OFF), rivals=(SHIP, CALL_OFF))
MANY_DELIVERED = Scenario("many delivered", (BUY, SHIP, ARRIVE), rivals=(CALL_OFF, RELEASE))
MANY_SHORTENED = Scenario(
    "many shipped in part", (BUY, SHIP_ONE, RELEASE, ARRIVE), rivals=(SHIP_OTHERWISE, CALL_OFF)
)

ORDINARY: tuple[Scenario, ...] = (
    BOUGHT,
    DECLINED,
    DECLINED_THEN_BOUGHT,
    PENDING,
    PENDING_DECLINED,
    NEVER,
    CHALLENGED,
    REFUSED,
    LEFT,
    LEFT_PAID,
    LATE_MONEY,
    LATE_WORD,
    SWEPT,
    CALLED_OFF,
    DELIVERED,
    SHORTENED,
    LOST,
    SENT_BACK,
    FOR_NOTHING,
    *(
        replace(dealing, in_batches=True)
        for dealing in (
            MANY,
            MANY_DECLINED,
            MANY_NEVER,
            MANY_LEFT,
            MANY_SWEPT,
            MANY_CALLED_OFF,
            MANY_DELIVERED,
            MANY_SHORTENED,
        )
    ),
)
