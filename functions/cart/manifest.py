"""Carts: what a shopper thinks of buying."""

from functions.manifest import Access, Endpoint, Feature, Peak, Switch, Table

_CART = "dev.ucp.shopping.cart"
_VIEW = "ucp:shopping/cart.json"
_READS = (Table.CATALOG, Table.PRICING, Table.ORDERS)
# What is kept in many places is looked at once in a while for everybody, and noted.
_WRITES = (Table.SESSIONS, Table.INVENTORY)

FEATURE = Feature(
    "cart",
    (
        Endpoint(
            route="POST /carts",
            switch=Switch.CART,
            peak=Peak(requests=0.5, seconds=0.05),
            module="cart.create_cart",
            access=Access.SHOPPER,
            summary="Begin a cart",
            capability=_CART,
            idempotent=True,
            request="shop.cart.wire:CartRequest",
            response=_VIEW,
            status=201,
            reads=_READS,
            writes=_WRITES,
        ),
        Endpoint(
            route="GET /carts/{id}",
            module="cart.get_cart",
            access=Access.SHOPPER,
            summary="Look at a cart at today's prices",
            capability=_CART,
            response=_VIEW,
            reads=(*_READS, Table.SESSIONS),
            writes=(Table.INVENTORY,),
        ),
        Endpoint(
            route="PUT /carts/{id}",
            switch=Switch.CART,
            peak=Peak(requests=0.5, seconds=0.05),
            module="cart.update_cart",
            access=Access.SHOPPER,
            summary="Replace what a cart holds",
            capability=_CART,
            idempotent=True,
            request="shop.cart.wire:CartRequest",
            response=_VIEW,
            reads=_READS,
            writes=_WRITES,
        ),
        Endpoint(
            route="POST /carts/{id}/cancel",
            switch=Switch.CART,
            module="cart.cancel_cart",
            access=Access.SHOPPER,
            summary="Leave a cart",
            capability=_CART,
            idempotent=True,
            response=_VIEW,
            reads=_READS,
            writes=_WRITES,
        ),
    ),
)
