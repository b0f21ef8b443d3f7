"""Task tokens: the workflow waits at a step of an order until the order reaches it."""

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
    tokens: WorkflowTokens,
    workflow: OrderWorkflow,
) -> None:
    """Store the token of a waiting step, or resume the workflow at once if the step is done.

    The order of operations prevents a lost wake-up. This function stores the token and then reads
    the order; :func:`advance_workflow` runs after the order is written and then reads the token. So
    at least one of the two sees both.
    """
    tokens.save(order_id, step, token, at)
    _notify(orders.get_by_id(order_id), step, token, workflow)


def advance_workflow(
    order_id: str, *, orders: OrderRepository, tokens: WorkflowTokens, workflow: OrderWorkflow
) -> None:
    """Resume or abort the waiting steps that the order's current state decides."""
    order = orders.get_by_id(order_id)
    decided = [step for step in STEPS if _is_done(order, step) is not False]
    for step, token in tokens.get_many(order_id, decided).items():
        _notify(order, step, token, workflow)


def _is_done(order: Order, step: str) -> bool | None:
    """Whether a step is done (True), still waits (False), or can never be done (None)."""
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
    # Without shipments in transit no further delivery can follow: the compensation takes over.
    return None if order.all_delivered_or_lost else False


def _notify(order: Order, step: str, token: str, workflow: OrderWorkflow) -> None:
    done = _is_done(order, step)
    if done:
        workflow.resume(token, {"order_id": order.id})
    elif done is None:
        workflow.abort(token, "OrderTerminated", order.cancel_reason or order.status.value)
