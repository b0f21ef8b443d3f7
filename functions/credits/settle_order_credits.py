"""An order is complete, or worth less than it was → points are earned, credits go back."""

from shop.credits.actions.credits import OrderCredits, settle_order_credits
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.orders.model import GUEST_OWNER, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
ledgers = DynamoCreditAccountRepository()
ledger = DynamoUnitOfWork()


@event_handler
def handler(event: EventEnvelope) -> None:
    order = orders.get_by_id(event.subject)
    sold = OrderCredits(
        order_id=order.id,
        customer=None if order.owner == GUEST_OWNER else order.owner,
        currency=order.currency,
        kept=order.active_goods_value,
        over=order.excess_credits,
        completed=order.status is OrderStatus.COMPLETED,
    )
    settle_order_credits(sold, credit_accounts=ledgers, writes=ledger, at=event.now)
