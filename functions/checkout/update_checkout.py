"""PUT /checkout-sessions/{id}: replace what a checkout is."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import PricingContext
from shop.catalog.store import DynamoProductCatalog
from shop.checkout.actions import update_checkout
from shop.checkout.schemas import CheckoutPageSettings, CheckoutUpdateRequest, checkout_view
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_level_cache
from shop.kernel.idempotency import run_idempotent
from shop.orders.store import DynamoOrderRepository
from shop.peak.actions.room_expiry import ActiveWaitingRooms
from shop.peak.schemas.checkout_notices import with_waiting_room_notice
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.shipping.store import shipping_table_cache
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import tax_table_cache

sessions = DynamoCheckoutSessionRepository()
stock = DynamoStockRepository()
orders = DynamoOrderRepository()
pricing = PricingContext(
    DynamoProductCatalog(),
    rule_set_cache(tax_table_cache()),
    DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
    stock,
    orders,
    shipping_table_cache(),
)
keys = DynamoIdempotencyStore()
ledger = DynamoUnitOfWork()
guesses = DynamoCodeAttemptLimiter()
front = CheckoutPageSettings.from_environment()
rooms = ActiveWaitingRooms(waiting_rooms(), rule_set_cache(tax_table_cache()))


@endpoint(CheckoutUpdateRequest, capability="dev.ucp.shopping.checkout")
def handler(request: Request[CheckoutUpdateRequest]) -> Mapping[str, Any]:
    session_id, wish = request.path["id"], request.body.to_input(request.channel)
    asker = request.caller.customer or request.source_ip
    answer = run_idempotent(
        request.idempotent,
        lambda: update_checkout(
            session_id,
            wish,
            request.idempotent,
            sessions=sessions,
            orders=orders,
            pricing=pricing,
            stock=stock,
            code_attempts=guesses,
            rate_limit_subject=asker,
        ),
        lambda shown: checkout_view(shown, front),
        idempotency=keys,
        uow=ledger,
    )
    return with_waiting_room_notice(answer, rooms.list_open(request.received_at), front.shop_url)
