"""AwaitPayment: wait until the payment is certain. Compensation: compensate_payment."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.workflow_tokens import wait_for_step
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens

orders = DynamoOrderRepository()
tokens = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()


@workflow_task
def handler(task: WorkflowTask) -> None:
    wait_for_step(
        task.order_id,
        "payment",
        task.token,
        at=task.at,
        orders=orders,
        tokens=tokens,
        workflow=workflow,
    )
