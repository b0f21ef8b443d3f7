"""An order of a group buy was paid or cancelled: take or free its seat.

The last seat completes the group, and the orders of its members follow.
"""

from shop.cart.model import usage_key
from shop.composition.orders import order_writes
from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.orders.actions.group_buys import settle_group_buy_member
from shop.orders.model import Order
from shop.pricing.store.group_buys import DynamoGroupBuyRepository

writes = order_writes()
group_buys = DynamoGroupBuyRepository()


def _customer_key(order: Order) -> str:
    return usage_key(order.owner, order.email) or order.id


@event_handler
def handler(event: EventEnvelope) -> None:
    if "group_buy" in event.data:
        settle_group_buy_member(
            event.subject,
            customer_key=_customer_key,
            at=event.at,
            writes=writes,
            group_buys=group_buys,
        )
