"""Group buys: create a group, share its code, read its status."""

from functions.manifest import Access, Endpoint, Feature, Switch, Table

_VIEW = "shop.pricing.schemas.group_buys:GroupBuyView"

FEATURE = Feature(
    "group_buys",
    (
        Endpoint(
            route="POST /group-buys",
            switch=Switch.CHECKOUT,
            module="group_buys.create_group_buy",
            access=Access.SHOPPER,
            summary="Create a group buy; its code gives the group price at the checkout",
            requires_idempotency_key=True,
            status=201,
            request="shop.pricing.schemas.group_buys:GroupBuyBody",
            response=_VIEW,
            reads=(Table.PRICING,),
            writes=(Table.PRICING, Table.SESSIONS),
        ),
        Endpoint(
            route="GET /group-buys/{id}",
            module="group_buys.get_group_buy",
            access=Access.PUBLIC,
            summary="Get the members, the status and the deadline of a group buy",
            response=_VIEW,
            reads=(Table.PRICING,),
        ),
    ),
)
