"""Endpoints of the payment sandbox, in stages without real payments."""

from functions.manifest import Access, Consumer, Endpoint, Feature, Queue, Secret, Switch

FEATURE = Feature(
    "sandbox",
    (
        Endpoint(
            route="GET /sandbox",
            module="sandbox.list_test_tokens",
            access=Access.PUBLIC,
            summary="Describe the payment sandbox and its test tokens",
            response="shop.payments.schemas:SandboxView",
        ),
        Endpoint(
            route="GET /sandbox/challenges/{reference}",
            module="sandbox.get_challenge",
            access=Access.PUBLIC,
            summary="Show the page on which a buyer approves or declines a payment",
            payments=True,
            body="HTML page with a button for each answer.",
            media_type="text/html",
        ),
        Endpoint(
            route="POST /sandbox/challenges/{reference}",
            switch=Switch.CHECKOUT,
            module="sandbox.answer_challenge",
            access=Access.PUBLIC,
            summary="Approve or decline a payment as its buyer",
            request="shop.payments.schemas:ChallengeAnswer",
            payments=True,
            response="shop.payments.schemas:ChallengeResultView",
        ),
        Endpoint(
            route="POST /webhooks/payments/sandbox",
            module="sandbox.receive_payment_event",
            access=Access.WEBHOOK,
            summary="Receive a payment event of the sandbox (Standard Webhooks)",
            request="shop.payments.schemas:PaymentEvent",
            status=202,
            sends=(Queue.PAYMENT_EVENTS,),
            secrets=(Secret.SANDBOX_WEBHOOK,),
            body="Empty: the event is queued.",
            media_type="",
        ),
        Consumer(
            module="sandbox.settle_payment",
            queue=Queue.SANDBOX_SETTLEMENTS,
            payments=True,
        ),
    ),
    stages=frozenset({"local", "test", "dev"}),
)
