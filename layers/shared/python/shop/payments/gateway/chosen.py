"""The provider that the stage has chosen. A missing setting stops the start."""

import os
from typing import TYPE_CHECKING

from shop.payments.ports import PaymentProvider

if TYPE_CHECKING:
    from shop.payments.gateway.sandbox import SandboxProvider


def provider_of_the_stage() -> PaymentProvider:
    """Build the provider named by ``PAYMENT_PROVIDER``."""
    name = os.environ["PAYMENT_PROVIDER"]
    if name == "sandbox":
        return sandbox_of_the_stage()
    raise RuntimeError(f"no payment provider is called {name!r}")


def webhook_secret_of_the_stage() -> str:
    """ARN of the secret that the stage's provider signs its webhooks with (Standard Webhooks)."""
    name = os.environ["PAYMENT_PROVIDER"]
    if name == "sandbox":
        return os.environ["SECRET_SANDBOX_WEBHOOK"]
    raise RuntimeError(f"no payment provider is called {name!r}")


def sandbox_of_the_stage() -> "SandboxProvider":
    """Build the sandbox, as itself: for the doors that only a sandbox has.

    It is refused in production here too, and not only when the stage is synthesized: a shop that
    gives goods away against play money must not start.
    """
    if os.environ["STAGE"] == "prod" or os.environ["PAYMENT_PROVIDER"] != "sandbox":
        raise RuntimeError("the payment sandbox is not for a stage that takes money")
    from shop.payments.gateway.sandbox import SandboxProvider, settle_through_queue

    return SandboxProvider(
        shop_url=os.environ["SHOP_URL"],
        later=settle_through_queue(os.environ["QUEUE_SANDBOX_SETTLEMENTS"]),
    )
