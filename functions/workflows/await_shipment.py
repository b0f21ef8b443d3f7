"""AwaitShipment: allocates, then waits until all has left. Undo: release_allocation."""

from shop.edge.task import Task, task
from shop.orders.actions.shipping import allocate_order
from shop.orders.actions.waiting import wait_for
from shop.orders.gateway.workflow import StepFunctions
from shop.orders.store import DynamoOrders, DynamoWaits

orders = DynamoOrders()
waits = DynamoWaits()
workflow = StepFunctions()


@task
def handler(step: Task) -> None:
    allocate_order(step.order_id, at=step.at, orders=orders)
    wait_for(
        step.order_id,
        "shipment",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
