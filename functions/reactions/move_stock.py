"""An order of many articles changed → its stock, which moves in batches, has moved to the last."""

from shop.edge.reaction import Happening, reaction
from shop.inventory.store import DynamoStock
from shop.orders.actions.batches import move_batches
from shop.orders.store import DynamoOrders
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
ledger = DynamoLedger(connection())


@reaction
def handler(event: Happening) -> None:
    move_batches(event.subject, orders=orders, stock=stock, ledger=ledger)
