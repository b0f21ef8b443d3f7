"""POST /checkout-sessions/{id}/cancel: leave a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.checkout.actions import cancel_checkout
from shop.checkout.schemas import CheckoutPageSettings, checkout_view
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.kernel.idempotency import run_idempotent
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

sessions = DynamoCheckoutSessionRepository()
keys = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()
writes = OrderWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    usage=DynamoUsageCounters(counter_shards()),
    uow=uow,
)
front = CheckoutPageSettings.from_environment()


@endpoint(capability="dev.ucp.shopping.checkout")
def handler(request: Request[None]) -> Mapping[str, Any]:
    return run_idempotent(
        request.idempotent,
        lambda: cancel_checkout(
            request.path["id"],
            request.idempotent,
            sessions=sessions,
            writes=writes,
        ),
        lambda shown: checkout_view(shown, front),
        idempotency=keys,
        uow=uow,
    )
