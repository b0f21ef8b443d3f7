"""AwaitShipment: allocates, then waits until all has left. Compensation: compensate_shipment."""

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
sourcing = AllocationContext(
    stock, stock, DynamoLocationRepository(), DynamoUnitOfWork(connection())
)
waits = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()


@workflow_task
def handler(step: WorkflowTask) -> None:
    allocate_order(step.order_id, at=step.at, orders=orders, sourcing=sourcing)
    wait_for_step(
        step.order_id,
        "shipment",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
