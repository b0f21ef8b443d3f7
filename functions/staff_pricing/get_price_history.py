"""GET /staff/price-history/{id}: the displayed prices of a variant, and its current reduction."""

from shop.catalog.model import product_id_from
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.kernel.errors import NotFound
from shop.pricing.actions.displayed_prices import PriceContext, basket_line, replay_price_history
from shop.pricing.schemas.price_lists import PriceHistoryView, market_from_query
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache

catalog = DynamoProductCatalog()
rule_source = rule_set_cache(tax_table_cache())


@endpoint()
def handler(request: Request[None]) -> PriceHistoryView:
    variant_id, at = request.path["id"], request.received_at
    country, currency = market_from_query(request.query)
    product = catalog.get(product_id_from(variant_id))
    variant = product.variant(variant_id)
    if variant is None:
        raise NotFound(f"Variant {variant_id!r} does not exist. Check the id.")
    rules = rule_source.rules(at)
    market = rules.market_of(country)
    currency = currency or market.currency or variant.price.currency
    line = basket_line(product, variant, id=variant_id, title=variant.title, quantity=1)
    context = PriceContext(market.id)
    history = replay_price_history(
        variant, line, rules=rules, at=at, context=context, currency=currency
    )
    return PriceHistoryView.of(history, market.id, currency, at)
