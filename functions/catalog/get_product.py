"""POST /catalog/product: one product in full, with the availability of each option value.

A request reads the product, and its stock unless a level of the last two seconds is cached. Rules,
tax rates and usage limits come from caches of a few seconds.
"""

from typing import Any

from shop.catalog.actions.storefront import get_product
from shop.catalog.model import select_variant
from shop.catalog.schemas.storefront import ProductRequest
from shop.catalog.schemas.storefront_views import product_detail_view
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import counter_level_cache, level_cache
from shop.pricing.actions.displayed_prices import PriceContext, price_tags_for_products
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.tax.store.cache import tax_table_cache

catalog = DynamoProductCatalog()
stock = level_cache()
rule_source = rule_set_cache(tax_table_cache())
usage_limits = DynamoUsageLimitReader(counter_level_cache())


@endpoint(ProductRequest, capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[ProductRequest]) -> dict[str, Any]:
    body = request.body
    result = get_product(body.id, catalog=catalog, variant_filter=body.variant_filter)
    levels = stock.levels(variant.sku for variant in result.product.on_sale)
    availability = {sku: level.availability(request.received_at) for sku, level in levels.items()}
    selection = select_variant(
        result.product,
        variants=result.variants,
        in_stock=lambda variant: availability[variant.sku] != "out_of_stock",
        variant=result.variant,
        selected=body.choices,
        preferences=body.preferences or (),
    )
    rules = rule_source.rules(request.received_at)
    tags = price_tags_for_products(
        [result.product],
        rules=rules,
        at=request.received_at,
        context=PriceContext.of(rules, body.country, body.currency, request.channel),
        limits=usage_limits,
    )
    return product_detail_view(selection, availability, tags)
