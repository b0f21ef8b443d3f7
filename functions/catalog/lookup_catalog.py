"""POST /catalog/lookup: products and variants by id, with availability.

A request reads the catalog, and the stock unless levels of the last two seconds are cached.
"""

from typing import Any

from shop.catalog.actions.storefront import lookup_products
from shop.catalog.schemas.storefront import LookupRequest
from shop.catalog.schemas.storefront_views import lookup_view
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


@endpoint(LookupRequest, capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[LookupRequest]) -> dict[str, Any]:
    body = request.body
    resolved, unknown = lookup_products(
        body.distinct_ids, catalog=catalog, variant_filter=body.variant_filter
    )
    levels = stock.levels(match.variant.sku for item in resolved for match in item.matches)
    availability = {sku: level.availability(request.received_at) for sku, level in levels.items()}
    rules = rule_source.rules(request.received_at)
    tags = price_tags_for_products(
        [item.product for item in resolved],
        rules=rules,
        at=request.received_at,
        context=PriceContext.of(rules, body.country, body.currency, request.channel),
        limits=usage_limits,
    )
    return lookup_view(resolved, unknown, availability, tags)
