"""AwaitShipment: allocates, then waits until all has left. Undo: release_allocation."""

from shop.edge.task import Task, task
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.orders.actions.shipping import Sourcing, allocate_order
from shop.orders.actions.waiting import wait_for
from shop.orders.gateway.workflow import StepFunctions
from shop.orders.store import DynamoOrders, DynamoWaits
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
sourcing = Sourcing(stock, stock, DynamoLocations(), DynamoLedger(connection()))
waits = DynamoWaits()
workflow = StepFunctions()


@task
def handler(step: Task) -> None:
    allocate_order(step.order_id, at=step.at, orders=orders, sourcing=sourcing)
    wait_for(
        step.order_id,
        "shipment",
        step.token,
        at=step.at,
        orders=orders,
        waits=waits,
        workflow=workflow,
    )
