"""Points, store credit and gift cards: what customers see of them, what staff do by hand."""

from functions.manifest import Access, Endpoint, Feature, Reaction, Schedule, Switch, Table

GROUPS = ("staff", "catalogue")

FEATURE = Feature(
    "credits",
    (
        Endpoint(
            route="GET /account/credits",
            module="credits.get_my_credits",
            access=Access.CUSTOMER,
            summary="Your points and store credit, with their movements",
            response="shop.pricing.wire.credits:CreditsView",
            reads=(Table.PRICING,),
        ),
        Endpoint(
            route="POST /gift-cards/balance",
            module="credits.get_card_balance",
            switch=Switch.CHECKOUT,
            access=Access.SHOPPER,
            summary="What a gift card has left",
            request="shop.pricing.wire.credits:BalanceBody",
            response="shop.pricing.wire.credits:BalanceView",
            reads=(Table.PRICING,),
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="GET /staff/customers/{id}/credits",
            module="credits.get_credits",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Points and store credit of a customer, with their movements",
            response="shop.pricing.wire.credits:CreditsView",
            reads=(Table.PRICING,),
        ),
        Endpoint(
            route="POST /staff/customers/{id}/credits",
            module="credits.adjust_credits",
            access=Access.STAFF,
            groups=("staff",),
            summary="Give or take points or store credit by hand, with a reason",
            idempotent=True,
            request="shop.pricing.wire.credits:AdjustBody",
            response="shop.pricing.wire.credits:AccountView",
            status=201,
            writes=(Table.PRICING,),
        ),
        Endpoint(
            route="POST /staff/gift-cards",
            module="credits.issue_card",
            access=Access.STAFF,
            groups=("staff",),
            summary="Issue a gift card; the same key is told the same code again",
            idempotent=True,
            request="shop.pricing.wire.credits:CardBody",
            response="shop.pricing.wire.credits:CardView",
            status=201,
            writes=(Table.PRICING,),
        ),
        Endpoint(
            route="POST /staff/gift-cards/void",
            module="credits.void_card",
            access=Access.STAFF,
            groups=("staff",),
            summary="Take all that a gift card has left, with a reason",
            idempotent=True,
            request="shop.pricing.wire.credits:VoidBody",
            response="shop.pricing.wire.credits:VoidView",
            writes=(Table.PRICING,),
        ),
        Reaction(
            module="credits.keep_up_with_order",
            on=("OrderCompleted", "OrderReturned", "OrderShortened"),
            reads=(Table.ORDERS,),
            writes=(Table.PRICING,),
        ),
        Schedule(
            module="credits.expire_credits",
            rate="rate(1 day)",
            writes=(Table.PRICING,),
        ),
    ),
)
