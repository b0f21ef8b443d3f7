"""GET /staff/price-history/{id}: what a variant was announced at, and the reduction running now."""

from shop.catalog.model import product_of
from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.kernel.errors import NotFound
from shop.pricing.actions.announcing import Place, history_of, line_of
from shop.pricing.model.rules import market_of
from shop.pricing.store.book import rule_book
from shop.pricing.wire.price_lists import PriceHistoryView, place_asked

catalogue = DynamoCatalogue()
book = rule_book()


@endpoint()
def handler(request: Request[None]) -> PriceHistoryView:
    variant_id, at = request.path["id"], request.at
    country, currency = place_asked(request.query)
    product = catalogue.product(product_of(variant_id))
    variant = product.variant(variant_id)
    if variant is None:
        raise NotFound(f"there is no variant {variant_id}")
    place = Place(market_of(country))
    currency = currency or variant.price.currency
    line = line_of(product, variant, id=variant_id, title=variant.title, quantity=1)
    rules = book.rules(at)
    history = history_of(variant, line, rules=rules, at=at, place=place, currency=currency)
    return PriceHistoryView.of(history, place.market, currency, at)
