"""POST /staff/what-if: what a basket costs, and what it would cost if something were different."""

from shop.cart.model import basket_of, numbered, sold
from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.store import recent_counts
from shop.pricing.actions.promotions import what_if
from shop.pricing.model import Destination
from shop.pricing.store import DynamoStandings, rule_book
from shop.pricing.wire.what_if import WhatIfBody, WhatIfView

catalogue = DynamoCatalogue()
standings = DynamoStandings(recent_counts())
book = rule_book()


@endpoint(WhatIfBody)
def handler(request: Request[WhatIfBody]) -> WhatIfView:
    asked = request.body
    lines = numbered([(None, line.item, line.quantity) for line in asked.lines])
    items = sold(lines, catalogue.variants([line.variant_id for line in lines]))
    basket = basket_of(
        items,
        items[0].variant.price.currency,
        country=asked.country,
        destination=Destination(asked.country) if asked.country else None,
        codes=tuple(asked.codes),
        customer=asked.customer.facts() if asked.customer else None,
    )
    rules = book.rules(request.at)
    before, after, changes = what_if(
        basket,
        rules=rules,
        at=asked.at or request.at,
        then=asked.then,
        customer=asked.other_customer.facts() if asked.other_customer else None,
        promotion=asked.promotion.promotion() if asked.promotion else None,
        standing=standings.standing(basket, rules, asked.customer.id if asked.customer else None),
    )
    return WhatIfView.of(before, after, changes)
