"""POST /carts: create a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import create_cart
from shop.cart.schemas import CartRequest
from shop.cart.schemas.views import cart_view, shop_page
from shop.cart.store import DynamoCartRepository
from shop.composition.pricing import pricing_context
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

carts = DynamoCartRepository()
pricing = pricing_context()
code_attempts = DynamoCodeAttemptLimiter()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()
page = shop_page()


@endpoint(CartRequest, capability="dev.ucp.shopping.cart", status=201)
def handler(request: Request[CartRequest]) -> Mapping[str, Any]:
    # Outside of the change: a repeated request is rejected, too, if its channel is unknown.
    cart_input = request.body.to_input(request.channel)
    return run_idempotent(
        request.idempotent,
        lambda: create_cart(
            cart_input,
            request.idempotent,
            carts=carts,
            pricing=pricing,
            code_attempts=code_attempts,
            rate_limit_subject=request.caller.customer or request.source_ip,
        ),
        lambda result: cart_view(result, page),
        idempotency=idempotency,
        uow=uow,
    )
