"""The provider that the stage has chosen. Nothing chooses for it: a missing setting stops the start."""

import os

from shop.payments.ports import PaymentProvider


def provider_of_the_stage() -> PaymentProvider:
    """Build the provider named by ``PAYMENT_PROVIDER``.

    The sandbox is refused in production here too, and not only when the stage is synthesized: a
    shop that gives goods away against play money must not start.
    """
    name = os.environ["PAYMENT_PROVIDER"]
    if name == "sandbox":
        if os.environ["STAGE"] == "prod":
            raise RuntimeError("the payment sandbox is not for production")
        from shop.payments.gateway.sandbox import SandboxProvider, settle_through_queue

        return SandboxProvider(
            shop_url=os.environ["SHOP_URL"],
            later=settle_through_queue(os.environ["QUEUE_SANDBOX_SETTLEMENTS"]),
        )
    raise RuntimeError(f"no payment provider is called {name!r}")
