"""GET /checkout-sessions/{id}: look at a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import Shelf
from shop.catalog.store import DynamoCatalogue
from shop.checkout.actions import show_checkout
from shop.checkout.store import DynamoSessions
from shop.checkout.wire import Front, checkout_view
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.orders.store import DynamoOrders
from shop.peak.actions.in_force import RoomsInForce
from shop.peak.store.rooms import waiting_rooms
from shop.peak.wire.signs import announced
from shop.pricing.store.book import rule_book
from shop.pricing.store.tallies import DynamoStandings
from shop.shipping.store import shipping_tables
from shop.storage.transactions import DynamoLedger

sessions = DynamoSessions()
stock = DynamoStock()
orders = DynamoOrders()
ledger = DynamoLedger()
shelf = Shelf(
    DynamoCatalogue(),
    rule_book(),
    DynamoStandings(recent_counts()),
    stock,
    orders,
    shipping_tables(),
)
front = Front.of_the_stage()
rooms = RoomsInForce(waiting_rooms(), rule_book())


@endpoint(capability="dev.ucp.shopping.checkout")
def handler(request: Request[None]) -> Mapping[str, Any]:
    shown = show_checkout(
        request.caller.owner,
        request.path["id"],
        sessions=sessions,
        orders=orders,
        shelf=shelf,
        stock=stock,
        ledger=ledger,
        at=request.at,
    )
    view = checkout_view(shown, front)
    return announced(view, rooms.open(request.at), front.shop_url)
