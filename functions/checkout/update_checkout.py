"""PUT /checkout-sessions/{id}: replace the content of a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.checkout.actions.update import update_checkout
from shop.checkout.schemas import CheckoutUpdateRequest
from shop.checkout.schemas.views import CheckoutPageSettings, checkout_view
from shop.checkout.store import ClaimingCheckoutSessionRepository
from shop.composition import claim_session
from shop.composition.checkout import active_waiting_rooms, checkout_pricing_context
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.orders.store import DynamoOrderRepository
from shop.peak.schemas.checkout_notices import with_waiting_room_notice
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

sessions = ClaimingCheckoutSessionRepository(claim_session)
orders = DynamoOrderRepository()
pricing = checkout_pricing_context()
code_attempts = DynamoCodeAttemptLimiter()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()
settings = CheckoutPageSettings.from_environment()
waiting_rooms = active_waiting_rooms()


@endpoint(CheckoutUpdateRequest, capability="dev.ucp.shopping.checkout")
def handler(request: Request[CheckoutUpdateRequest]) -> Mapping[str, Any]:
    checkout_input = request.body.to_input(request.channel)
    response = run_idempotent(
        request.idempotent,
        lambda: update_checkout(
            request.path["id"],
            checkout_input,
            request.idempotent,
            sessions=sessions,
            orders=orders,
            pricing=pricing,
            code_attempts=code_attempts,
            rate_limit_subject=request.caller.customer or request.source_ip,
        ),
        lambda result: checkout_view(result, settings),
        idempotency=idempotency,
        uow=uow,
    )
    # The notice is added outside: it is about this instant and not part of the stored response.
    open_waiting_rooms = waiting_rooms.list_open(request.received_at)
    return with_waiting_room_notice(response, open_waiting_rooms, settings.shop_url)
