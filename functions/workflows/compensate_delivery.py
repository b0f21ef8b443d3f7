"""GiveUpDelivery: parcels came back, were lost or never heard of; what arrived stays sold."""

from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.orders.actions.delivery import abandon_delivery
from shop.orders.model import TERMINATED
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@workflow_task
def handler(undo: WorkflowTask) -> bool:
    order = abandon_delivery(
        undo.order_id, late=undo.failure == "States.Timeout", at=undo.at, orders=orders
    )
    return order.status not in TERMINATED
