"""The workflow waits for a step of an order, and is woken when it has happened."""

from datetime import datetime

from shop.orders.model import TERMINATED, Order, OrderStatus
from shop.orders.ports import OrderRepository, OrderWorkflow, WorkflowTokens

STEPS = ("payment", "shipment", "delivery")


def wait_for_step(
    order_id: str,
    step: str,
    token: str,
    *,
    at: datetime,
    orders: OrderRepository,
    waits: WorkflowTokens,
    workflow: OrderWorkflow,
) -> None:
    """Let the workflow wait for a step of the order, or go on at once if it happened already.

    The token is written first and the order read after it; :func:`advance` reads the token after
    the order was written. So whichever comes first, one of the two sees the other.
    """
    waits.save(order_id, step, token, at)
    _answer(orders.get_by_id(order_id), step, token, workflow)


def advance_workflow(
    order_id: str, *, orders: OrderRepository, waits: WorkflowTokens, workflow: OrderWorkflow
) -> None:
    """Wake whichever step of the workflow the order's new state lets go on."""
    order = orders.get_by_id(order_id)
    ready = [step for step in STEPS if _ready(order, step) is not False]
    for step, token in waits.get_many(order_id, ready).items():
        _answer(order, step, token, workflow)


def _ready(order: Order, step: str) -> bool | None:
    """Whether a step may go on (True), must wait (False), or can never go on (None)."""
    if order.status in TERMINATED:
        return None
    if step == "payment":
        return order.status is not OrderStatus.PLACED
    if order.status is OrderStatus.PLACED:
        return False
    if step == "shipment":
        return order.shipped
    if order.delivered or order.status is OrderStatus.COMPLETED:
        return True
    return None if order.all_delivered_or_lost else False


def _answer(order: Order, step: str, token: str, workflow: OrderWorkflow) -> None:
    ready = _ready(order, step)
    if ready:
        workflow.resume(token, {"order_id": order.id})
    elif ready is None:
        workflow.abort(token, "OrderTerminated", order.cancel_reason or order.status.value)
