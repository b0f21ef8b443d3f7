"""GET /carts/{id}: look at a cart at today's prices."""

from typing import Any

from shop.cart.actions import PricingContext, get_cart
from shop.cart.schemas import cart_view, shop_page
from shop.cart.store import DynamoCartRepository
from shop.catalog.store import DynamoProductCatalog
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_level_cache
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
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
ledger = DynamoUnitOfWork()
page = shop_page()


@endpoint(capability="dev.ucp.shopping.cart")
def handler(request: Request[None]) -> dict[str, Any]:
    result = get_cart(
        request.caller.owner,
        request.path["id"],
        carts=carts,
        pricing=pricing,
        stock=stock,
        uow=ledger,
        at=request.received_at,
    )
    return cart_view(result, page)
