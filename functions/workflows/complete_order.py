"""CompleteOrder: everything arrived and is paid; the order is closed."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.delivery import complete_order
from shop.orders.actions.payments import capture_payment
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider

orders = DynamoOrderRepository()
provider = create_payment_provider()


@workflow_task
def handler(step: WorkflowTask) -> None:
    capture_payment(step.order_id, at=step.at, orders=orders, provider=provider)
    complete_order(step.order_id, at=step.at, orders=orders)
