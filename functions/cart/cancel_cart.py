"""POST /carts/{id}/cancel: leave a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import PricingContext, cancel_cart
from shop.cart.schemas import cart_view, shop_page
from shop.cart.store import DynamoCartRepository
from shop.catalog.store import DynamoProductCatalog
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
page = shop_page()


@endpoint(capability="dev.ucp.shopping.cart")
def handler(request: Request[None]) -> Mapping[str, Any]:
    return run_idempotent(
        request.idempotent,
        lambda: cancel_cart(request.path["id"], request.idempotent, carts=carts, pricing=pricing),
        lambda shown: cart_view(shown, page),
        idempotency=keys,
        uow=ledger,
    )
