"""POST /checkout-sessions/{id}/complete: buy."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shop.cart.actions import Shelf
from shop.catalog.store import DynamoCatalogue
from shop.checkout.actions import Held, Till, complete_checkout
from shop.checkout.model import Session, waiting_message
from shop.checkout.store import DynamoSessions
from shop.checkout.wire import CompleteRequest, Front, checkout_view
from shop.edge.http import Request, endpoint, setting
from shop.inventory.store import DynamoStock, count_bins, recent_counts
from shop.orders.store import DynamoOrders
from shop.payments.gateway.chosen import provider_of_the_stage
from shop.peak.actions.in_force import RoomsInForce
from shop.peak.actions.waiting import held_back
from shop.peak.gateway.keys import SecretKeys
from shop.peak.store.rooms import waiting_rooms
from shop.peak.wire.signs import ADMISSION, room_url
from shop.pricing.store.book import rule_book
from shop.pricing.store.guesses import DynamoGuesses
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.store.tallies import DynamoStandings, DynamoTallies
from shop.shipping.store import shipping_tables
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

stock = DynamoStock()
orders = DynamoOrders()
till = Till(
    sessions=DynamoSessions(),
    orders=orders,
    stock=stock,
    tallies=DynamoTallies(count_bins()),
    keys=DynamoKeys(),
    ledger=DynamoLedger(),
    placing=DynamoLedger(insists=False),
    provider=provider_of_the_stage(),
    shelf=Shelf(
        DynamoCatalogue(),
        rule_book(),
        DynamoStandings(recent_counts()),
        stock,
        orders,
        shipping_tables(),
    ),
    ledgers=DynamoLedgers(),
    guesses=DynamoGuesses(),
    payment_window=timedelta(seconds=int(setting("PAYMENT_WINDOW_SECONDS"))),
)
front = Front.of_the_stage()
rooms = RoomsInForce(waiting_rooms(), rule_book())
keys = SecretKeys(setting("SECRET_WAITING_ROOM"))


@endpoint(CompleteRequest, capability="dev.ucp.shopping.checkout")
def handler(request: Request[CompleteRequest]) -> Mapping[str, Any]:
    return complete_checkout(
        request.path["id"],
        request.body.tender(),
        request.ask,
        till,
        lambda shown: checkout_view(shown, front, request.body.paid_view(shown)),
        gate=lambda session: _gate(session, request),
        asker=request.caller.customer or request.source_ip,
    )


def _gate(session: Session, request: Request[CompleteRequest]) -> Held | None:
    """Goods that everybody wants are bought by those who waited for their turn."""
    room = held_back(
        session.id,
        [line.variant_id for line in session.offer.lines],
        request.headers.get(ADMISSION),
        rooms=rooms,
        keys=keys,
        at=request.at,
    )
    return None if room is None else Held(waiting_message(), room_url(room, front.shop_url))
