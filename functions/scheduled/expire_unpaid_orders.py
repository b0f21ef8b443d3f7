"""Every five minutes: orders past their deadline that the workflow did not expire are expired."""

from datetime import datetime
from typing import Any

from shop.edge.schedule import scheduled
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.expiring import expire_overdue
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


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    found, settled = expire_overdue(
        at=at, orders=orders, stock=stock, tallies=tallies, ledger=ledger, provider=provider
    )
    return {"overdue": found, "settled": settled}
