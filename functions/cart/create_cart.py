"""POST /carts: begin a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import PricingContext, create_cart
from shop.cart.schemas import CartRequest, cart_view, shop_page
from shop.cart.store import DynamoCartRepository
from shop.catalog.store import DynamoProductCatalog
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_level_cache
from shop.kernel.idempotency import run_idempotent
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import tax_table_cache

carts = DynamoCartRepository()
stock = DynamoStockRepository()
orders = DynamoOrderRepository()
pricing = PricingContext(
    DynamoProductCatalog(),
    rule_set_cache(tax_table_cache()),
    DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
    stock,
    orders,
)
keys = DynamoIdempotencyStore()
ledger = DynamoUnitOfWork()
guesses = DynamoCodeAttemptLimiter()
page = shop_page()


@endpoint(CartRequest, capability="dev.ucp.shopping.cart", status=201)
def handler(request: Request[CartRequest]) -> Mapping[str, Any]:
    return run_idempotent(
        request.idempotent,
        lambda: create_cart(
            request.body.to_input(request.channel),
            request.idempotent,
            carts=carts,
            pricing=pricing,
            code_attempts=guesses,
            rate_limit_subject=request.caller.customer or request.source_ip,
        ),
        lambda shown: cart_view(shown, page),
        idempotency=keys,
        uow=ledger,
    )
