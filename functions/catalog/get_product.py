"""POST /catalog/product: one product in full, and what is left to choose.

One read, or two: stock that was read less than two seconds ago is shown from memory.
"""

from typing import Any

from shop.catalog.actions.shopping import show
from shop.catalog.model import offer_of
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.shopping import ProductRequest, offer_view
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


@endpoint(ProductRequest, capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[ProductRequest]) -> dict[str, Any]:
    asked = request.body
    shown = show(asked.id, catalogue=catalogue, wanted=asked.wanted)
    levels = stock.levels(variant.sku for variant in shown.product.on_sale)
    shelf = {sku: level.standing(request.at) for sku, level in levels.items()}
    offer = offer_of(
        shown.product,
        left=shown.left,
        in_stock=lambda variant: shelf[variant.sku] != "out_of_stock",
        variant=shown.variant,
        selected=asked.choices,
        preferences=asked.preferences or (),
    )
    tags = announced(
        [shown.product],
        rules=book.rules(request.at),
        at=request.at,
        place=Place(market_of(asked.country), asked.currency, request.channel),
        standings=standings,
    )
    return offer_view(offer, shelf, tags)
