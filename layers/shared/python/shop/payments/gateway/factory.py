"""Creation of the stage's payment provider. A missing setting fails the start."""

import os
from typing import TYPE_CHECKING

from shop.payments.ports import PaymentProvider

if TYPE_CHECKING:
    from shop.payments.gateway.sandbox import SandboxProvider
    from shop.payments.gateway.stripe import StripeGateway


def create_payment_provider() -> PaymentProvider:
    """Create the provider named by ``PAYMENT_PROVIDER``. Raises RuntimeError for another name."""
    name = os.environ["PAYMENT_PROVIDER"]
    if name == "sandbox":
        return create_sandbox_provider()
    if name == "stripe":
        return create_stripe_gateway()
    raise RuntimeError(f"PAYMENT_PROVIDER is {name!r}. Set it to sandbox or stripe.")


def create_stripe_gateway() -> "StripeGateway":
    """Create the Stripe gateway. The first payment loads its library and its key."""
    from shop.payments.gateway.stripe import StripeGateway  # lazy: only if the stage uses Stripe

    arn, shop_url = os.environ["SECRET_STRIPE_KEY"], os.environ["SHOP_URL"]

    def key() -> str:
        import boto3  # lazy: the first payment reads the key, a cold start does not

        manager = boto3.client("secretsmanager")
        return str(manager.get_secret_value(SecretId=arn)["SecretString"]).strip()

    return StripeGateway(key=key, return_url=lambda order_id: f"{shop_url}/orders/{order_id}")


def create_sandbox_provider() -> "SandboxProvider":
    """Create the sandbox provider, also for the handlers that exist only for a sandbox.

    Raises RuntimeError in production or with another provider.
    """
    # Synthesis checks this too. Checked again here, because a production shop that accepts test
    # tokens would ship goods without payment.
    if os.environ["STAGE"] == "prod" or os.environ["PAYMENT_PROVIDER"] != "sandbox":
        raise RuntimeError(
            "The payment sandbox needs a stage other than prod and PAYMENT_PROVIDER=sandbox."
        )
    from shop.payments.gateway import sandbox  # lazy: only if the stage uses the sandbox

    return sandbox.SandboxProvider(
        shop_url=os.environ["SHOP_URL"],
        schedule_settlement=sandbox.settle_through_queue(os.environ["QUEUE_SANDBOX_SETTLEMENTS"]),
    )
