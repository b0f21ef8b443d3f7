"""POST /catalog/search: find products, at the prices of this moment. One read, and a second one
only where something on the page is reduced. What is in stock is told by lookup and detail.
"""

from typing import Any

from shop.catalog.actions.shopping import find_products
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.shopping import SearchRequest, search_view
from shop.edge.http import Request, endpoint
from shop.inventory.store import recent_counts
from shop.pricing.actions.announcing import Place, announced_cards
from shop.pricing.model.rules import market_of
from shop.pricing.store.book import rule_book
from shop.pricing.store.tallies import DynamoStandings

index = DynamoCatalogue()
book = rule_book()
standings = DynamoStandings(recent_counts())


@endpoint(SearchRequest, capability="dev.ucp.shopping.catalog.search")
def handler(request: Request[SearchRequest]) -> dict[str, Any]:
    asked = request.body
    found = find_products(
        asked.text,
        index=index,
        categories=asked.categories,
        price=asked.band,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    tags = announced_cards(
        found.page.items,
        catalogue=index,
        rules=book.rules(request.at),
        at=request.at,
        place=Place(market_of(asked.country), asked.currency, request.channel),
        standings=standings,
    )
    return search_view(found, tags)
