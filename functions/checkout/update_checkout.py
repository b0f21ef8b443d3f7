"""PUT /checkout-sessions/{id}: replace what a checkout is."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import Shelf
from shop.catalog.store import DynamoCatalogue
from shop.checkout.actions import update_checkout
from shop.checkout.store import DynamoSessions
from shop.checkout.wire import CheckoutUpdateRequest, Front, checkout_view
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, recent_counts
from shop.kernel.idempotency import once
from shop.orders.store import DynamoOrders
from shop.peak.actions.in_force import RoomsInForce
from shop.peak.store.rooms import waiting_rooms
from shop.peak.wire.signs import announced
from shop.pricing.store.book import rule_book
from shop.pricing.store.guesses import DynamoGuesses
from shop.pricing.store.tallies import DynamoStandings
from shop.shipping.store import shipping_tables
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

sessions = DynamoSessions()
stock = DynamoStock()
orders = DynamoOrders()
shelf = Shelf(
    DynamoCatalogue(),
    rule_book(),
    DynamoStandings(recent_counts()),
    stock,
    orders,
    shipping_tables(),
)
keys = DynamoKeys()
ledger = DynamoLedger()
guesses = DynamoGuesses()
front = Front.of_the_stage()
rooms = RoomsInForce(waiting_rooms(), rule_book())


@endpoint(CheckoutUpdateRequest, capability="dev.ucp.shopping.checkout")
def handler(request: Request[CheckoutUpdateRequest]) -> Mapping[str, Any]:
    session_id, wish = request.path["id"], request.body.wish(request.channel)
    asker = request.caller.customer or request.source_ip
    answer = once(
        request.ask,
        lambda: update_checkout(
            session_id,
            wish,
            request.ask,
            sessions=sessions,
            orders=orders,
            shelf=shelf,
            stock=stock,
            guesses=guesses,
            asker=asker,
        ),
        lambda shown: checkout_view(shown, front),
        keys=keys,
        ledger=ledger,
    )
    return announced(answer, rooms.open(request.at), front.shop_url)
