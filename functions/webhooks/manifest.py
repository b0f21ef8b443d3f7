"""Webhooks: one Lambda verifies and queues an event, another one applies it."""

from functions.manifest import Access, Consumer, Endpoint, Feature, Queue, Secret, Table

FEATURE = Feature(
    "webhooks",
    (
        Consumer(
            module="webhooks.apply_payment_event",
            queue=Queue.PAYMENT_EVENTS,
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
            payments=True,
        ),
        Endpoint(
            route="POST /webhooks/carriers/{carrier}",
            module="webhooks.receive_carrier_event",
            access=Access.WEBHOOK,
            summary="Receive a tracking event of a carrier (Standard Webhooks)",
            request="shop.orders.schemas.carrier:CarrierEvent",
            status=202,
            sends=(Queue.CARRIER_EVENTS,),
            secrets=(Secret.CARRIER_WEBHOOK,),
            body="Empty: the event is queued.",
            media_type="",
        ),
        Consumer(
            module="webhooks.apply_carrier_event",
            queue=Queue.CARRIER_EVENTS,
            writes=(Table.ORDERS,),
        ),
    ),
)
