"""POST /checkout-sessions/{id}/cancel: cancel a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.checkout.actions.cancel import cancel_checkout
from shop.checkout.schemas.views import CheckoutPageSettings, checkout_view
from shop.checkout.store import ClaimingCheckoutSessionRepository
from shop.composition import claim_session
from shop.composition.orders import order_writes
from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.storage.idempotency import DynamoIdempotencyStore

sessions = ClaimingCheckoutSessionRepository(claim_session)
writes = order_writes()
idempotency = DynamoIdempotencyStore()
settings = CheckoutPageSettings.from_environment()


@endpoint(capability="dev.ucp.shopping.checkout")
def handler(request: Request[None]) -> Mapping[str, Any]:
    return run_idempotent(
        request.idempotent,
        lambda: cancel_checkout(
            request.path["id"], request.idempotent, sessions=sessions, writes=writes
        ),
        lambda result: checkout_view(result, settings),
        idempotency=idempotency,
        uow=writes.uow,
    )
