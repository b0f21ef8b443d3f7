"""POST /carts/{id}/cancel: delete a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import cancel_cart
from shop.cart.schemas.views import cart_view, shop_page
from shop.cart.store import ClaimingCartRepository
from shop.composition import claim_cart
from shop.composition.pricing import pricing_context
from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

carts = ClaimingCartRepository(claim_cart)
pricing = pricing_context()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()
page = shop_page()


@endpoint(capability="dev.ucp.shopping.cart")
def handler(request: Request[None]) -> Mapping[str, Any]:
    return run_idempotent(
        request.idempotent,
        lambda: cancel_cart(request.path["id"], request.idempotent, carts=carts, pricing=pricing),
        lambda result: cart_view(result, page),
        idempotency=idempotency,
        uow=uow,
    )
