"""GET /checkout-sessions/{id}: get a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.checkout.actions.get import get_checkout
from shop.checkout.schemas.views import CheckoutPageSettings, checkout_view
from shop.checkout.store import ClaimingCheckoutSessionRepository
from shop.composition import claim_session
from shop.composition.checkout import active_waiting_rooms, checkout_pricing_context
from shop.entrypoints.http import Request, endpoint
from shop.orders.store import DynamoOrderRepository
from shop.peak.schemas.checkout_notices import with_waiting_room_notice
from shop.storage.transactions import DynamoUnitOfWork

sessions = ClaimingCheckoutSessionRepository(claim_session)
orders = DynamoOrderRepository()
pricing = checkout_pricing_context()
uow = DynamoUnitOfWork()
settings = CheckoutPageSettings.from_environment()
waiting_rooms = active_waiting_rooms()


@endpoint(capability="dev.ucp.shopping.checkout")
def handler(request: Request[None]) -> Mapping[str, Any]:
    result = get_checkout(
        request.caller.owner,
        request.path["id"],
        sessions=sessions,
        orders=orders,
        pricing=pricing,
        uow=uow,
        at=request.received_at,
    )
    view = checkout_view(result, settings)
    return with_waiting_room_notice(
        view, waiting_rooms.list_open(request.received_at), settings.shop_url
    )
