"""An order is complete, or worth less than it was → points are earned, credits go back."""

from shop.edge.reaction import Happening, reaction
from shop.orders.model import GUEST, Status
from shop.orders.store import DynamoOrders
from shop.pricing.actions.credits import Sold, keep_up
from shop.pricing.store.ledgers import DynamoLedgers
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
ledgers = DynamoLedgers()
ledger = DynamoLedger()


@reaction
def handler(event: Happening) -> None:
    order = orders.by_id(event.subject)
    sold = Sold(
        order_id=order.id,
        customer=None if order.owner == GUEST else order.owner,
        currency=order.currency,
        kept=order.goods_kept,
        over=order.credits_over,
        completed=order.status is Status.COMPLETED,
    )
    keep_up(sold, ledgers=ledgers, ledger=ledger, at=event.now)
