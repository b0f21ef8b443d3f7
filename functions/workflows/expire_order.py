"""ExpireOrder: no payment came: the order is called off, unless the money is there after all."""

from shop.edge.task import Task, task
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.expiring import expire_order
from shop.orders.model import Status
from shop.orders.store import DynamoOrders
from shop.payments.gateway.chosen import provider_of_the_stage
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
ledger = DynamoLedger(connection())
provider = provider_of_the_stage()


@task
def handler(undo: Task) -> bool:
    order = expire_order(
        undo.order_id,
        at=undo.at,
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
        provider=provider,
    )
    return order.status is Status.CONFIRMED
