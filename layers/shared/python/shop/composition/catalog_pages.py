"""The pages of the catalog, which POST and the cacheable GET routes share."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from shop.catalog.actions.storefront import get_product, search_products
from shop.catalog.model import select_variant
from shop.catalog.schemas.storefront import ProductRequest, SearchRequest
from shop.catalog.schemas.storefront_views import product_detail_view, search_view
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import counter_level_cache, level_cache
from shop.pricing.actions.displayed_prices import (
    PriceContext,
    price_tags_for_cards,
    price_tags_for_products,
)
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.tax.store.cache import tax_table_cache

CACHE_SECONDS = 5
"""How long a CDN may use a page: as long as a Lambda may use the rules that it was made with."""


class CatalogPages:
    """Pages with the prices and the stock of an instant."""

    def __init__(self) -> None:
        self._catalog = DynamoProductCatalog()
        self._stock = level_cache()
        self._rule_source = rule_set_cache(tax_table_cache())
        self._usage_limits = DynamoUsageLimitReader(counter_level_cache())

    def product(self, body: ProductRequest, *, channel: str, at: datetime) -> dict[str, Any]:
        """Return a product in full. Raises NotFound."""
        result = get_product(body.id, catalog=self._catalog, variant_filter=body.variant_filter)
        availability = self._availability((v.sku for v in result.product.on_sale), at)
        selection = select_variant(
            result.product,
            variants=result.variants,
            in_stock=lambda variant: availability[variant.sku] != "out_of_stock",
            variant=result.variant,
            selected=body.choices,
            preferences=body.preferences or (),
        )
        rules = self._rule_source.rules(at)
        tags = price_tags_for_products(
            [result.product],
            rules=rules,
            at=at,
            context=PriceContext.of(rules, body.country, body.currency, channel),
            limits=self._usage_limits,
        )
        return product_detail_view(selection, availability, tags)

    def search(self, body: SearchRequest, *, channel: str, at: datetime) -> dict[str, Any]:
        """Return a page of products. Raises InvalidRequest (``search_empty``)."""
        result = search_products(
            body.text,
            index=self._catalog,
            categories=body.categories,
            price=body.price_band,
            limit=body.limit,
            cursor=body.cursor,
        )
        rules = self._rule_source.rules(at)
        tags = price_tags_for_cards(
            result.page.items,
            catalog=self._catalog,
            rules=rules,
            at=at,
            context=PriceContext.of(rules, body.country, body.currency, channel),
            limits=self._usage_limits,
        )
        skus = [card.featured.sku for card in result.page.items]
        return search_view(result, self._availability(skus, at), tags)

    def _availability(self, skus: Iterable[str], at: datetime) -> dict[str, str]:
        """Return UCP's availability status of each SKU; it is at most two seconds old."""
        return {sku: level.availability(at) for sku, level in self._stock.levels(skus).items()}

    def cache_seconds(self, at: datetime) -> int:
        """Return how long a page of this instant holds: 0 if a price list or promotion begins or
        ends within the time."""
        rules = self._rule_source.rules(at)
        until = at + timedelta(seconds=CACHE_SECONDS)
        return CACHE_SECONDS if rules.gives_same_quote(rules.version, at, until) else 0
