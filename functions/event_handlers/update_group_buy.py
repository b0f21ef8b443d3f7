"""A member of a group has paid, or has left → the seat is taken or given back; the last decides."""

from shop.cart.model import usage_key
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.group_buys import settle_group_buy_member
from shop.orders.model import Order
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.group_buys import DynamoGroupBuyRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
tallies = DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository())
ledger = DynamoUnitOfWork(connection())
group_buys = DynamoGroupBuyRepository()


def _who(order: Order) -> str:
    return usage_key(order.owner, order.buyer) or order.id


@event_handler
def handler(event: EventEnvelope) -> None:
    if "group_buy" in event.data:
        settle_group_buy_member(
            event.subject,
            actor=_who,
            at=event.at,
            orders=orders,
            reservations=stock,
            usage=tallies,
            uow=ledger,
            group_buys=group_buys,
        )
