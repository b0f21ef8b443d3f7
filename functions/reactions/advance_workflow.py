"""The order changed → whichever step of its workflow waits for that goes on."""

from shop.edge.reaction import Happening, reaction
from shop.orders.actions.waiting import advance
from shop.orders.gateway.workflow import StepFunctions
from shop.orders.store import DynamoOrders, DynamoWaits

orders = DynamoOrders()
waits = DynamoWaits()
workflow = StepFunctions()


@reaction
def handler(event: Happening) -> None:
    advance(event.subject, orders=orders, waits=waits, workflow=workflow)
