"""The pricing context that carts, checkouts and simulations share."""

from typing import TYPE_CHECKING

from shop.cart.actions import PricingContext
from shop.catalog.store import DynamoProductCatalog
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.inventory.store import DynamoStockRepository, counter_level_cache
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.tax.store.cache import tax_table_cache

if TYPE_CHECKING:  # carts have no shipping prices, and their Lambdas do not load them
    from shop.shipping.ports import ShippingTableSource


def pricing_context(
    catalog: DynamoProductCatalog | None = None,
    shipping: "ShippingTableSource | None" = None,
) -> PricingContext:
    """Build a pricing context.

    ``catalog`` is for handlers that also read it themselves; ``shipping`` for checkouts.
    """
    return PricingContext(
        catalog or DynamoProductCatalog(),
        rule_set_cache(tax_table_cache()),
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
        DynamoStockRepository(),
        DynamoOrderRepository(),
        shipping,
    )
