"""A payment changed: where it stands is asked of the provider, and the order takes note."""

from shop.edge.queue import Message, consumer
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.paying import record_payment
from shop.orders.store import DynamoOrders
from shop.payments.gateway.chosen import provider_of_the_stage
from shop.payments.wire import PaymentMessage
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
ledger = DynamoLedger(connection())
provider = provider_of_the_stage()


@consumer(PaymentMessage)
def handler(message: Message[PaymentMessage]) -> None:
    order_id, report = provider.payment(message.body.reference)
    record_payment(
        order_id,
        report,
        at=message.at,
        who=provider.name,
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
    )
