"""AwaitShipment: allocate, then wait until all pieces are shipped.

Compensation: compensate_shipment.
"""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.orders.actions.shipments import AllocationContext, allocate_order
from shop.orders.actions.workflow_tokens import wait_for_step
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
context = AllocationContext(
    stock, stock, DynamoLocationRepository(), DynamoUnitOfWork(connection())
)
tokens = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()


@workflow_task
def handler(task: WorkflowTask) -> None:
    allocate_order(task.order_id, at=task.at, orders=orders, context=context)
    wait_for_step(
        task.order_id,
        "shipment",
        task.token,
        at=task.at,
        orders=orders,
        tokens=tokens,
        workflow=workflow,
    )
