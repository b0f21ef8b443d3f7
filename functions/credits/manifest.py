"""Points, store credit and gift cards, for customers and staff."""

from functions.manifest import Access, Endpoint, Feature, Reaction, Schedule, Switch, Table

GROUPS = ("staff", "catalog")

FEATURE = Feature(
    "credits",
    (
        Endpoint(
            route="GET /account/credits",
            module="credits.get_my_credits",
            access=Access.CUSTOMER,
            summary="Get your points and store credit, with their movements",
            response="shop.credits.schemas:CreditsView",
            reads=(Table.CREDITS,),
        ),
        Endpoint(
            route="POST /gift-cards/balance",
            module="credits.get_gift_card_balance",
            switch=Switch.CHECKOUT,
            access=Access.SHOPPER,
            summary="Get the balance of a gift card",
            request="shop.credits.schemas:GiftCardBalanceBody",
            response="shop.credits.schemas:GiftCardBalanceView",
            reads=(Table.CREDITS,),
            writes=(Table.SESSIONS,),
        ),
        Endpoint(
            route="GET /staff/customers/{id}/credits",
            module="credits.get_credits",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get a customer's points and store credit, with their movements",
            response="shop.credits.schemas:CreditsView",
            reads=(Table.CREDITS,),
        ),
        Endpoint(
            route="POST /staff/customers/{id}/credits",
            module="credits.adjust_credits",
            access=Access.STAFF,
            groups=("staff",),
            summary="Grant or withdraw points or store credit, with a reason",
            requires_idempotency_key=True,
            request="shop.credits.schemas:CreditAdjustmentBody",
            response="shop.credits.schemas:CreditAccountView",
            status=201,
            writes=(Table.CREDITS, Table.SESSIONS),
        ),
        Endpoint(
            route="POST /staff/gift-cards",
            module="credits.issue_gift_card",
            access=Access.STAFF,
            groups=("staff",),
            summary="Issue a gift card; the same key returns the same code",
            requires_idempotency_key=True,
            request="shop.credits.schemas:GiftCardBody",
            response="shop.credits.schemas:GiftCardView",
            status=201,
            writes=(Table.CREDITS,),
        ),
        Endpoint(
            route="POST /staff/gift-cards/void",
            module="credits.void_gift_card",
            access=Access.STAFF,
            groups=("staff",),
            summary="Void a gift card: withdraw its balance, with a reason",
            requires_idempotency_key=True,
            request="shop.credits.schemas:VoidGiftCardBody",
            response="shop.credits.schemas:VoidGiftCardView",
            writes=(Table.CREDITS, Table.SESSIONS),
        ),
        Reaction(
            module="credits.settle_order_credits",
            event_types=(
                "OrderCompleted",
                "OrderReturned",
                "OrderRefunded",
                "OrderPartiallyCancelled",
            ),
            reads=(Table.ORDERS,),
            writes=(Table.CREDITS,),
        ),
        Schedule(
            module="credits.expire_credits",
            rate="rate(1 day)",
            writes=(Table.CREDITS,),
        ),
    ),
)
