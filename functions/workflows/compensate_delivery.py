"""CompensateDelivery: count pieces as returned that did not arrive by the deadline."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.delivery import abandon_delivery
from shop.orders.model import TERMINATED
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@workflow_task
def handler(task: WorkflowTask) -> bool:
    order = abandon_delivery(
        task.order_id, late=task.failure == "States.Timeout", at=task.at, orders=orders
    )
    return order.status not in TERMINATED
