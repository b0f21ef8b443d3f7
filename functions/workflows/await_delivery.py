"""AwaitDelivery: capture the payment, then wait until all pieces have arrived.

Compensation: compensate_delivery.
"""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.payments import capture_when_possible
from shop.orders.actions.workflow_tokens import wait_for_step
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens
from shop.payments.gateway.factory import create_payment_provider

orders = DynamoOrderRepository()
tokens = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()
provider = create_payment_provider()


@workflow_task
def handler(task: WorkflowTask) -> None:
    capture_when_possible(task.order_id, at=task.at, orders=orders, provider=provider)
    wait_for_step(
        task.order_id,
        "delivery",
        task.token,
        at=task.at,
        orders=orders,
        tokens=tokens,
        workflow=workflow,
    )
