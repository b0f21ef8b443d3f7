"""POST /carts: begin a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import Shelf, create_cart
from shop.cart.store import DynamoCarts
from shop.cart.wire import CartRequest, cart_view, shop_page
from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.kernel.idempotency import once
from shop.orders.store import DynamoOrders
from shop.pricing.store.book import rule_book
from shop.pricing.store.guesses import DynamoGuesses
from shop.pricing.store.tallies import DynamoStandings
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

carts = DynamoCarts()
stock = DynamoStock()
orders = DynamoOrders()
shelf = Shelf(DynamoCatalogue(), rule_book(), DynamoStandings(recent_counts()), stock, orders)
keys = DynamoKeys()
ledger = DynamoLedger()
guesses = DynamoGuesses()
page = shop_page()


@endpoint(CartRequest, capability="dev.ucp.shopping.cart", status=201)
def handler(request: Request[CartRequest]) -> Mapping[str, Any]:
    return once(
        request.ask,
        lambda: create_cart(
            request.body.wish(request.channel),
            request.ask,
            carts=carts,
            shelf=shelf,
            guesses=guesses,
            asker=request.caller.customer or request.source_ip,
        ),
        lambda shown: cart_view(shown, page),
        keys=keys,
        ledger=ledger,
    )
