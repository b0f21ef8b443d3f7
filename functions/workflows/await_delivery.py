"""AwaitDelivery: takes the money, then waits until all arrived. Undo: give_up_delivery."""

from shop.edge.task import Task, task
from shop.orders.actions.paying import capture_when_possible
from shop.orders.actions.waiting import wait_for
from shop.orders.gateway.workflow import StepFunctions
from shop.orders.store import DynamoOrders, DynamoWaits
from shop.payments.gateway.chosen import provider_of_the_stage

orders = DynamoOrders()
waits = DynamoWaits()
workflow = StepFunctions()
provider = provider_of_the_stage()


@task
def handler(step: Task) -> None:
    capture_when_possible(step.order_id, at=step.at, orders=orders, provider=provider)
    wait_for(
        step.order_id,
        "delivery",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
