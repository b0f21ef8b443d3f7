"""AwaitPayment: the workflow waits until the money is certain. Compensation: compensate_payment."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.workflow_tokens import wait_for_step
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens

orders = DynamoOrderRepository()
waits = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()


@workflow_task
def handler(step: WorkflowTask) -> None:
    wait_for_step(
        step.order_id,
        "payment",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
