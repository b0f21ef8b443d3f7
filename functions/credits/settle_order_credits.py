"""Settle the credits of an order: book its points, refund credits beyond its value."""

from shop.credits.actions.order_settlement import OrderCredits, settle_order_credits
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.orders.model import GUEST_OWNER, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
credit_accounts = DynamoCreditAccountRepository()
uow = DynamoUnitOfWork()


@event_handler
def handler(event: EventEnvelope) -> None:
    order = orders.get_by_id(event.subject)
    order_credits = OrderCredits(
        order_id=order.id,
        customer=None if order.owner == GUEST_OWNER else order.owner,
        currency=order.currency,
        goods_total=order.active_goods_value,
        excess=order.excess_credits,
        completed=order.status is OrderStatus.COMPLETED,
    )
    settle_order_credits(order_credits, credit_accounts=credit_accounts, uow=uow, at=event.now)
