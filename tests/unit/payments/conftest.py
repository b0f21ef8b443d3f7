"""Payment providers under test: in memory, the sandbox on moto, and Stripe over a fake server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shop.payments.gateway.stripe import StripeGateway
from tests.doubles.payments import MemoryProvider
from tests.doubles.stripe_server import KEY, StripeServer
from tests.kit.shop import create_tables, mock_aws

STRIPE_CARDS = {
    "tok_success": "pm_card_visa",
    "tok_declined": "pm_card_visa_chargeDeclined",
    "tok_challenge": "pm_card_authenticationRequired",
    "tok_pending": "pm_usBankAccount",
}
"""Token of the port's tests → Stripe's test card."""


@dataclass
class ProviderCase:
    """A provider, the handler id of its credentials, and the settlements it scheduled."""

    provider: Any
    handler: str
    scheduled: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    stripe: Any = None
    """The account of the fake server, for the Stripe gateway only."""


@pytest.fixture(scope="session")
def stripe_server() -> Iterator[StripeServer]:
    server = StripeServer()
    yield server
    server.close()


@pytest.fixture(params=["memory", "sandbox", "stripe"])
def case(request: pytest.FixtureRequest) -> Iterator[ProviderCase]:
    if request.param == "memory":
        yield ProviderCase(MemoryProvider(), "memory")
        return
    if request.param == "stripe":
        server = request.getfixturevalue("stripe_server")
        server.account = type(server.account)()
        yield ProviderCase(gateway(server), "stripe", tokens=STRIPE_CARDS, stripe=server.account)
        return
    with mock_aws():
        create_tables()
        from shop.payments.gateway.sandbox import SandboxProvider

        scheduled: list[str] = []
        provider = SandboxProvider(
            shop_url="http://shop.test", schedule_settlement=scheduled.append
        )
        yield ProviderCase(provider, "sandbox", scheduled)


def gateway(server: StripeServer, **more: Any) -> StripeGateway:
    """Create a Stripe gateway for the fake server."""
    settings = {"key": lambda: KEY, "timeout": (60.0, 60.0), **more}
    return StripeGateway(
        return_url="http://shop.test/orders/{}".format, base=server.url, **settings
    )
