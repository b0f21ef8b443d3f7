"""POST /staff/what-if: what a basket costs, and what it would cost if something were different."""

from dataclasses import asdict, replace
from typing import Any

from shop.cart.actions import Shelf
from shop.catalog.store import DynamoCatalogue
from shop.checkout.actions.asking import Asked, Told, what_if
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.orders.store import DynamoOrders
from shop.pricing.actions.assortment import InCatalogue
from shop.pricing.actions.promotions import draft_to_try
from shop.pricing.gateway.stdnum import StdnumVatIds
from shop.pricing.store.book import rule_book
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.guesses import DynamoGuesses
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.store.tallies import DynamoStandings
from shop.pricing.wire.what_if import CustomerBody, WhatIfBody, WhatIfView, here, in_its_own_words
from shop.shipping.store import DynamoShippingBook, shipping_tables

catalogue = DynamoCatalogue()
shipping = DynamoShippingBook()
promotions = DynamoPromotions()
ledgers = DynamoLedgers()
guesses = DynamoGuesses()
vat_ids = StdnumVatIds()
assortment = InCatalogue(
    catalogue, methods=lambda: {method.id for method in shipping.now().table.methods}
)
shelf = Shelf(
    catalogue,
    rule_book(),
    DynamoStandings(recent_counts()),
    DynamoStock(),
    DynamoOrders(),
    shipping_tables(),
)


@endpoint(WhatIfBody)
def handler(request: Request[WhatIfBody]) -> WhatIfView:
    wish = request.body.once()
    with in_its_own_words(draft="promotion"):
        draft = wish.draft()
        if wish.promotion_id is not None:
            draft = promotions.of(wish.promotion_id)
        if draft is not None:
            draft = draft_to_try(draft, assortment=assortment)
    with in_its_own_words(draft="policy"):
        policy = wish.policy.draft(request.at) if wish.policy is not None else None
    asked = Asked(
        wanted=[(line.item, line.quantity) for line in wish.lines],
        destination=wish.place(),
        country=wish.country,
        region=wish.region,
        postal_code=wish.postal_code,
        option_id=wish.option,
        currency=wish.currency,
        channel=wish.channel,
        codes=tuple(wish.codes),
        credits=tuple(credit.instrument() for credit in wish.credits),
    )
    asked = _by(asked, wish.customer, "$.customer")
    at = wish.at or request.at
    with in_its_own_words():
        before, after, changes = what_if(
            asked,
            _by(asked, wish.other_customer, "$.other_customer"),
            shelf=shelf,
            ledgers=ledgers,
            guesses=guesses,
            asker=request.caller.owner,
            now=request.at,
            at=at,
            then=wish.then or at,
            promotion=draft,
            policy=policy,
        )
    return WhatIfView(before=_told(before), after=_told(after), difference=changes.to_dict())


def _by(asked: Asked, who: CustomerBody | None, path: str) -> Asked:
    if who is None:
        return asked
    return replace(asked, customer=who.facts(vat_ids, path), email=who.email or "")


def _told(told: Told) -> dict[str, Any]:
    offer = told.offer
    return {
        **offer.quote.to_dict(),
        "option": offer.option_id,
        "options": [
            {"id": way.id, "title": way.title, "price": way.price.minor} for way in offer.options
        ],
        "messages": [{**asdict(m), "path": here(m.path)} for m in offer.messages],
        "credits": [part.amount if part else 0 for part in told.parts],
        "due": told.due,
    }
