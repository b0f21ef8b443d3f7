"""POST /catalog/lookup: products and variants by id, with what is in stock.

One read, or two: stock that was read less than two seconds ago is shown from memory.
"""

from typing import Any

from shop.catalog.actions.shopping import look_up
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.shopping import LookupRequest, lookup_view
from shop.edge.http import Request, endpoint
from shop.inventory.store import recent_counts, recent_levels
from shop.pricing.actions.announcing import Place, announced
from shop.pricing.model.rules import market_of
from shop.pricing.store.book import rule_book
from shop.pricing.store.tallies import DynamoStandings

catalogue = DynamoCatalogue()
stock = recent_levels()
book = rule_book()
standings = DynamoStandings(recent_counts())


@endpoint(LookupRequest, capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[LookupRequest]) -> dict[str, Any]:
    asked = request.body
    resolved, unknown = look_up(asked.some_ids, catalogue=catalogue, wanted=asked.wanted)
    levels = stock.levels(match.variant.sku for one in resolved for match in one.matches)
    shelf = {sku: level.standing(request.at) for sku, level in levels.items()}
    tags = announced(
        [one.product for one in resolved],
        rules=book.rules(request.at),
        at=request.at,
        place=Place(market_of(asked.country), asked.currency, request.channel),
        standings=standings,
    )
    return lookup_view(resolved, unknown, shelf, tags)
