"""The checkout: one door for web, mobile and agents."""

from functions.manifest import Access, Endpoint, Feature, Peak, Switch, Table

_CHECKOUT = "dev.ucp.shopping.checkout"
_VIEW = "ucp:shopping/checkout.json"

FEATURE = Feature(
    "checkout",
    (
        Endpoint(
            route="POST /checkout-sessions",
            switch=Switch.CHECKOUT,
            peak=Peak(requests=1.5, seconds=0.06),
            module="checkout.create_checkout",
            access=Access.SHOPPER,
            summary="Begin a checkout, from lines or from a cart",
            capability=_CHECKOUT,
            idempotent=True,
            request="shop.checkout.wire:CheckoutCreateRequest",
            response=_VIEW,
            status=201,
            reads=(Table.CATALOG, Table.PRICING, Table.INVENTORY, Table.ORDERS),
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="GET /checkout-sessions/{id}",
            peak=Peak(requests=1, seconds=0.04),
            module="checkout.get_checkout",
            access=Access.SHOPPER,
            summary="Look at a checkout",
            capability=_CHECKOUT,
            response=_VIEW,
            reads=(Table.CATALOG, Table.PRICING, Table.INVENTORY, Table.SESSIONS, Table.ORDERS),
        ),
        Endpoint(
            route="PUT /checkout-sessions/{id}",
            switch=Switch.CHECKOUT,
            peak=Peak(requests=1, seconds=0.06),
            module="checkout.update_checkout",
            access=Access.SHOPPER,
            summary="Replace what a checkout is: lines, buyer, address, way of shipping",
            capability=_CHECKOUT,
            idempotent=True,
            request="shop.checkout.wire:CheckoutUpdateRequest",
            response=_VIEW,
            reads=(Table.CATALOG, Table.PRICING, Table.INVENTORY, Table.ORDERS),
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="POST /checkout-sessions/{id}/complete",
            switch=Switch.CHECKOUT,
            peak=Peak(requests=1.2, seconds=0.8),
            module="checkout.complete_checkout",
            access=Access.SHOPPER,
            summary="Buy: place the order and pay for it",
            capability=_CHECKOUT,
            idempotent=True,
            request="shop.checkout.wire:CompleteRequest",
            response=_VIEW,
            reads=(Table.CATALOG,),
            writes=(Table.SESSIONS, Table.ORDERS, Table.INVENTORY, Table.PRICING),
            payments=True,
            timeout=28,
        ),
        Endpoint(
            route="POST /checkout-sessions/{id}/cancel",
            switch=Switch.CHECKOUT,
            module="checkout.cancel_checkout",
            access=Access.SHOPPER,
            summary="Leave a checkout",
            capability=_CHECKOUT,
            idempotent=True,
            response=_VIEW,
            writes=(Table.SESSIONS, Table.ORDERS, Table.INVENTORY, Table.PRICING),
        ),
    ),
)
