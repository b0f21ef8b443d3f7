"""The webhook of Stripe, in stages that use Stripe."""

from functions.manifest import Access, Endpoint, Feature, Queue, Secret

FEATURE = Feature(
    "stripe_webhook",
    (
        Endpoint(
            route="POST /webhooks/payments/stripe",
            module="stripe_webhook.receive_event",
            access=Access.WEBHOOK,
            summary="Receive a payment event of Stripe (Stripe-Signature, snapshot or thin)",
            request="shop.payments.schemas:StripeEvent",
            status=202,
            sends=(Queue.PAYMENT_EVENTS,),
            secrets=(Secret.STRIPE_WEBHOOK,),
            body="Empty: the event is queued.",
            media_type="",
        ),
    ),
    stages=frozenset({"prod"}),
)
