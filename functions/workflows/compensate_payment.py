"""CompensatePayment: cancel an unpaid order, unless its payment proves certain."""

from shop.composition.orders import order_writes
from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.expiry import expire_order
from shop.orders.model import OrderStatus
from shop.payments.gateway.factory import create_payment_provider

writes = order_writes()
provider = create_payment_provider()


@workflow_task
def handler(task: WorkflowTask) -> bool:
    order = expire_order(
        task.order_id,
        at=task.at,
        writes=writes,
        provider=provider,
    )
    return order.status is OrderStatus.CONFIRMED
