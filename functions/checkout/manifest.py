"""The checkout: one door for web, mobile and agents."""

from functions.manifest import Access, Endpoint, Feature, Table

_CHECKOUT = "dev.ucp.shopping.checkout"
_VIEW = "ucp:shopping/checkout.json"

FEATURE = Feature(
    "checkout",
    (
        Endpoint(
            route="POST /checkout-sessions",
            module="checkout.create_checkout",
            access=Access.SHOPPER,
            summary="Begin a checkout, from lines or from a cart",
            capability=_CHECKOUT,
            idempotent=True,
            request="shop.checkout.wire:CheckoutCreateRequest",
            response=_VIEW,
            status=201,
            reads=(Table.CATALOG, Table.PRICING, Table.INVENTORY),
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="GET /checkout-sessions/{id}",
            module="checkout.get_checkout",
            access=Access.SHOPPER,
            summary="Look at a checkout",
            capability=_CHECKOUT,
            response=_VIEW,
            reads=(Table.CATALOG, Table.PRICING, Table.INVENTORY, Table.SESSIONS, Table.ORDERS),
        ),
        Endpoint(
            route="PUT /checkout-sessions/{id}",
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
