"""POST /checkout-sessions: begin a checkout, from lines or from a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import PricingContext
from shop.cart.store import DynamoCartRepository
from shop.catalog.store import DynamoProductCatalog
from shop.checkout.actions import create_checkout
from shop.checkout.schemas import CheckoutCreateRequest, CheckoutPageSettings, checkout_view
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
carts = DynamoCartRepository()
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


@endpoint(CheckoutCreateRequest, capability="dev.ucp.shopping.checkout", status=201)
def handler(request: Request[CheckoutCreateRequest]) -> Mapping[str, Any]:
    wish = request.body.to_input(request.channel)
    asker = request.caller.customer or request.source_ip
    answer = run_idempotent(
        request.idempotent,
        lambda: create_checkout(
            wish,
            request.idempotent,
            sessions=sessions,
            carts=carts,
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
