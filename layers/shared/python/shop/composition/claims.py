"""The objects that move a guest's cart or checkout to a customer."""

from shop.cart.store import DynamoCartRepository
from shop.checkout.actions.claim import Claims
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.orders.store import DynamoOrderRepository
from shop.storage.transactions import DynamoUnitOfWork


def claims() -> Claims:
    """Build them, for one claim."""
    return Claims(
        DynamoCartRepository(),
        DynamoCheckoutSessionRepository(),
        DynamoOrderRepository(),
        DynamoUnitOfWork(),
    )
