"""POST /catalog/search: search products, with current prices.

A request reads the index, and the products of the page only if one of them is reduced. Search
shows no availability; lookup and product detail do.
"""

from typing import Any

from shop.catalog.actions.storefront import search_products
from shop.catalog.schemas.storefront import SearchRequest
from shop.catalog.schemas.storefront_views import search_view
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import counter_level_cache
from shop.pricing.actions.displayed_prices import PriceContext, price_tags_for_cards
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.tax.store.cache import tax_table_cache

index = DynamoProductCatalog()
rule_source = rule_set_cache(tax_table_cache())
usage_limits = DynamoUsageLimitReader(counter_level_cache())


@endpoint(SearchRequest, capability="dev.ucp.shopping.catalog.search")
def handler(request: Request[SearchRequest]) -> dict[str, Any]:
    body = request.body
    result = search_products(
        body.text,
        index=index,
        categories=body.categories,
        price=body.price_band,
        limit=body.limit,
        cursor=body.cursor,
    )
    rules = rule_source.rules(request.received_at)
    tags = price_tags_for_cards(
        result.page.items,
        catalog=index,
        rules=rules,
        at=request.received_at,
        context=PriceContext.of(rules, body.country, body.currency, request.channel),
        limits=usage_limits,
    )
    return search_view(result, tags)
