"""CompleteOrder: capture a payment that is still authorized, and complete the order."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.delivery import complete_order
from shop.orders.actions.payments import capture_payment
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider

orders = DynamoOrderRepository()
provider = create_payment_provider()


@workflow_task
def handler(task: WorkflowTask) -> None:
    capture_payment(task.order_id, at=task.at, orders=orders, provider=provider)
    complete_order(task.order_id, at=task.at, orders=orders)
