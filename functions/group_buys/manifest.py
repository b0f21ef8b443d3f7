"""Buying together (拼团): open a group, share its code, see how full it is."""

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
            summary="Create a group buy; its code unlocks the price at checkout",
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
            summary="Get the size and the closing time of a group buy",
            response=_VIEW,
            reads=(Table.PRICING,),
        ),
    ),
)
