"""Endpoints of carts."""

from functions.manifest import Access, Endpoint, Feature, Peak, Switch, Table

_CART = "dev.ucp.shopping.cart"
_VIEW = "ucp:shopping/cart.json"
_READS = (
    Table.CATALOG,
    Table.PRICING,
    Table.TAX,
    Table.CUSTOMERS,
    Table.INVENTORY,
    Table.ORDERS,
)

FEATURE = Feature(
    "cart",
    (
        Endpoint(
            route="POST /carts",
            switch=Switch.CART,
            peak=Peak(requests=0.5, seconds=0.05),
            module="cart.create_cart",
            headers=("Shop-Channel",),
            access=Access.SHOPPER,
            summary="Create a cart",
            capability=_CART,
            requires_idempotency_key=True,
            request="shop.cart.schemas:CartRequest",
            response=_VIEW,
            status=201,
            reads=_READS,
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="GET /carts/{id}",
            module="cart.get_cart",
            access=Access.SHOPPER,
            summary="Get a cart at current prices",
            capability=_CART,
            response=_VIEW,
            reads=_READS,
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="PUT /carts/{id}",
            switch=Switch.CART,
            peak=Peak(requests=0.5, seconds=0.05),
            module="cart.update_cart",
            headers=("Shop-Channel",),
            access=Access.SHOPPER,
            summary="Replace the content of a cart",
            capability=_CART,
            requires_idempotency_key=True,
            request="shop.cart.schemas:CartRequest",
            response=_VIEW,
            reads=_READS,
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="POST /carts/{id}/cancel",
            switch=Switch.CART,
            module="cart.cancel_cart",
            access=Access.SHOPPER,
            summary="Cancel a cart",
            capability=_CART,
            requires_idempotency_key=True,
            response=_VIEW,
            reads=_READS,
            writes=(Table.SESSIONS,),
        ),
    ),
)
