"""The workflow waits for a step of an order, and is woken when it has happened."""

from datetime import datetime

from shop.orders.model import CALLED_OFF, Order, Status
from shop.orders.ports import Orders, Waits, Workflow

STEPS = ("payment", "shipment", "delivery")


def wait_for(
    order_id: str,
    step: str,
    token: str,
    *,
    at: datetime,
    orders: Orders,
    waits: Waits,
    workflow: Workflow,
) -> None:
    """Let the workflow wait for a step of the order, or go on at once if it happened already.

    The token is written first and the order read after it; :func:`advance` reads the token after
    the order was written. So whichever comes first, one of the two sees the other.
    """
    waits.wait(order_id, step, token, at)
    _answer(orders.by_id(order_id), step, token, workflow)


def advance(order_id: str, *, orders: Orders, waits: Waits, workflow: Workflow) -> None:
    """Wake whichever step of the workflow the order's new state lets go on."""
    order = orders.by_id(order_id)
    ready = [step for step in STEPS if _ready(order, step) is not False]
    for step, token in waits.tokens(order_id, ready).items():
        _answer(order, step, token, workflow)


def _ready(order: Order, step: str) -> bool | None:
    """Whether a step may go on (True), must wait (False), or can never go on (None)."""
    if order.status in CALLED_OFF:
        return None
    if step == "payment":
        return order.status is not Status.PLACED
    if order.status is Status.PLACED:
        return False
    if step == "shipment":
        return order.shipped
    if order.delivered or order.status is Status.COMPLETED:
        return True
    return None if order.landed else False


def _answer(order: Order, step: str, token: str, workflow: Workflow) -> None:
    ready = _ready(order, step)
    if ready:
        workflow.resume(token, {"order_id": order.id})
    elif ready is None:
        workflow.abort(token, "CalledOff", order.cancel_reason or order.status.value)
