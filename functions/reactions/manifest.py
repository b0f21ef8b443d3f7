"""Events: carried out of the orders' table, and what follows from them."""

from functions.manifest import Feature, Reaction, StreamReader, Table

HAS_THRESHOLD = '{"dynamodb":{"NewImage":{"low_at":{"N":[{"anything-but":["-1"]}]}}}}'
IS_BIN = '{"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"BIN#"}]}}}}'
"""A part of a split article, which does not know of its threshold."""

FEATURE = Feature(
    "reactions",
    (
        StreamReader(
            module="reactions.publish_events",
            table=Table.ORDERS,
            emits=True,
        ),
        StreamReader(
            module="reactions.publish_promotions",
            table=Table.PRICING,
            only_events=True,
            emits=True,
        ),
        StreamReader(
            module="reactions.watch_stock",
            table=Table.INVENTORY,
            batch=1000,
            parallel=1,
            window=1,
            only=(HAS_THRESHOLD, IS_BIN),
            writes=(Table.INVENTORY,),
        ),
        StreamReader(
            module="reactions.publish_stock",
            table=Table.INVENTORY,
            only_events=True,
            emits=True,
        ),
        Reaction(
            module="reactions.mail_low_stock",
            on=("StockLow",),
            writes=(Table.INVENTORY,),
            mails=True,
            mails_staff=True,
        ),
        Reaction(
            module="reactions.start_workflow",
            on=("OrderPlaced",),
            starts_workflow=True,
        ),
        Reaction(
            module="reactions.advance_workflow",
            on=(
                "OrderConfirmed",
                "OrderShipped",
                "OrderShortened",
                "ParcelMoved",
                "OrderCancelled",
            ),
            reads=(Table.ORDERS,),
            resumes_workflow=True,
        ),
        Reaction(
            module="reactions.confirm_by_mail",
            on=("OrderConfirmed",),
            writes=(Table.ORDERS,),
            mails=True,
        ),
        Reaction(
            module="reactions.settle_payment",
            on=("OrderCancelled", "OrderShortened", "OrderReturned", "PaymentArrivedLate"),
            writes=(Table.ORDERS,),
            payments=True,
        ),
        Reaction(
            module="reactions.follow_group_buy",
            on=("OrderConfirmed", "OrderCancelled"),
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING),
        ),
        Reaction(
            module="reactions.move_stock",
            on=("StockToMove",),
            writes=(Table.ORDERS, Table.INVENTORY),
        ),
        Reaction(
            module="reactions.measure",
            on=("OrderPlaced", "OrderConfirmed", "PaymentFailed"),
        ),
    ),
)
