"""POST /checkout-sessions/{id}/complete: buy."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shop.cart.actions import PricingContext
from shop.catalog.store import DynamoProductCatalog
from shop.checkout.actions import CheckoutDependencies, CompletionBlocked, complete_checkout
from shop.checkout.model import CheckoutSession, waiting_message
from shop.checkout.schemas import CheckoutPageSettings, CompleteRequest, checkout_view
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint, required_setting
from shop.inventory.store import DynamoStockRepository, counter_level_cache, counter_shards
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider
from shop.peak.actions.queue_turns import blocking_room
from shop.peak.actions.room_expiry import ActiveWaitingRooms
from shop.peak.gateway.signing_keys import SecretAdmissionKeys
from shop.peak.schemas.checkout_notices import ADMISSION_HEADER, waiting_room_url
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageCounters, DynamoUsageLimitReader
from shop.shipping.store import shipping_table_cache
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import tax_table_cache

stock = DynamoStockRepository()
orders = DynamoOrderRepository()
deps = CheckoutDependencies(
    sessions=DynamoCheckoutSessionRepository(),
    orders=orders,
    stock=stock,
    usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
    idempotency=DynamoIdempotencyStore(),
    uow=DynamoUnitOfWork(),
    placing=DynamoUnitOfWork(retry_throttled=False),
    provider=create_payment_provider(),
    pricing=PricingContext(
        DynamoProductCatalog(),
        rule_set_cache(tax_table_cache()),
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
        stock,
        orders,
        shipping_table_cache(),
    ),
    credit_accounts=DynamoCreditAccountRepository(),
    code_attempts=DynamoCodeAttemptLimiter(),
    payment_window=timedelta(seconds=int(required_setting("PAYMENT_WINDOW_SECONDS"))),
)
front = CheckoutPageSettings.from_environment()
rooms = ActiveWaitingRooms(waiting_rooms(), rule_set_cache(tax_table_cache()))
keys = SecretAdmissionKeys(required_setting("SECRET_WAITING_ROOM"))


@endpoint(CompleteRequest, capability="dev.ucp.shopping.checkout")
def handler(request: Request[CompleteRequest]) -> Mapping[str, Any]:
    return complete_checkout(
        request.path["id"],
        request.body.payment_input(),
        request.idempotent,
        deps,
        lambda shown: checkout_view(shown, front, request.body.paid_view(shown)),
        guard=lambda session: _gate(session, request),
        rate_limit_subject=request.caller.customer or request.source_ip,
    )


def _gate(session: CheckoutSession, request: Request[CompleteRequest]) -> CompletionBlocked | None:
    """Goods that everybody wants are bought by those who waited for their turn."""
    room = blocking_room(
        session.id,
        [line.variant_id for line in session.offer.lines],
        request.headers.get(ADMISSION_HEADER),
        waiting_rooms=rooms,
        admission_keys=keys,
        at=request.received_at,
    )
    return (
        None
        if room is None
        else CompletionBlocked(waiting_message(), waiting_room_url(room, front.shop_url))
    )
