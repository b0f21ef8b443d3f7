"""A payment changed: where it stands is asked of the provider, and the order takes note."""

from shop.entrypoints.sqs import QueueMessage, consumer
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.payments import record_payment
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider
from shop.payments.schemas import PaymentMessage
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

writes = OrderWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    usage=DynamoUsageCounters(counter_shards()),
    uow=DynamoUnitOfWork(connection()),
)
provider = create_payment_provider()


@consumer(PaymentMessage)
def handler(message: QueueMessage[PaymentMessage]) -> None:
    order_id, report = provider.get_payment(message.body.reference)
    record_payment(
        order_id,
        report,
        at=message.at,
        actor=provider.name,
        writes=writes,
    )
