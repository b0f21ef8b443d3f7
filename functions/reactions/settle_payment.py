"""An order is owed less than was paid, or money came too late → what is not due goes back."""

from shop.edge.reaction import Happening, reaction
from shop.orders.actions.paying import settle_payment
from shop.orders.store import DynamoOrders
from shop.payments.gateway.chosen import provider_of_the_stage

orders = DynamoOrders()
provider = provider_of_the_stage()


@reaction
def handler(event: Happening) -> None:
    settle_payment(event.subject, at=event.now, orders=orders, provider=provider)
