"""GET /carts/{id}: look at a cart at today's prices."""

from typing import Any

from shop.cart.actions import Shelf, show_cart
from shop.cart.store import DynamoCarts
from shop.cart.wire import cart_view, shop_page
from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.orders.store import DynamoOrders
from shop.pricing.store.book import rule_book
from shop.pricing.store.tallies import DynamoStandings
from shop.storage.transactions import DynamoLedger

carts = DynamoCarts()
stock = DynamoStock()
orders = DynamoOrders()
shelf = Shelf(DynamoCatalogue(), rule_book(), DynamoStandings(recent_counts()), stock, orders)
ledger = DynamoLedger()
page = shop_page()


@endpoint(capability="dev.ucp.shopping.cart")
def handler(request: Request[None]) -> dict[str, Any]:
    shown = show_cart(
        request.caller.owner,
        request.path["id"],
        carts=carts,
        shelf=shelf,
        stock=stock,
        ledger=ledger,
        at=request.at,
    )
    return cart_view(shown, page)
