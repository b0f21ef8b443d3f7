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
            response="shop.credits.schemas:CreditsView",
            reads=(Table.CREDITS,),
        ),
        Endpoint(
            route="POST /gift-cards/balance",
            module="credits.get_gift_card_balance",
            switch=Switch.CHECKOUT,
            access=Access.SHOPPER,
            summary="What a gift card has left",
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
            summary="Points and store credit of a customer, with their movements",
            response="shop.credits.schemas:CreditsView",
            reads=(Table.CREDITS,),
        ),
        Endpoint(
            route="POST /staff/customers/{id}/credits",
            module="credits.adjust_credits",
            access=Access.STAFF,
            groups=("staff",),
            summary="Give or take points or store credit by hand, with a reason",
            requires_idempotency_key=True,
            request="shop.credits.schemas:CreditAdjustmentBody",
            response="shop.credits.schemas:CreditAccountView",
            status=201,
            writes=(Table.CREDITS,),
        ),
        Endpoint(
            route="POST /staff/gift-cards",
            module="credits.issue_gift_card",
            access=Access.STAFF,
            groups=("staff",),
            summary="Issue a gift card; the same key is told the same code again",
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
            summary="Take all that a gift card has left, with a reason",
            requires_idempotency_key=True,
            request="shop.credits.schemas:VoidGiftCardBody",
            response="shop.credits.schemas:VoidGiftCardView",
            writes=(Table.CREDITS,),
        ),
        Reaction(
            module="credits.settle_order_credits",
            event_types=("OrderCompleted", "OrderReturned", "OrderPartiallyCancelled"),
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
