"""PUT /carts/{id}: replace the content of a cart."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import CartResult, update_cart
from shop.cart.schemas import CartRequest
from shop.cart.schemas.views import cart_view, shop_page
from shop.cart.store import ClaimingCartRepository
from shop.catalog.store import DynamoProductCatalog
from shop.composition import claim_cart
from shop.composition.pricing import pricing_context
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.kernel.unit_of_work import StagedChange
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.prefetch import prefetch
from shop.storage.transactions import DynamoUnitOfWork

carts = ClaimingCartRepository(claim_cart)
catalog = DynamoProductCatalog()
pricing = pricing_context(catalog)
code_attempts = DynamoCodeAttemptLimiter()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()
page = shop_page()


@endpoint(CartRequest, capability="dev.ucp.shopping.cart")
def handler(request: Request[CartRequest]) -> Mapping[str, Any]:
    cart_id, cart_input = request.path["id"], request.body.to_input(request.channel)

    def change() -> StagedChange[CartResult]:
        # The cart and the variants of the new lines are read in one call.
        with prefetch(
            carts.read_set(request.caller.owner, cart_id),
            catalog.read_set(line.variant_id for line in cart_input.lines),
        ):
            return update_cart(
                cart_id,
                cart_input,
                request.idempotent,
                carts=carts,
                pricing=pricing,
                code_attempts=code_attempts,
                rate_limit_subject=request.caller.customer or request.source_ip,
            )

    return run_idempotent(
        request.idempotent,
        change,
        lambda result: cart_view(result, page),
        idempotency=idempotency,
        uow=uow,
    )
