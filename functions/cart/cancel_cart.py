"""POST /carts/{id}/cancel: leave a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import Shelf, cancel_cart
from shop.cart.store import DynamoCarts
from shop.cart.wire import cart_view, shop_page
from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.kernel.idempotency import once
from shop.orders.store import DynamoOrders
from shop.pricing.store.book import rule_book
from shop.pricing.store.tallies import DynamoStandings
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

carts = DynamoCarts()
stock = DynamoStock()
orders = DynamoOrders()
shelf = Shelf(DynamoCatalogue(), rule_book(), DynamoStandings(recent_counts()), stock, orders)
keys = DynamoKeys()
ledger = DynamoLedger()
page = shop_page()


@endpoint(capability="dev.ucp.shopping.cart")
def handler(request: Request[None]) -> Mapping[str, Any]:
    return once(
        request.ask,
        lambda: cancel_cart(request.path["id"], request.ask, carts=carts, shelf=shelf),
        lambda shown: cart_view(shown, page),
        keys=keys,
        ledger=ledger,
    )
