"""The provider that the stage has chosen. A missing setting stops the start."""

import os
from typing import TYPE_CHECKING

from shop.payments.ports import PaymentProvider

if TYPE_CHECKING:
    from shop.payments.gateway.sandbox import SandboxProvider
    from shop.payments.gateway.stripe import StripeGateway


def create_payment_provider() -> PaymentProvider:
    """Build the provider named by ``PAYMENT_PROVIDER``."""
    name = os.environ["PAYMENT_PROVIDER"]
    if name == "sandbox":
        return create_sandbox_provider()
    if name == "stripe":
        return create_stripe_gateway()
    raise RuntimeError(f"no payment provider is called {name!r}")


def create_stripe_gateway() -> "StripeGateway":
    """Build Stripe's gateway. Its library and its key are fetched with the first payment."""
    from shop.payments.gateway.stripe import StripeGateway

    arn, shop_url = os.environ["SECRET_STRIPE_KEY"], os.environ["SHOP_URL"]

    def key() -> str:
        import boto3

        manager = boto3.client("secretsmanager")
        return str(manager.get_secret_value(SecretId=arn)["SecretString"]).strip()

    return StripeGateway(key=key, return_url=lambda order_id: f"{shop_url}/orders/{order_id}")


def create_sandbox_provider() -> "SandboxProvider":
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
