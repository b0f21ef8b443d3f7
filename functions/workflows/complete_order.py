"""CompleteOrder: everything arrived and is paid; the order is closed."""

from shop.edge.task import Task, task
from shop.orders.actions.delivering import complete_order
from shop.orders.actions.paying import capture_payment
from shop.orders.store import DynamoOrders
from shop.payments.gateway.chosen import provider_of_the_stage

orders = DynamoOrders()
provider = provider_of_the_stage()


@task
def handler(step: Task) -> None:
    capture_payment(step.order_id, at=step.at, orders=orders, provider=provider)
    complete_order(step.order_id, at=step.at, orders=orders)
