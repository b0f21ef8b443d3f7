"""POST /checkout-sessions: create a checkout, from lines or from a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.store import ClaimingCartRepository
from shop.checkout.actions.create import create_checkout
from shop.checkout.schemas import CheckoutCreateRequest
from shop.checkout.schemas.views import CheckoutPageSettings, checkout_view
from shop.checkout.store import ClaimingCheckoutSessionRepository
from shop.composition import claim_cart, claim_session
from shop.composition.checkout import active_waiting_rooms, checkout_pricing_context
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.orders.store import DynamoOrderRepository
from shop.peak.schemas.checkout_notices import with_waiting_room_notice
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

sessions = ClaimingCheckoutSessionRepository(claim_session)
carts = ClaimingCartRepository(claim_cart)
orders = DynamoOrderRepository()
pricing = checkout_pricing_context()
code_attempts = DynamoCodeAttemptLimiter()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()
settings = CheckoutPageSettings.from_environment()
waiting_rooms = active_waiting_rooms()

MAX_ATTEMPTS = 3
"""Attempts to create a checkout of a cart that other requests change at the same time."""


@endpoint(CheckoutCreateRequest, capability="dev.ucp.shopping.checkout", status=201)
def handler(request: Request[CheckoutCreateRequest]) -> Mapping[str, Any]:
    checkout_input = request.body.to_input(request.channel)
    response = run_idempotent(
        request.idempotent,
        lambda: create_checkout(
            checkout_input,
            request.idempotent,
            sessions=sessions,
            carts=carts,
            orders=orders,
            pricing=pricing,
            code_attempts=code_attempts,
            rate_limit_subject=request.caller.customer or request.source_ip,
        ),
        lambda result: checkout_view(result, settings),
        idempotency=idempotency,
        uow=uow,
        # A cart that changed meanwhile is read again: it may have a checkout now.
        attempts=MAX_ATTEMPTS,
    )
    # The notice is added outside: it is about this instant and not part of the stored response.
    open_waiting_rooms = waiting_rooms.list_open(request.received_at)
    return with_waiting_room_notice(response, open_waiting_rooms, settings.shop_url)
