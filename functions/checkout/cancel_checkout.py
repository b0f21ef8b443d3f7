"""POST /checkout-sessions/{id}/cancel: leave a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.checkout.actions import cancel_checkout
from shop.checkout.store import DynamoSessions
from shop.checkout.wire import Front, checkout_view
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, count_bins
from shop.kernel.idempotency import once
from shop.orders.store import DynamoOrders
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

sessions = DynamoSessions()
orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
keys = DynamoKeys()
ledger = DynamoLedger()
front = Front.of_the_stage()


@endpoint(capability="dev.ucp.shopping.checkout")
def handler(request: Request[None]) -> Mapping[str, Any]:
    return once(
        request.ask,
        lambda: cancel_checkout(
            request.path["id"],
            request.ask,
            sessions=sessions,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
        ),
        lambda shown: checkout_view(shown, front),
        keys=keys,
        ledger=ledger,
    )
