"""A provider: in memory, the sandbox over its table (moto), and Stripe over a stand-in's HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from shop.payments.gateway.stripe import StripeGateway
from tests.doubles.payments import MemoryProvider
from tests.doubles.stripe_server import KEY, StripeServer
from tests.kit.shop import create_tables

STRIPES = {
    "tok_success": "pm_card_visa",
    "tok_declined": "pm_card_visa_chargeDeclined",
    "tok_challenge": "pm_card_authenticationRequired",
    "tok_pending": "pm_usBankAccount",
}
"""Stripe's own test cards, by what the suite calls them."""


@dataclass
class Counter:
    """A provider, the handler of its credentials, and what it was told to settle later."""

    provider: Any
    handler: str
    told: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    stripe: Any = None
    """The stand-in's account, where there is one."""


@pytest.fixture(scope="session")
def stripe_server() -> Iterator[StripeServer]:
    server = StripeServer()
    yield server
    server.close()


@pytest.fixture(params=["memory", "sandbox", "stripe"])
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    if request.param == "memory":
        yield Counter(MemoryProvider(), "memory")
        return
    if request.param == "stripe":
        server = request.getfixturevalue("stripe_server")
        server.account = type(server.account)()
        yield Counter(gateway(server), "stripe", tokens=STRIPES, stripe=server.account)
        return
    with mock_aws():
        create_tables()
        from shop.payments.gateway.sandbox import SandboxProvider

        told: list[str] = []
        provider = SandboxProvider(shop_url="http://shop.test", schedule_settlement=told.append)
        yield Counter(provider, "sandbox", told)


def gateway(server: StripeServer, **more: Any) -> StripeGateway:
    """The gateway, talking to the stand-in."""
    given = {"key": lambda: KEY, "timeout": (1.0, 1.0), **more}
    return StripeGateway(return_url="http://shop.test/orders/{}".format, base=server.url, **given)
