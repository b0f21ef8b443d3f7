"""PUT /carts/{id}: replace what a cart holds."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import CartResult, PricingContext, update_cart
from shop.cart.schemas import CartRequest, cart_view, shop_page
from shop.cart.store import DynamoCartRepository
from shop.catalog.store import DynamoProductCatalog
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_level_cache
from shop.kernel.idempotency import run_idempotent
from shop.kernel.unit_of_work import StagedChange
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.prefetch import prefetch
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import tax_table_cache

carts = DynamoCartRepository()
stock = DynamoStockRepository()
orders = DynamoOrderRepository()
catalogue = DynamoProductCatalog()
pricing = PricingContext(
    catalogue,
    rule_set_cache(tax_table_cache()),
    DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
    stock,
    orders,
)
keys = DynamoIdempotencyStore()
ledger = DynamoUnitOfWork()
guesses = DynamoCodeAttemptLimiter()
page = shop_page()


@endpoint(CartRequest, capability="dev.ucp.shopping.cart")
def handler(request: Request[CartRequest]) -> Mapping[str, Any]:
    wish, cart_id, ask = (
        request.body.to_input(request.channel),
        request.path["id"],
        request.idempotent,
    )

    def changed() -> StagedChange[CartResult]:
        with prefetch(
            carts.read_set(ask.owner, cart_id),
            catalogue.read_set(variant_id for _, variant_id, _ in wish.lines),
        ):
            return update_cart(
                cart_id,
                wish,
                ask,
                carts=carts,
                pricing=pricing,
                code_attempts=guesses,
                rate_limit_subject=request.caller.customer or request.source_ip,
            )

    return run_idempotent(
        ask, changed, lambda shown: cart_view(shown, page), idempotency=keys, uow=ledger
    )
