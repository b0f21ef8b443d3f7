"""PUT /carts/{id}: replace what a cart holds."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import Shelf, Shown, update_cart
from shop.cart.store import DynamoCarts
from shop.cart.wire import CartRequest, cart_view, shop_page
from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.kernel.idempotency import once
from shop.kernel.transactions import Change
from shop.orders.store import DynamoOrders
from shop.pricing.store.book import rule_book
from shop.pricing.store.guesses import DynamoGuesses
from shop.pricing.store.tallies import DynamoStandings
from shop.storage.ahead import read_together
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

carts = DynamoCarts()
stock = DynamoStock()
orders = DynamoOrders()
catalogue = DynamoCatalogue()
shelf = Shelf(catalogue, rule_book(), DynamoStandings(recent_counts()), stock, orders)
keys = DynamoKeys()
ledger = DynamoLedger()
guesses = DynamoGuesses()
page = shop_page()


@endpoint(CartRequest, capability="dev.ucp.shopping.cart")
def handler(request: Request[CartRequest]) -> Mapping[str, Any]:
    wish, cart_id, ask = request.body.wish(request.channel), request.path["id"], request.ask

    def changed() -> Change[Shown]:
        with read_together(
            carts.sought(ask.owner, cart_id),
            catalogue.sought(variant_id for _, variant_id, _ in wish.lines),
        ):
            return update_cart(
                cart_id,
                wish,
                ask,
                carts=carts,
                shelf=shelf,
                guesses=guesses,
                asker=request.caller.customer or request.source_ip,
            )

    return once(ask, changed, lambda shown: cart_view(shown, page), keys=keys, ledger=ledger)
