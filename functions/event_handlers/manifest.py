"""Publishers of stored events, and the handlers of published events."""

from functions.manifest import Feature, Reaction, Secret, StreamReader, Table

HAS_THRESHOLD = '{"dynamodb":{"NewImage":{"low_stock_threshold":{"N":[{"anything-but":["-1"]}]}}}}'
IS_SHARD = '{"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"SHARD#"}]}}}}'
"""A shard of a SKU: the shards themselves store no threshold."""
IS_ORDER = '{"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"HEAD#"}]}}}}'
"""An order itself, and neither its batches nor its tokens."""

FEATURE = Feature(
    "event_handlers",
    (
        StreamReader(
            module="event_handlers.publish_events",
            table=Table.ORDERS,
            publishes_events=True,
        ),
        StreamReader(
            module="event_handlers.index_orders",
            table=Table.ORDERS,
            window=1,
            only=(IS_ORDER,),
            reads=(Table.ORDERS,),
            writes=(Table.ORDER_INDEX,),
            secrets=(Secret.ORDER_INDEX,),
            timeout=60,
        ),
        StreamReader(
            module="event_handlers.publish_promotions",
            table=Table.PRICING,
            only_events=True,
            publishes_events=True,
        ),
        StreamReader(
            module="event_handlers.publish_tax_rates",
            table=Table.TAX,
            only_events=True,
            publishes_events=True,
        ),
        StreamReader(
            module="event_handlers.publish_customer_groups",
            table=Table.CUSTOMERS,
            only_events=True,
            publishes_events=True,
        ),
        StreamReader(
            module="event_handlers.detect_low_stock",
            table=Table.INVENTORY,
            batch=1000,
            parallel=1,
            window=1,
            only=(HAS_THRESHOLD, IS_SHARD),
            writes=(Table.INVENTORY,),
        ),
        StreamReader(
            module="event_handlers.publish_stock",
            table=Table.INVENTORY,
            only_events=True,
            publishes_events=True,
        ),
        Reaction(
            module="event_handlers.send_low_stock_alert",
            event_types=("LowStockDetected",),
            writes=(Table.INVENTORY,),
            sends_email=True,
            mails_staff=True,
        ),
        Reaction(
            module="event_handlers.start_workflow",
            event_types=("OrderPlaced",),
            starts_workflow=True,
        ),
        Reaction(
            module="event_handlers.advance_workflow",
            event_types=(
                "OrderConfirmed",
                "OrderShipped",
                "OrderPartiallyCancelled",
                "ShipmentUpdated",
                "OrderCancelled",
            ),
            reads=(Table.ORDERS,),
            resumes_workflow=True,
        ),
        Reaction(
            module="event_handlers.send_order_confirmation",
            event_types=("OrderConfirmed",),
            writes=(Table.ORDERS,),
            sends_email=True,
        ),
        Reaction(
            module="event_handlers.send_order_notice",
            event_types=(
                "OrderShipped",
                "ShipmentUpdated",
                "OrderCancelled",
                "OrderPartiallyCancelled",
                "OrderReturned",
                "OrderDelayed",
                "OrderRefunded",
            ),
            writes=(Table.ORDERS,),
            sends_email=True,
        ),
        Reaction(
            module="event_handlers.refund_excess_payment",
            event_types=(
                "OrderCancelled",
                "OrderPartiallyCancelled",
                "OrderReturned",
                "OrderRefunded",
                "PaymentReceivedLate",
            ),
            writes=(Table.ORDERS,),
            payments=True,
        ),
        Reaction(
            module="event_handlers.update_group_buy",
            event_types=("OrderConfirmed", "OrderCancelled"),
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
        ),
        Reaction(
            module="event_handlers.move_batched_stock",
            event_types=("StockBatchesQueued",),
            writes=(Table.ORDERS, Table.INVENTORY),
        ),
        Reaction(
            module="event_handlers.apply_parked_events",
            event_types=("OrderShipped",),
            writes=(Table.ORDERS,),
        ),
        Reaction(
            module="event_handlers.publish_business_metrics",
            event_types=("OrderPlaced", "OrderConfirmed", "PaymentFailed"),
        ),
    ),
)
