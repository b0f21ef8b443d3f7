"""GET /carts/{id}: get a cart at current prices."""

from typing import Any

from shop.cart.actions import get_cart
from shop.cart.schemas.views import cart_view, shop_page
from shop.cart.store import ClaimingCartRepository
from shop.composition import claim_cart
from shop.composition.pricing import pricing_context
from shop.entrypoints.http import Request, endpoint
from shop.storage.transactions import DynamoUnitOfWork

carts = ClaimingCartRepository(claim_cart)
pricing = pricing_context()
uow = DynamoUnitOfWork()
page = shop_page()


@endpoint(capability="dev.ucp.shopping.cart")
def handler(request: Request[None]) -> dict[str, Any]:
    result = get_cart(
        request.caller.owner,
        request.path["id"],
        carts=carts,
        pricing=pricing,
        uow=uow,
        at=request.received_at,
    )
    return cart_view(result, page)
