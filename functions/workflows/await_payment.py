"""AwaitPayment: the workflow waits until the money is certain. Undo: expire_order."""

from shop.edge.task import Task, task
from shop.orders.actions.waiting import wait_for
from shop.orders.gateway.workflow import StepFunctions
from shop.orders.store import DynamoOrders, DynamoWaits

orders = DynamoOrders()
waits = DynamoWaits()
workflow = StepFunctions()


@task
def handler(step: Task) -> None:
    wait_for(
        step.order_id,
        "payment",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
