"""AwaitDelivery: takes the money, then waits until all arrived. Compensation: compensate_delivery."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.payments import capture_when_possible
from shop.orders.actions.workflow_tokens import wait_for_step
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens
from shop.payments.gateway.factory import create_payment_provider

orders = DynamoOrderRepository()
waits = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()
provider = create_payment_provider()


@workflow_task
def handler(step: WorkflowTask) -> None:
    capture_when_possible(step.order_id, at=step.at, orders=orders, provider=provider)
    wait_for_step(
        step.order_id,
        "delivery",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
