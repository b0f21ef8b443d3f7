"""A member of a group has paid, or has left → the seat is taken or given back; the last decides."""

from shop.cart.model import counted_as
from shop.edge.reaction import Happening, reaction
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.group_buys import join_group_buy
from shop.orders.model import Order
from shop.orders.store import DynamoOrders
from shop.pricing.store.group_buys import DynamoGroupBuys
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
ledger = DynamoLedger(connection())
group_buys = DynamoGroupBuys()


def _who(order: Order) -> str:
    return counted_as(order.owner, order.buyer) or order.id


@reaction
def handler(event: Happening) -> None:
    if "group_buy" in event.data:
        join_group_buy(
            event.subject,
            who=_who,
            at=event.at,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
            group_buys=group_buys,
        )
