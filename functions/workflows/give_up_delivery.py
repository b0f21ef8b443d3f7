"""GiveUpDelivery: parcels came back, were lost or never heard of; what arrived stays sold."""

from shop.edge.task import Task, task
from shop.orders.actions.delivering import give_up_delivery
from shop.orders.model import CALLED_OFF
from shop.orders.store import DynamoOrders

orders = DynamoOrders()


@task
def handler(undo: Task) -> bool:
    order = give_up_delivery(
        undo.order_id, late=undo.failure == "States.Timeout", at=undo.at, orders=orders
    )
    return order.status not in CALLED_OFF
